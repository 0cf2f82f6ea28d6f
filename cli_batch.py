"""The batch command: `python cli_batch.py --help`."""

from faceattr.batch.cli import main
from faceattr.console import finish

if __name__ == "__main__":
    finish(main)
