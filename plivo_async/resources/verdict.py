"""Verdict: whom the failure of a call concerns, as far as the error alone shows it. Pure."""

from __future__ import annotations

import socket
from enum import Enum

from plivo_async.errors import (
    ConfigurationError,
    DeadlineExceededError,
    InvalidCallUUIDError,
    LimiterUnavailableError,
    NetworkError,
    PermissionDeniedError,
    PlivoError,
    RateLimitError,
    RedirectError,
    StatusError,
    TLSError,
)

# The host does not exist. EAI_AGAIN, "try again", is another error: the resolver does not respond.
_NO_SUCH_HOST = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


class Verdict(Enum):
    """Whom a failed call concerns."""

    # The call alone: the service responded as it should.
    OWN = "own"
    # The call alone, and the service was not asked.
    UNSENT = "unsent"
    # Perhaps every call.
    SHARED = "shared"
    THROTTLED = "throttled"


def verdict(error: PlivoError) -> Verdict:
    """Return whom the failure of a call concerns, as far as the error alone shows it."""
    # A limiter of the user's own may raise its error without a status.
    if error.status == 429 or isinstance(error, RateLimitError):
        return Verdict.THROTTLED
    if isinstance(error, InvalidCallUUIDError):
        return Verdict.UNSENT
    if error.retryable or _concerns_all(error):
        return Verdict.SHARED
    return Verdict.OWN if error.status is not None else Verdict.UNSENT


def _concerns_all(error: PlivoError) -> bool:
    kinds = PermissionDeniedError | TLSError | RedirectError | ConfigurationError
    # Its server refuses the credentials.
    return isinstance(error, kinds) or (isinstance(error, LimiterUnavailableError) and error.is_permanent)


def is_counted(error: PlivoError) -> bool:
    """Whether the retry middleware has seen the failed attempts of a call and counted them."""
    by_attempt = isinstance(error, NetworkError | StatusError) and not isinstance(
        error, DeadlineExceededError
    )
    return by_attempt and error.retryable and error.attempts > 0


def is_hopeless(error: PlivoError) -> bool:
    """Whether waiting does not help, if no call ever succeeded."""
    cause = error.__cause__
    no_such_host = isinstance(cause, socket.gaierror) and cause.errno in _NO_SUCH_HOST
    return _concerns_all(error) or (isinstance(error, NetworkError) and no_such_host)
