from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

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
    LimiterUnavailableError,
    NetworkError,
    NotFoundError,
    PatienceExceededError,
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

KNOWN: dict[str, Any] = {
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
# Mistakes in a program, which are no failures of calls.
MISTAKES: list[type[LifetimeError]] = [LifetimeError, EventLoopError, ForkedError]
Copy = Callable[[PlivoError], PlivoError]


def pickled(protocol: int) -> Copy:
    return lambda error: pickle.loads(pickle.dumps(error, protocol))


COPIES: dict[str, Copy] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {protocol}": pickled(protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)},
}
every_copy = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


def test_every_type_is_public() -> None:
    assert {kind.__name__ for kind in (*TYPES, *MISTAKES)} == {
        name for name in plivo_async.__all__ if name.endswith("Error")
    }


@every_copy
def test_a_copy_of_every_type_equals_the_original(copied: Copy) -> None:
    for kind in TYPES:
        error = kind("busy", **KNOWN)
        error.add_note("seen at night")
        again = copied(error)
        assert type(again) is kind
        assert vars(again) == vars(error), kind
        assert (str(again), repr(again), again.args) == (str(error), repr(error), error.args)


@every_copy
def test_a_copy_of_every_type_keeps_the_causes_that_are_ours(copied: Copy) -> None:
    for kind in TYPES:
        error, middle, first = kind("late"), RateLimitError("limit", status=429), NetworkError("refused")
        error.__cause__, middle.__cause__ = middle, first
        cause = copied(error).__cause__
        assert repr(cause) == repr(middle), kind
        assert cause is not None
        assert repr(cause.__cause__) == repr(first), kind


@every_copy
def test_a_copy_drops_a_cause_that_is_not_ours(copied: Copy) -> None:
    error = NetworkError("refused")
    # Not every exception can be pickled.
    error.__cause__ = OSError(lambda: None)
    assert copied(error).__cause__ is None


@every_copy
def test_a_copy_keeps_the_fields_at_fault(copied: Copy) -> None:
    error = copied(DecodeError("bad", fields=("end_time",)))
    assert isinstance(error, DecodeError)
    assert error.fields == ("end_time",)


def test_a_deep_copy_shares_nothing_that_changes() -> None:
    error = ServerError("busy", headers={"server": "nginx"})
    assert copy.deepcopy(error).headers is not error.headers


@pytest.mark.parametrize("kind", TYPES)
def test_an_error_prints_as_its_message(kind: type[PlivoError]) -> None:
    error = kind("busy")
    assert (str(error), error.message, error.args) == ("busy", "busy", ("busy",))


@pytest.mark.parametrize("kind", TYPES)
def test_an_unknown_attribute_is_none_or_empty(kind: type[PlivoError]) -> None:
    error = kind("busy")
    assert (error.status, error.api_id, error.retry_after, error.attempts) == (None, None, None, 0)
    assert (error.headers, error.body) == ({}, b"")


def test_a_repr_shows_the_known_attributes() -> None:
    assert repr(ServerError("busy", **KNOWN)) == (
        "ServerError('busy', status=503, api_id='97ceeb52-58b6-11e1-86da-77300b68f8bb', retry_after=1.5, "
        "attempts=3)"
    )


def test_a_repr_omits_unknown_attributes() -> None:
    assert repr(TLSError("no")) == "TLSError('no')"


@pytest.mark.parametrize("kind", [ServerError, DecodeError])
def test_attributes_are_keyword_only(kind: type[PlivoError]) -> None:
    with pytest.raises(TypeError):
        kind("busy", 503)  # type: ignore[call-arg]


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
        (DecodeError, InvalidResponseError),
        (RecordMismatchError, InvalidResponseError),
        (ResponseTooLargeError, InvalidResponseError),
        (AuthenticationError, StatusError),
    ],
)
def test_a_type_can_be_caught_as_its_parent(kind: type[PlivoError], parent: type[Exception]) -> None:
    assert issubclass(kind, parent)


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_in_a_program_is_no_failure_of_a_call(kind: type[LifetimeError]) -> None:
    assert issubclass(kind, LifetimeError)
    assert issubclass(kind, RuntimeError)
    assert not issubclass(kind, PlivoError)


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_in_a_program_prints_as_its_message(kind: type[LifetimeError]) -> None:
    error = kind("wrong")
    assert (str(error), error.message, error.args) == ("wrong", "wrong", ("wrong",))
    assert repr(error) == f"{kind.__name__}('wrong')"


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_mistake_equals_the_original(copied: Callable[[Any], Any]) -> None:
    for kind in MISTAKES:
        error = kind("wrong")
        error.add_note("seen at night")
        again = copied(error)
        assert type(again) is kind
        assert (vars(again), again.args) == (vars(error), error.args)


def test_a_call_that_a_closing_client_ended_is_retryable() -> None:
    assert ClientClosedError("closed", during_call=True).retryable
    assert not ClientClosedError("closed").retryable


def test_network_errors_and_deadlines_are_retryable() -> None:
    retryable = {kind for kind in TYPES if kind("x").retryable}
    assert retryable == {
        *(NetworkError, RequestTimeoutError, DeadlineExceededError, PatienceExceededError),
        LimiterUnavailableError,
    }


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


def test_every_status_has_its_type() -> None:
    for status in (99, *range(100, 601), 999):
        assert type_for_status(status) is STATUSES.get(status, BY_CLASS.get(status // 100)), status


def test_an_error_is_retryable_for_six_statuses() -> None:
    errors = [type_for_status(status)("x", status=status) for status in range(100, 600)]
    assert [error.status for error in errors if error.retryable] == [408, 429, 500, 502, 503, 504]
