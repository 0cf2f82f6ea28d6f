"""The batch command: its words, its checks before any work, its exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from faceattr.batch.arguments import MAX_IMAGE_BYTES, MAX_PIXELS, parser
from faceattr.batch.interrupts import Interrupts
from faceattr.batch.output import writing_to
from faceattr.batch.photo import Analyzer, Work
from faceattr.batch.pool import Pool
from faceattr.batch.progress import Progress, Quiet
from faceattr.batch.run import run, wait_until_loaded
from faceattr.batch.scan import Entry, Kind, scan
from faceattr.batch.worker import load_analyzer
from faceattr.batch.write import Tables
from faceattr.errors import CannotWrite, EngineError, PackError, SettingsError
from faceattr.options import Options
from faceattr.settings import Settings

SOME_FAILED, INTERRUPTED = 3, 130


def main(argv: Sequence[str] | None = None, *, load: Callable[[Settings], Analyzer] = load_analyzer) -> int:
    """Runs the command and returns its exit code. `load` makes each worker's analyzer; it must be importable by name.

    Raises SystemExit for --help and for words that argparse refuses.
    """
    words = parser()
    args = words.parse_args(argv)
    log = Quiet(sys.stderr)
    complain = partial(_complain, log, words.prog)
    try:
        with Interrupts() as interrupts:
            return _batch(args, load, log, interrupts)
    except SettingsError as cause:
        return complain(cause, os.EX_USAGE)
    except CannotWrite as cause:
        return complain(cause, os.EX_CANTCREAT)
    except (PackError, EngineError) as cause:
        return complain(cause, os.EX_CONFIG)
    except KeyboardInterrupt:
        return complain("Interrupted: no table was written. Run the same command again to start over.", INTERRUPTED)


def _batch(args: argparse.Namespace, load: Callable[[Settings], Analyzer], log: Quiet, interrupts: Interrupts) -> int:
    settings = Settings.load(
        models=args.models,
        max_image_bytes=MAX_IMAGE_BYTES,
        max_pixels=MAX_PIXELS,
        slots=1,
        threads_per_inference=1,
    )
    _require_listable(args.input_dir)
    pictures = args.output_dir / "annotated" if args.annotate else None
    _require_apart(args.input_dir, args.output_dir, pictures)
    work = Work(args.input_dir, settings, Options(min_confidence=args.conf), load, pictures)
    with Tables(args.output_dir) as tables:
        if pictures:
            with writing_to(pictures):
                pictures.mkdir(exist_ok=True)
        entries = partial(_entries, args, interrupts)
        census = Counter(entry.kind for entry in entries())
        total = census["file"] + census["missing"] + census["unreadable"]
        with Pool(work, workers=max(1, min(args.workers, total))) as pool:
            wait_until_loaded(pool, interrupts.check)
            for line in pool.log:
                log.say(line)
            progress = Progress(total, log)
            try:
                for outcome in run(entries(), pool, interrupts.check):
                    tables.add(outcome)
                    progress.add(outcome)
            finally:
                progress.close()
        tables.commit()
        where = " and ".join(str(path) for path in tables.paths)
    log.say(f"{progress.summary()} Tables: {where}")
    if not_read := _not_read(census):
        log.say(f"Not read – {not_read}.")
    return SOME_FAILED if progress.failed else os.EX_OK


def _entries(args: argparse.Namespace, interrupts: Interrupts) -> Iterator[Entry]:
    try:
        for entry in scan(args.input_dir, recursive=args.recursive, leave_out=args.output_dir):
            interrupts.check()
            yield entry
    except OSError as cause:
        raise SettingsError(f"--input_dir '{args.input_dir}' cannot be read: {cause.strerror}.") from cause


def _require_listable(directory: Path) -> None:
    try:
        os.scandir(directory).close()
    except OSError as cause:
        raise SettingsError(f"--input_dir '{directory}' cannot be read: {cause.strerror}.") from cause


def _require_apart(source: Path, target: Path, pictures: Path | None) -> None:
    """Refuses a run whose results would be read as photos, now or by the next run."""
    real = Path(os.path.realpath(source))
    if real == Path(os.path.realpath(target)):
        raise SettingsError("--output_dir must be another directory than --input_dir; one inside it will do.")
    if pictures and Path(os.path.realpath(pictures)) in (real, *real.parents):
        raise SettingsError(f"--annotate would write its pictures among the photos, in '{pictures}'.")


def _not_read(census: Counter[Kind]) -> str:
    """What the scan met and the tables do not have, for people; empty when there is none."""
    names: dict[Kind, str] = {
        "link": "symbolic links",
        "special": "FIFOs, sockets or devices",
        "directory": "sub-directories, without --recursive",
    }
    return "; ".join(f"{name}: {census[kind]}" for kind, name in names.items() if census[kind])


def _complain(log: Quiet, program: str, what: object, code: int) -> int:
    log.say(f"{program}: {what}")
    return code
