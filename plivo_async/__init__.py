"""The asyncio-native Python client for Plivo's call detail records (CDRs)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from plivo_async._version import __version__

if TYPE_CHECKING:
    from plivo_async.batch import Batch, Failed, Fetched, Outcome
    from plivo_async.calls import CallsResource
    from plivo_async.client import AsyncClient
    from plivo_async.converter import make_converter
    from plivo_async.errors import (
        AnswerError,
        AuthenticationError,
        BadRequestError,
        ClientClosedError,
        ConfigurationError,
        DeadlineExceededError,
        DecodeError,
        EventLoopError,
        ForkedError,
        InvalidCallUUIDError,
        LifetimeError,
        NetworkError,
        NotFoundError,
        PermissionDeniedError,
        PlivoError,
        RateLimitError,
        RateLimitTimeoutError,
        RecordMismatchError,
        RedirectError,
        RequestTimeoutError,
        ResponseTooLargeError,
        ServerError,
        StatusError,
        TLSError,
        UnexpectedStatusError,
    )
    from plivo_async.middleware import CallNext, Middleware
    from plivo_async.middleware.rate_limit import RateLimiter, RateLimiting, WindowLimiter
    from plivo_async.middleware.rate_window import RateLimit
    from plivo_async.middleware.retry import Retry
    from plivo_async.middleware.retry_policy import RetryBudget, RetryPolicy
    from plivo_async.middleware.transport import MiddlewareTransport
    from plivo_async.models import (
        CallDetailRecord,
        CallDirection,
        HangupCause,
        HangupSource,
        StirAttestation,
        StirVerification,
    )
    from plivo_async.options import RequestOptions
    from plivo_async.pool import ConnectionPool

__all__ = [
    "AnswerError",
    "AsyncClient",
    "AuthenticationError",
    "BadRequestError",
    "Batch",
    "CallDetailRecord",
    "CallDirection",
    "CallNext",
    "CallsResource",
    "ClientClosedError",
    "ConfigurationError",
    "ConnectionPool",
    "DeadlineExceededError",
    "DecodeError",
    "EventLoopError",
    "Failed",
    "Fetched",
    "ForkedError",
    "HangupCause",
    "HangupSource",
    "InvalidCallUUIDError",
    "LifetimeError",
    "Middleware",
    "MiddlewareTransport",
    "NetworkError",
    "NotFoundError",
    "Outcome",
    "PermissionDeniedError",
    "PlivoError",
    "RateLimit",
    "RateLimitError",
    "RateLimitTimeoutError",
    "RateLimiter",
    "RateLimiting",
    "RecordMismatchError",
    "RedirectError",
    "RequestOptions",
    "RequestTimeoutError",
    "ResponseTooLargeError",
    "Retry",
    "RetryBudget",
    "RetryPolicy",
    "ServerError",
    "StatusError",
    "StirAttestation",
    "StirVerification",
    "TLSError",
    "UnexpectedStatusError",
    "WindowLimiter",
    "__version__",
    "make_converter",
]

# Everything else is in `errors`.
_MODULES = {
    "batch": "Batch Failed Fetched Outcome",
    "calls": "CallsResource",
    "client": "AsyncClient",
    "converter": "make_converter",
    "middleware": "CallNext Middleware",
    "middleware.rate_limit": "RateLimiter RateLimiting WindowLimiter",
    "middleware.rate_window": "RateLimit",
    "middleware.retry": "Retry",
    "middleware.retry_policy": "RetryBudget RetryPolicy",
    "middleware.transport": "MiddlewareTransport",
    "models": "CallDetailRecord CallDirection HangupCause HangupSource StirAttestation StirVerification",
    "options": "RequestOptions",
    "pool": "ConnectionPool",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    # Late, because every pytest run loads the plugin in this package, whether its tests use it or not.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULE_OF.get(name, 'errors')}"), name)
    globals()[name] = found
    return found
