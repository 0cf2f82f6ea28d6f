"""The batch command: its words, its checks before any work, its exit codes."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from faceattr.batch import arguments, checks, database, lock, publish, shards, status, workforce
from faceattr.batch.helptext import MAX_IMAGE_BYTES, MAX_PIXELS
from faceattr.batch.interrupts import Interrupts
from faceattr.batch.job import Job, perform
from faceattr.batch.listed import Listing
from faceattr.batch.lock import Lock
from faceattr.batch.output import ANNOTATED, remove_parts, writing_to
from faceattr.batch.photo import Analyzer, Pictures, Work
from faceattr.batch.progress import Quiet, plural
from faceattr.batch.run import wait_until_loaded
from faceattr.batch.runner import Runner
from faceattr.batch.selection import Selection
from faceattr.batch.state import Counts, State
from faceattr.batch.worker import PackAnalyzer
from faceattr.console import printable
from faceattr.errors import (
    Busy,
    CannotWrite,
    EngineError,
    FaceAttrError,
    OptionError,
    PackError,
    SettingsError,
    StateError,
    WriteFailed,
)
from faceattr.flags import options_from_flags
from faceattr.settings import Settings

SOME_FAILED, INTERRUPTED = 3, 130
_CODES: tuple[tuple[type[FaceAttrError], int], ...] = (
    (SettingsError, os.EX_USAGE),
    (OptionError, os.EX_USAGE),
    (WriteFailed, os.EX_IOERR),
    (StateError, os.EX_IOERR),
    (CannotWrite, os.EX_CANTCREAT),
    (Busy, os.EX_TEMPFAIL),
    (PackError, os.EX_CONFIG),
    (EngineError, os.EX_CONFIG),
)


def main(argv: Sequence[str] | None = None, *, load: Callable[[Settings], Analyzer] = PackAnalyzer) -> int:
    """Runs the command and returns its exit code. `load` makes each worker's analyzer; it must be importable by name.

    Raises SystemExit for --help and for words that argparse refuses.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    log = Quiet(sys.stderr)
    if words[:1] == ["merge"]:
        parser = arguments.merge_parser()
        args = parser.parse_args(words[1:])
        return _guarded(lambda interrupts: _merge(args, log, interrupts), parser.prog, log)
    parser = arguments.parser()
    args = parser.parse_args(words)
    arguments.require_input(parser, args)
    if args.status:
        return _guarded(lambda _: _status(args), parser.prog, log)
    return _guarded(lambda interrupts: _batch(args, load, log, interrupts), parser.prog, log)


def _guarded(command: Callable[[Interrupts], int], name: str, log: Quiet) -> int:
    """The command's exit code, or that of what it raised, which is said in a sentence."""
    try:
        with Interrupts() as interrupts:
            return command(interrupts)
    except tuple(kind for kind, _ in _CODES) as cause:
        log.say(printable(f"{name}: {cause}"))
        return next(code for kind, code in _CODES if isinstance(cause, kind))
    except KeyboardInterrupt:
        log.say(f"{name}: Interrupted. What is done is kept; run the same command again to go on from there.")
        return INTERRUPTED


def _batch(args: argparse.Namespace, load: Callable[[Settings], Analyzer], log: Quiet, interrupts: Interrupts) -> int:
    settings = Settings.load(
        models=args.models,
        engine=args.engine,
        precision=args.precision,
        max_image_bytes=MAX_IMAGE_BYTES,
        max_pixels=MAX_PIXELS,
        slots=1,
        threads_per_inference=1,
    )
    checks.require_listable(args.input_dir)
    workforce.require(args.cluster)
    directory = shards.directory_of(args.output_dir, args.shard)
    pictures = Pictures(args.output_dir / ANNOTATED, directory) if args.annotate else None
    checks.require_apart(args.input_dir, args.output_dir, pictures)
    work = Work(args.input_dir, settings, options_from_flags(args), load, pictures, args.timeout)
    selection = Selection(args.recursive, tuple(args.include), tuple(args.exclude), args.shard)
    with contextlib.ExitStack() as stack:
        listing = stack.enter_context(_listing(args, selection))
        checks.prepare(directory, args.format, replace=args.fresh)
        stack.enter_context(Lock(directory))
        remove_parts(directory)
        loaded = _forget(args, work, directory, stack, interrupts) if args.fresh else None
        if pictures:
            with writing_to(pictures.directory):
                pictures.directory.mkdir(exist_ok=True)
                # By it a scan knows them for pictures of ours. A shard has its own one elsewhere.
                (args.output_dir / lock.NAME).touch()
        state = stack.enter_context(State(directory))
        job = Job(work, selection, args.output_dir, directory, args.format, args.retry_errors, args.moved, listing)
        counts = perform(job, state, lambda: nullcontext(loaded) if loaded else _runner(args, work), log, interrupts)
    return _code(counts)


def _forget(
    args: argparse.Namespace, work: Work, directory: Path, stack: contextlib.ExitStack, interrupts: Interrupts
) -> Runner:
    """Removes what earlier runs did, once there is a runner, which it returns: a run that is refused costs nothing."""
    runner = stack.enter_context(_runner(args, work))
    wait_until_loaded(runner, interrupts.check)
    database.remove(directory)
    if work.pictures and args.shard[1] == 1:  # else the other shards' are there, too
        with writing_to(work.pictures.directory), contextlib.suppress(FileNotFoundError):
            shutil.rmtree(work.pictures.directory)
    return runner


def _runner(args: argparse.Namespace, work: Work) -> Runner:
    return workforce.runner(work, args.workers, args.cluster)


def _merge(args: argparse.Namespace, log: Quiet, interrupts: Interrupts) -> int:
    checks.prepare(args.output_dir, args.format)
    directories = args.shards or shards.directories_in(args.output_dir)
    with Lock(args.output_dir), shards.Shards(directories) as source:
        remove_parts(args.output_dir)
        counts = source.counts()
        paths = publish.publish(args.output_dir, args.format, source, counts, interrupts.check)
    files = f"{plural(counts.total, 'file')}, {plural(counts.faces, 'face')}, {counts.failed} failed"
    log.say(f"{plural(len(directories), 'shard')}: {files}. Results: {', '.join(str(path) for path in paths)}")
    return _code(counts)


def _status(args: argparse.Namespace) -> int:
    for place, values in status.statuses(shards.directory_of(args.output_dir, args.shard)).items():
        print(json.dumps({"directory": str(place), **values}) if args.json else status.text(place, values))
    return os.EX_OK


def _code(counts: Counts) -> int:
    return SOME_FAILED if counts.failed else os.EX_OK


@contextlib.contextmanager
def _listing(args: argparse.Namespace, selection: Selection) -> Iterator[Listing | None]:
    if args.files_from is None:
        yield None
        return
    try:
        standard = args.files_from == "-"
        file = open(0 if standard else args.files_from, "rb", closefd=not standard)  # noqa: SIM115 - or a number
    except OSError as cause:
        raise SettingsError(f"--files-from '{args.files_from}' cannot be read: {cause.strerror}.") from cause
    with file:
        yield Listing(args.input_dir, file, args.files_from, selection.chooser())
