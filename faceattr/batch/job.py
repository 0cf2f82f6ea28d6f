"""One run of the batch in its output directory: survey, analyse what is not done, publish."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from faceattr.batch import identity, outcome
from faceattr.batch.empty import glance
from faceattr.batch.interrupts import Interrupts
from faceattr.batch.listed import Listing
from faceattr.batch.outcome import Outcome
from faceattr.batch.output import ANNOTATED, writing_to
from faceattr.batch.photo import Pictures, Work, discard
from faceattr.batch.progress import Progress, Quiet, plural
from faceattr.batch.publish import publish
from faceattr.batch.run import run, wait_until_loaded
from faceattr.batch.runner import Runner
from faceattr.batch.scan import Entry, scan
from faceattr.batch.selection import Selection
from faceattr.batch.state import Counts, State, Todo
from faceattr.batch.survey import survey
from faceattr.errors import EngineError, SettingsError

_LINE_EVERY = 60.0  # seconds between words about a long scan
_NOT_READ = {
    "link": "symbolic links",
    "special": "FIFOs, sockets or devices",
    "directory": "sub-directories, without --recursive",
    "excluded": "left out by --include and --exclude",
    "results": "results of other runs",
}


@dataclass(frozen=True, slots=True)
class Job:
    """What to do, and where: `output` is left out of the scan, `directory` (in it, or it) has state and results."""

    work: Work
    selection: Selection
    output: Path
    directory: Path
    formats: Sequence[str]
    retry_errors: bool = False
    moved: bool = False
    listing: Listing | None = None


def perform(
    job: Job,
    state: State,
    make_runner: Callable[[], AbstractContextManager[Runner]],
    log: Quiet,
    interrupts: Interrupts,
) -> Counts:
    """Does what is not done and writes all results. Returns the counts of all files.

    Raises KeyboardInterrupt when interrupted, with all that was finished committed, and what its parts raise.
    """
    _require_same_input(job, state)
    with make_runner() as runner:
        wait_until_loaded(runner, interrupts.check)
        for line in runner.log:
            log.say(line)
        if runner.identity is None:
            raise EngineError("No worker says what its models are.")
        work = job.work
        text = identity.description(runner.identity, work.settings, work.options, pictures=work.pictures is not None)
        state.use_analysis(text)
        not_read = _survey(job, state, log, interrupts)
        state.forget_failures(errors=job.retry_errors)
        counts = state.counts()
        if counts.done:
            log.say(f"{counts.done} of {counts.total} files are done already.")
        progress = Progress(counts.total, log, counts.done)
        try:
            _analyse(job.work, state, runner, progress, interrupts)
        finally:
            progress.close()
    interrupts.check()
    if job.work.pictures:
        _remove_pictures(job.work.pictures, state)
    counts = state.counts()
    paths = publish(job.directory, job.formats, state, counts, interrupts.check)
    state.remember(finished=True)
    _conclude(log, counts, progress, paths, not_read)
    if not job.work.pictures and (job.output / ANNOTATED).is_dir():
        log.say(f"'{job.output / ANNOTATED}' is of an earlier run with --annotate.")
    return counts


def _survey(job: Job, state: State, log: Quiet, interrupts: Interrupts) -> Counter[str]:
    chooser = job.selection.chooser()
    listing, root = job.listing, job.work.root
    entries = listing.entries() if listing else scan(root, chooser, job.output)
    state.remember(finished=False, input=_name(root), shard=job.selection.shard)
    expected = _nothing if listing else chooser.reaches
    not_read = survey(state.database, _watched(entries, root, log, interrupts), root, chooser, expected)
    selection = {
        "recursive": job.selection.recursive,
        "include": job.selection.include,
        "exclude": job.selection.exclude,
        "list": listing.digest if listing else None,
    }
    state.remember(selection=selection)
    return not_read


def _nothing(_path: bytes) -> bool:
    """A list names every file that is expected."""
    return False


def _watched(entries: Iterator[Entry], root: Path, log: Quiet, interrupts: Interrupts) -> Iterator[Entry]:
    said = time.monotonic()
    try:
        for number, entry in enumerate(entries, start=1):
            interrupts.check()
            if time.monotonic() - said >= _LINE_EVERY:
                said = time.monotonic()
                log.say(f"looking for files: {number} so far")
            yield entry
    except OSError as cause:
        raise SettingsError(f"--input_dir '{root}' cannot be read: {cause.strerror}.") from cause


def _analyse(work: Work, state: State, runner: Runner, progress: Progress, interrupts: Interrupts) -> None:
    analysis = state.analysis

    def at_once(todo: Todo) -> Outcome | None:
        return glance(todo, work)

    try:
        for todo, outcome in run(state.todo(), runner, state.commit_if_due, interrupts, at_once):
            state.record(todo, outcome, analysis)
            progress.add(outcome)
    finally:
        state.commit()


def _remove_pictures(pictures: Pictures, state: State) -> None:
    """Removes pictures that earlier runs made of photos that are gone now, or can no longer be analysed."""
    with writing_to(pictures.directory):
        for one in state.outcomes():
            if one.outcome not in (outcome.OK, outcome.NO_FACE):
                discard(pictures, one.path)


def _require_same_input(job: Job, state: State) -> None:
    before = state.fact("input")
    if before is not None and before != _name(job.work.root) and not job.moved:
        raise SettingsError(
            f"'{job.directory}' has the results of another directory, {before}. Choose another --output_dir; or add "
            "--moved if the photos were moved from there, or --fresh to start over."
        )


def _name(root: Path) -> str:
    """The input directory, so that a scan of it tomorrow is known to be one of the same."""
    return quote(os.fsencode(os.path.realpath(root)))


def _conclude(
    log: Quiet, counts: Counts, progress: Progress, paths: Sequence[Path], not_read: Mapping[str, int]
) -> None:
    words = ", ".join(f"{word} {count}" for word, count in sorted(counts.outcomes.items())) or "nothing"
    totals = f"{plural(counts.total, 'file')}: {words}; {plural(counts.faces, 'face')}, {counts.failed} failed"
    log.say(f"{totals}. {progress.summary()}.")
    if left := "; ".join(f"{name}: {not_read[kind]}" for kind, name in _NOT_READ.items() if not_read.get(kind)):
        log.say(f"Not read – {left}.")
    log.say(f"Results: {', '.join(str(path) for path in paths)}")
