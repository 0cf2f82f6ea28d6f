"""The batch command: `python cli_batch.py --help`."""

import signal

if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while modules are imported, Ctrl-C is no error of theirs
    from faceattr.batch.cli import main
    from faceattr.console import finish

    finish(main)
