"""The asyncio-native Python client for Plivo's call detail records (CDRs)."""

from __future__ import annotations

from importlib import import_module

from plivo_async._version import __version__

# Without an import of typing, so that the command handles Ctrl-C a few milliseconds after its start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from plivo_async.client import AsyncClient
    from plivo_async.context import CallInfo
    from plivo_async.errors import (
        AuthenticationError,
        BadRequestError,
        ClientClosedError,
        ConfigurationError,
        DeadlineExceededError,
        DecodeError,
        EventLoopError,
        ForkedError,
        InvalidCallUUIDError,
        InvalidResponseError,
        LifetimeError,
        LimiterUnavailableError,
        NetworkError,
        NotFoundError,
        PatienceExceededError,
        PermissionDeniedError,
        PlivoError,
        RateLimitError,
        RateLimitTimeoutError,
        RecordMismatchError,
        RedirectError,
        RequestTimeoutError,
        ResponseTooLargeError,
        RetentionError,
        ServerError,
        SignatureError,
        StatusError,
        SyncTargetError,
        TLSError,
        UnexpectedStatusError,
    )
    from plivo_async.middleware import CallNext, Middleware
    from plivo_async.middleware.rate_limiting import RateLimitMiddleware
    from plivo_async.middleware.retry import RetryMiddleware
    from plivo_async.middleware.transport import MiddlewareTransport
    from plivo_async.middleware.window_limiter import SlidingWindowLimiter
    from plivo_async.options import AttemptOptions, RequestOptions
    from plivo_async.rate_limit import RateLimit, RateLimiter
    from plivo_async.record.converter import make_converter
    from plivo_async.record.enums import (
        CallDirection,
        HangupCause,
        HangupSource,
        StirAttestation,
        StirVerification,
    )
    from plivo_async.record.live_call import LiveCall, LiveCallStatus
    from plivo_async.record.model import CallDetailRecord, FrozenMapping
    from plivo_async.record.recording import Recording
    from plivo_async.record.trunk_call import TrunkCallDetailRecord, TrunkCallInsights, TrunkCallParty
    from plivo_async.record.trunk_enums import TrunkHangupCause, TrunkHangupSource
    from plivo_async.resources.batch import Batch
    from plivo_async.resources.calls import CallsResource
    from plivo_async.resources.holding import Holding
    from plivo_async.resources.listing.filters import CallFilters
    from plivo_async.resources.listing.listing import Listing
    from plivo_async.resources.listing.page import Page
    from plivo_async.resources.listing.recording_filters import RecordingFilters
    from plivo_async.resources.listing.report import ListReport
    from plivo_async.resources.listing.trunk_filters import TrunkCallFilters
    from plivo_async.resources.outcome import Failed, Fetched, Outcome
    from plivo_async.resources.recordings import RecordingsResource
    from plivo_async.resources.trunk_calls import TrunkCallsResource
    from plivo_async.retry_policy import RetryBudget, RetryPolicy
    from plivo_async.stats import ClientStats
    from plivo_async.tracing import Tracing
    from plivo_async.transport import ConnectionPool

__all__ = [
    "AsyncClient",
    "AttemptOptions",
    "AuthenticationError",
    "BadRequestError",
    "Batch",
    "CallDetailRecord",
    "CallDirection",
    "CallFilters",
    "CallInfo",
    "CallNext",
    "CallsResource",
    "ClientClosedError",
    "ClientStats",
    "ConfigurationError",
    "ConnectionPool",
    "DeadlineExceededError",
    "DecodeError",
    "EventLoopError",
    "Failed",
    "Fetched",
    "ForkedError",
    "FrozenMapping",
    "HangupCause",
    "HangupSource",
    "Holding",
    "InvalidCallUUIDError",
    "InvalidResponseError",
    "LifetimeError",
    "LimiterUnavailableError",
    "ListReport",
    "Listing",
    "LiveCall",
    "LiveCallStatus",
    "Middleware",
    "MiddlewareTransport",
    "NetworkError",
    "NotFoundError",
    "Outcome",
    "Page",
    "PatienceExceededError",
    "PermissionDeniedError",
    "PlivoError",
    "RateLimit",
    "RateLimitError",
    "RateLimitMiddleware",
    "RateLimitTimeoutError",
    "RateLimiter",
    "RecordMismatchError",
    "Recording",
    "RecordingFilters",
    "RecordingsResource",
    "RedirectError",
    "RequestOptions",
    "RequestTimeoutError",
    "ResponseTooLargeError",
    "RetentionError",
    "RetryBudget",
    "RetryMiddleware",
    "RetryPolicy",
    "ServerError",
    "SignatureError",
    "SlidingWindowLimiter",
    "StatusError",
    "StirAttestation",
    "StirVerification",
    "SyncTargetError",
    "TLSError",
    "Tracing",
    "TrunkCallDetailRecord",
    "TrunkCallFilters",
    "TrunkCallInsights",
    "TrunkCallParty",
    "TrunkCallsResource",
    "TrunkHangupCause",
    "TrunkHangupSource",
    "UnexpectedStatusError",
    "__version__",
    "make_converter",
]

# Everything else is in `errors`.
_MODULES = {
    "client": "AsyncClient",
    "context": "CallInfo",
    "middleware": "CallNext Middleware",
    "middleware.rate_limiting": "RateLimitMiddleware",
    "middleware.retry": "RetryMiddleware",
    "middleware.transport": "MiddlewareTransport",
    "middleware.window_limiter": "SlidingWindowLimiter",
    "options": "AttemptOptions RequestOptions",
    "rate_limit": "RateLimit RateLimiter",
    "record.converter": "make_converter",
    "record.enums": "CallDirection HangupCause HangupSource StirAttestation StirVerification",
    "record.live_call": "LiveCall LiveCallStatus",
    "record.model": "CallDetailRecord FrozenMapping",
    "record.recording": "Recording",
    "record.trunk_call": "TrunkCallDetailRecord TrunkCallInsights TrunkCallParty",
    "record.trunk_enums": "TrunkHangupCause TrunkHangupSource",
    "resources.batch": "Batch",
    "resources.calls": "CallsResource",
    "resources.holding": "Holding",
    "resources.listing.filters": "CallFilters",
    "resources.listing.listing": "Listing",
    "resources.listing.page": "Page",
    "resources.listing.recording_filters": "RecordingFilters",
    "resources.listing.report": "ListReport",
    "resources.listing.trunk_filters": "TrunkCallFilters",
    "resources.outcome": "Failed Fetched Outcome",
    "resources.recordings": "RecordingsResource",
    "resources.trunk_calls": "TrunkCallsResource",
    "retry_policy": "RetryBudget RetryPolicy",
    "stats": "ClientStats",
    "tracing": "Tracing",
    "transport": "ConnectionPool",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}


def __dir__() -> list[str]:
    return __all__


# Hidden from type checkers, which would accept every name.
if not TYPE_CHECKING:  # pragma: no branch

    def __getattr__(name: str) -> object:
        # Late, because every run of pytest loads the plugin of this package, even if no test uses it.
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{_MODULE_OF.get(name, 'errors')}"), name)
        globals()[name] = found
        return found
