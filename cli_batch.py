"""The batch command: `python cli_batch.py --help`."""

import sys

from faceattr.batch.cli import main

if __name__ == "__main__":
    sys.exit(main())
