from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator

import pytest

import plivo_async
from plivo_async import (
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
from plivo_async.errors import type_for_status

KNOWN = {
    "status": 503,
    "api_id": "97ceeb52-58b6-11e1-86da-77300b68f8bb",
    "attempts": 3,
    "retry_after": 1.5,
    "headers": {"server": "nginx"},
    "body": b'{"error": "busy"}',
}


def types_below(kind: type[PlivoError]) -> Iterator[type[PlivoError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == kind.__module__:
            yield from types_below(below)


TYPES = list(dict.fromkeys(types_below(PlivoError)))
every_type = pytest.mark.parametrize("kind", TYPES)
COPIES = [copy.copy, copy.deepcopy]
COPIES += [
    lambda error, p=p: pickle.loads(pickle.dumps(error, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)
]
every_copy = pytest.mark.parametrize(
    "copied", COPIES, ids=["copy", "deepcopy", *(f"pickle {p}" for p in range(pickle.HIGHEST_PROTOCOL + 1))]
)


def test_every_type_is_public() -> None:
    assert {kind.__name__ for kind in TYPES} == {
        name for name in plivo_async.__all__ if name.endswith("Error")
    }


@every_type
@every_copy
def test_a_copy_knows_what_the_original_knows(kind: type[PlivoError], copied: type) -> None:
    error = kind("busy", **KNOWN)
    error.add_note("seen in the night")
    again = copied(error)
    assert type(again) is kind
    assert vars(again) == vars(error)
    assert (str(again), repr(again), again.args) == (str(error), repr(error), error.args)


@every_type
@every_copy
def test_a_copy_has_the_causes_of_ours(kind: type[PlivoError], copied: type) -> None:
    error, middle, first = kind("late"), RateLimitError("limit", status=429), NetworkError("refused")
    error.__cause__, middle.__cause__ = middle, first
    again = copied(error)
    assert repr(again.__cause__) == repr(middle)
    assert repr(again.__cause__.__cause__) == repr(first)


@every_copy
def test_a_copy_has_no_cause_of_another_making(copied: type) -> None:
    error = NetworkError("refused")
    # Not every exception can be pickled.
    error.__cause__ = OSError(lambda: None)
    assert copied(error).__cause__ is None


@every_copy
def test_a_copy_knows_its_fields_at_fault(copied: type) -> None:
    assert copied(DecodeError("bad", fields=("end_time",))).fields == ("end_time",)


def test_a_deep_copy_shares_nothing_that_changes() -> None:
    error = ServerError("busy", headers={"server": "nginx"})
    assert copy.deepcopy(error).headers is not error.headers


@every_type
def test_an_error_is_its_message(kind: type[PlivoError]) -> None:
    error = kind("busy")
    assert (str(error), error.message, error.args) == ("busy", "busy", ("busy",))


@every_type
def test_what_is_not_known_is_none_or_empty(kind: type[PlivoError]) -> None:
    error = kind("busy")
    assert (error.status, error.api_id, error.retry_after, error.attempts) == (None, None, None, 0)
    assert (error.headers, error.body) == ({}, b"")


def test_a_repr_shows_what_is_known() -> None:
    assert repr(ServerError("busy", **KNOWN)) == (
        "ServerError('busy', status=503, api_id='97ceeb52-58b6-11e1-86da-77300b68f8bb', retry_after=1.5, "
        "attempts=3)"
    )


def test_a_repr_does_not_show_what_is_not_known() -> None:
    assert repr(TLSError("no")) == "TLSError('no')"


@pytest.mark.parametrize("kind", [ServerError, DecodeError])
def test_what_is_known_is_given_by_name(kind: type[PlivoError]) -> None:
    with pytest.raises(TypeError):
        kind("busy", 503)  # type: ignore[misc]


def test_errors_are_themselves_only() -> None:
    assert NetworkError("a") != NetworkError("a")
    assert len({NetworkError("a"), NetworkError("a")}) == 2


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (ConfigurationError, ValueError),
        (InvalidCallUUIDError, ValueError),
        (RequestTimeoutError, TimeoutError),
        (RequestTimeoutError, NetworkError),
        (DeadlineExceededError, TimeoutError),
        (ClientClosedError, LifetimeError),
        (EventLoopError, LifetimeError),
        (ForkedError, LifetimeError),
        (DecodeError, InvalidResponseError),
        (RecordMismatchError, InvalidResponseError),
        (ResponseTooLargeError, InvalidResponseError),
        (AuthenticationError, StatusError),
    ],
)
def test_a_type_can_be_caught_as_its_parent(kind: type[PlivoError], parent: type[Exception]) -> None:
    assert issubclass(kind, parent)


def test_network_errors_and_deadlines_are_retryable() -> None:
    retryable = {kind for kind in TYPES if kind("x").retryable}
    assert retryable == {NetworkError, RequestTimeoutError, DeadlineExceededError}


STATUSES = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
} | dict.fromkeys([99, 600, 999], UnexpectedStatusError)
BY_CLASS = {
    1: UnexpectedStatusError,
    2: UnexpectedStatusError,
    3: RedirectError,
    4: BadRequestError,
    5: ServerError,
}


@pytest.mark.parametrize("status", [99, *range(100, 601), 999])
def test_every_status_has_its_type(status: int) -> None:
    assert type_for_status(status) is STATUSES.get(status, BY_CLASS.get(status // 100))


@pytest.mark.parametrize("status", range(100, 600))
def test_a_status_is_retryable_where_the_same_call_may_succeed_later(status: int) -> None:
    error = type_for_status(status)("x", status=status)
    assert error.retryable == (status in {408, 429, 500, 502, 503, 504})
