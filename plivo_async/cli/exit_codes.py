"""The exit codes of the command. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from plivo_async.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    InvalidCallUUIDError,
    NotFoundError,
    PatienceExceededError,
    PermissionDeniedError,
    PlivoError,
    SyncTargetError,
)


class ExitCode(IntEnum):
    """Exit codes; those above 128 are the ones a shell reports for SIGHUP, SIGINT, SIGPIPE and SIGTERM."""

    OK = 0
    FAILED = 1
    AUTHENTICATION = 2
    SERVER = 3
    RATE_LIMIT = 4
    WITH_FAILURES = 6
    HANGUP = 129
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


EXIT_CODE_HELP = """\b
Exit codes:
  0  success: every record was fetched
  1  usage, missing credentials, no such record, or an unusable file
  2  the credentials were refused (HTTP 401 or 403)
  3  server or network: timeout, deadline, TLS, unreadable response, outage
  4  the rate limit (HTTP 429 or --rate): the wait for it is too long
  6  finished, but some calls failed, or Plivo returned fewer than it counts
129 after SIGHUP, 130 after Ctrl-C, 141 if the reader closed the pipe,
143 after SIGTERM."""

GET_EXIT_CODE_HELP = """\b
Exit codes:
  0  every record was fetched
  1  usage, missing credentials, or no such record
  2  the credentials were refused (HTTP 401 or 403)
  3  server or network: timeout, deadline, TLS, unreadable response
  4  the rate limit (HTTP 429), also if the deadline ended the wait for it
If calls fail for different reasons: the first of 2, 4, 3, 1.
129 after SIGHUP, 130 after Ctrl-C, 141 if the reader closed the pipe,
143 after SIGTERM."""

EXPORT_EXIT_CODE_HELP = """\b
Exit codes:
  0  every record was written
  1  usage, missing credentials, or an unusable input or output
  2  the credentials were refused (HTTP 401, or 403 for the first calls)
  3  server or network: an outage longer than --max-wait, TLS, no such host
  4  the rate limit: a wait for it, or after HTTP 429, longer than --max-wait
  6  finished, but some calls failed; the failed file lists them
129 after SIGHUP, 130 after Ctrl-C, 141 if the reader closed the pipe,
143 after SIGTERM: the output keeps all records written so far, and
--resume continues from there."""

RETRY_EXIT_CODE_HELP = EXPORT_EXIT_CODE_HELP.replace("every record was", "every retried record was").replace(
    "--resume continues from there", "the same command continues from there"
)

LIST_EXIT_CODE_HELP = """\b
Exit codes:
  0  every call was listed
  1  usage, missing credentials, or a filter that no call can fit
  2  the credentials were refused (HTTP 401 or 403)
  3  server or network: an outage longer than --max-wait, TLS, no such host
  4  the rate limit: a wait for it, or after HTTP 429, longer than --max-wait
  6  finished, but some rows cannot be read, or Plivo returned fewer records
     than it counts
129 after SIGHUP, 130 after Ctrl-C, 141 if the reader closed the pipe,
143 after SIGTERM."""

SYNC_EXIT_CODE_HELP = """\b
Exit codes:
  0  FILE is up to date
  1  usage, missing credentials, an unusable FILE, or another sync into it
  2  the credentials were refused (HTTP 401, or 403 for the first requests)
  3  server or network: an outage longer than --max-wait, TLS, no such host
  4  the rate limit: a wait for it, or after HTTP 429, longer than --max-wait
  6  finished, but some rows cannot be read, or Plivo returned fewer records
     than it counts; the next sync asks for these again
129 after SIGHUP, 130 after Ctrl-C, 143 after SIGTERM: FILE keeps all records
written so far, and the same command continues from there."""

_BY_TYPE: tuple[tuple[type[PlivoError], ExitCode], ...] = (
    (ConfigurationError, ExitCode.FAILED),
    (InvalidCallUUIDError, ExitCode.FAILED),
    (NotFoundError, ExitCode.FAILED),
    (SyncTargetError, ExitCode.FAILED),
    (AuthenticationError, ExitCode.AUTHENTICATION),
    (PermissionDeniedError, ExitCode.AUTHENTICATION),
)
# The cause that affects most calls comes first: nothing works until it is fixed.
_PRECEDENCE = (ExitCode.AUTHENTICATION, ExitCode.RATE_LIMIT, ExitCode.SERVER, ExitCode.FAILED)


def exit_code(error: PlivoError) -> ExitCode:
    """Return the exit code for a call that failed, or for a client that could not be created."""
    # By status, so that a deadline that ends a wait for the rate limit counts as the rate limit.
    if error.status == 429:
        return ExitCode.RATE_LIMIT
    # Without a failure as its cause, it was the client's own limit that let no request pass.
    if isinstance(error, PatienceExceededError) and error.__cause__ is None:
        return ExitCode.RATE_LIMIT
    if isinstance(error, BadRequestError):
        return ExitCode.SERVER if error.retryable else ExitCode.FAILED
    return next((code for kind, code in _BY_TYPE if isinstance(error, kind)), ExitCode.SERVER)


def overall(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the exit code for several calls."""
    seen = set(codes)
    return next((code for code in _PRECEDENCE if code in seen), ExitCode.OK)
