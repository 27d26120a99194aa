"""The asyncio-native Python client for Plivo's call detail records (CDRs)."""

from plivo_async._version import __version__
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
    "ForkedError",
    "HangupCause",
    "HangupSource",
    "InvalidCallUUIDError",
    "LifetimeError",
    "Middleware",
    "MiddlewareTransport",
    "NetworkError",
    "NotFoundError",
    "PermissionDeniedError",
    "PlivoError",
    "RateLimitError",
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
    "__version__",
    "make_converter",
]
