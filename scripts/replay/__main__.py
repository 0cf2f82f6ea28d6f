"""scripts/replay-image: the Dockerfile's steps in a Debian root, its CMD as its user, and a table of what held.

It needs root, Linux, mmdebstrap, util-linux, and a network that apt and pip may use as they are set up on this
machine. Nothing is left behind. Exit codes: 0 everything held; 1 something did not, or could not be done.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.replay.base import SUITE, add_python, find_prefix, make_debian
from scripts.replay.build import build
from scripts.replay.dockerfile import DockerfileError, parse
from scripts.replay.machine import this_machine
from scripts.replay.proofs import Prover, table

NEEDED = ("mmdebstrap", "unshare", "nsenter", "mount")
CHECKOUT = Path(__file__).resolve().parents[2]


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/replay-image", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", metavar="FILE", help="interpreter to copy (default: python3.N of PATH)")
    parser.add_argument("--suite", help=f"Debian's release (default: as FROM says, else {SUITE})")
    parser.add_argument("--folder", type=Path, help="where to make the root: 2 GB (default: where temporary files go)")
    parser.add_argument("--photo", type=Path, default=CHECKOUT / "tests/data/astronaut.jpg", help="JPEG with one face")
    parsed = parser.parse_args()
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        raise SystemExit(f"replay-image: needs to be root, and {', '.join(NEEDED)}; missing: {missing or 'nothing'}")
    os.umask(0o022)
    try:
        image = parse((CHECKOUT / "Dockerfile").read_text())
    except DockerfileError as error:
        raise SystemExit(f"replay-image: {error}") from None
    prefix = find_prefix(image.python, parsed.python)
    suite = parsed.suite or image.suite or SUITE
    folder = Path(tempfile.mkdtemp(prefix="replay-", dir=parsed.folder))
    # mmdebstrap wants the way to its root to be open to others; those of the image's user see the root alone.
    folder.chmod(0o755)
    try:
        print(f"Debian {suite} ...", flush=True)
        root = folder / "root"
        make_debian(root, suite, prefix)
        difference = add_python(root, image.python, prefix)
        build(image, CHECKOUT, root, this_machine())
        prover = Prover(image, root, folder, CHECKOUT, parsed.photo.resolve())
        proofs = list(prover.all())
    except (DockerfileError, OSError, subprocess.SubprocessError) as error:
        raise SystemExit(f"replay-image: {error}") from None
    finally:
        shutil.rmtree(folder)
    print(f"\n{table(proofs)}\n\nUnlike the base image: {difference}.")
    return 0 if all(proof.holds for proof in proofs) else 1


if __name__ == "__main__":
    sys.exit(main())
