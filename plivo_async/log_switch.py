"""PLIVO_ASYNC_LOG: shows the log records of the package on stderr, where the program itself does not."""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO, cast

from plivo_async.errors import ConfigurationError
from plivo_async.text import short_repr

VARIABLE = "PLIVO_ASYNC_LOG"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING}
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _StderrHandler(logging.Handler):
    """Writes to the stderr of the moment what no other handler of the logger or of its parents gets."""

    def emit(self, record: logging.LogRecord) -> None:
        stderr = cast("TextIO | None", sys.stderr)
        if stderr is None or self._is_shown_elsewhere():
            return
        try:
            stderr.write(self.format(record) + "\n")
            stderr.flush()
        except (OSError, ValueError):
            # Closed. There is no other place to report it.
            self.close()

    def _is_shown_elsewhere(self) -> bool:
        logger: logging.Logger | None = _logger
        while logger is not None:
            silent = (_StderrHandler, logging.NullHandler)
            if not all(isinstance(handler, silent) for handler in logger.handlers):
                return True
            logger = logger.parent if logger.propagate else None
        return False


_logger = logging.getLogger("plivo_async")
_handler = _StderrHandler()
_handler.setFormatter(logging.Formatter(_FORMAT))


def set_up_logging() -> None:
    """Show the log records of the level in PLIVO_ASYNC_LOG, and of those above it, each of them once.

    Raises:
        ConfigurationError: The variable has another value.
    """
    name = os.environ.get(VARIABLE, "").strip().lower()
    if not name or _handler in _logger.handlers:
        return
    if name not in _LEVELS:
        levels = ", ".join(_LEVELS)
        raise ConfigurationError(f"{VARIABLE} must be one of {levels}, not {short_repr(name)}")
    _logger.addHandler(_handler)
    # The program, or -vv of the command, may want to see more.
    if not 0 < _logger.level <= _LEVELS[name]:
        _logger.setLevel(_LEVELS[name])
