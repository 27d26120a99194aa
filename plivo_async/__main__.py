"""`python -m plivo_async` is `plivo-async`."""

import sys

from plivo_async.cli import main

if __name__ == "__main__":
    sys.exit(main())
