"""What the exit code of the command says. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from plivo_async.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidCallUUIDError,
    NotFoundError,
    PermissionDeniedError,
    PlivoError,
)


class ExitCode(IntEnum):
    """The exit codes; those above 128 are what a shell reports for SIGINT, SIGPIPE and SIGTERM."""

    OK = 0
    FAILED = 1
    AUTHENTICATION = 2
    SERVER = 3
    RATE_LIMIT = 4
    WITH_FAILURES = 6
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


EXIT_CODE_HELP = """\b
Exit codes:
  0  every record was fetched
  1  usage, missing credentials, or no such record
  2  the credentials were refused (HTTP 401 or 403)
  3  server or network: timeout, deadline, TLS, unreadable answer
  4  the rate limit (HTTP 429), also when the deadline ended the wait for it
  6  export only: finished, but some calls failed
Where calls fail for different reasons, the first of 2, 4, 3, 1.
130 after Ctrl-C, 141 where the reader of a pipe went away, 143 after SIGTERM."""

EXPORT_EXIT_CODE_HELP = """\b
Exit codes:
  0  every record was written
  1  usage, missing credentials, an input or output that cannot be used
  2  the credentials were refused (HTTP 401)
  6  finished, but some calls failed: they are in the failed file
130 after Ctrl-C, 141 where the reader of a pipe went away, 143 after SIGTERM:
what was written stays, and --resume goes on from there."""

_BY_TYPE: tuple[tuple[type[PlivoError], ExitCode], ...] = (
    (ConfigurationError, ExitCode.FAILED),
    (InvalidCallUUIDError, ExitCode.FAILED),
    (NotFoundError, ExitCode.FAILED),
    (AuthenticationError, ExitCode.AUTHENTICATION),
    (PermissionDeniedError, ExitCode.AUTHENTICATION),
)
# What stands in the way of most calls comes first: nothing works until that is mended.
_PRECEDENCE = (ExitCode.AUTHENTICATION, ExitCode.RATE_LIMIT, ExitCode.SERVER, ExitCode.FAILED)


def exit_code(error: PlivoError) -> ExitCode:
    """The exit code for one failed call, or for a client that could not be built."""
    # By status, so that a deadline that ended a wait for the limit counts as the limit.
    if error.status == 429:
        return ExitCode.RATE_LIMIT
    if isinstance(error, BadRequestError):
        return ExitCode.SERVER if error.retryable else ExitCode.FAILED
    return next((code for kind, code in _BY_TYPE if isinstance(error, kind)), ExitCode.SERVER)


def overall(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code for several calls."""
    seen = set(codes)
    return next((code for code in _PRECEDENCE if code in seen), ExitCode.OK)
