"""Runs the command `plivo-async` as `python -m plivo_async`."""

import sys

from plivo_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
