"""A pickle outlives the layout of the package: it names public modules only."""

from __future__ import annotations

import inspect
import pickle
import pickletools
import sys
import traceback
import typing
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

import plivo_async
import plivo_async.testing
import plivo_async.webhooks
from plivo_async import (
    AsyncClient,
    CallDetailRecord,
    CallDirection,
    CallInfo,
    DecodeError,
    Failed,
    Fetched,
    FrozenMapping,
    HangupCause,
    HangupSource,
    Holding,
    LifetimeError,
    ListReport,
    LiveCall,
    LiveCallStatus,
    NetworkError,
    NotFoundError,
    Page,
    PlivoError,
    RateLimit,
    Recording,
    RetryPolicy,
    StirAttestation,
    StirVerification,
    TrunkCallDetailRecord,
    TrunkCallInsights,
    TrunkCallParty,
    TrunkHangupCause,
    TrunkHangupSource,
)
from plivo_async.testing import (
    Drop,
    FakeRateLimit,
    FakeStatistics,
    GeneratedCalls,
    InstantRetryPolicy,
    ListQuirks,
    RandomFaults,
    RecordedRequest,
    SignedCallback,
    StubResponse,
)
from plivo_async.webhooks import CallStatus, HangupEvent

PUBLIC = ("plivo_async", "plivo_async.testing", "plivo_async.webhooks")
EXPORTED = {
    f"{package.__name__}.{name}": getattr(package, name)
    for package in (plivo_async, plivo_async.testing, plivo_async.webhooks)
    for name in package.__all__
    if inspect.isclass(getattr(package, name))
}
ERRORS = {name: cls for name, cls in EXPORTED.items() if issubclass(cls, PlivoError | LifetimeError)}
RECORD = CallDetailRecord(
    call_uuid="5607532d",
    call_direction=CallDirection.INBOUND,
    end_time=datetime(2022, 10, 12, tzinfo=UTC),
    total_rate=Decimal("1.00000"),
    hangup_cause_code=HangupCause(4001),
    hangup_source=HangupSource("Martian"),
    extra={"new": {"nested": [1, None]}},
    wire_keys=("call_uuid", "new"),
)
VALUES: list[Any] = [
    AsyncClient("MAXXXXXXXXXXXXXXXXXX", "token").stats(),
    RECORD,
    CallDetailRecord(call_uuid="5607532d"),
    FrozenMapping({"new": 1}),
    *(CallDirection.OUTBOUND, CallDirection("sideways")),
    *(HangupCause.NORMAL_HANGUP, HangupCause(1)),
    *(HangupSource.CALLEE, HangupSource("Martian")),
    *(StirAttestation.NONE, StirAttestation("D")),
    *(StirVerification.VERIFIED, StirVerification("Perhaps")),
    TrunkCallDetailRecord(call_uuid="5607532d", hangup_cause_code=TrunkHangupCause.USER_BUSY),
    TrunkCallInsights(call_uuid="5607532d", caller=TrunkCallParty(carrier="x"), rtt=Decimal("1.0")),
    TrunkCallParty(number="+1", extra={"new": 1}),
    Recording(recording_id="r1", recording_storage_rate=Decimal("0.0004")),
    LiveCall(call_uuid="5607532d", call_status=LiveCallStatus.RINGING),
    *(LiveCallStatus.QUEUED, LiveCallStatus("odd")),
    *(TrunkHangupCause.NO_MORE_DESTINATIONS, TrunkHangupCause(1)),
    *(TrunkHangupSource.ZENTRUNK, TrunkHangupSource("Martian")),
    HangupEvent(call_uuid="5607532d", call_status=CallStatus.BUSY, extra={"X-PH-a": ["1", "2"]}),
    *(CallStatus.NO_ANSWER, CallStatus("odd")),
    Fetched("5607532d", RECORD),
    ListReport(complete=True, since=None, until=None),
    Page(records=(RECORD,), total=1, since=datetime(2026, 11, 1, tzinfo=UTC)),
    CallInfo(call_uuid="5607532d", deadline=5.0, attempts=1),
    Holding("outage", 1.0, 2.5),
    *(RateLimit(), RateLimit(requests=10, per=1.0)),
    *(RetryPolicy(), RetryPolicy(max_attempts=2)),
    plivo_async.testing.DOCUMENTED_CALL,
    *(StubResponse(503), StubResponse(200, {"a": 1}, headers={"Retry-After": "2"})),
    *(Drop(), Drop(after=3)),
    FakeRateLimit(kind="bucket"),
    GeneratedCalls(3, seed=1),
    InstantRetryPolicy(),
    ListQuirks(total_count="text"),
    FakeStatistics(requests={"call": 1}, statuses={"200": 1}, over_limit=0, bytes_sent=2, records_sent=1),
    RandomFaults(rate=0.5, faults=(500, Drop())),
    SignedCallback(method="POST", url="https://a.example/h", headers={"a": "b"}, body=b"CallUUID=c1"),
    RecordedRequest(
        method="GET", path="/", query="", headers={"host": "x"}, call_uuid=None, status=404, time=1.0
    ),
]
# Live objects (clients, pools, servers, limiters) and what only types know.
NO_VALUES = {
    "plivo_async.AsyncClient",
    "plivo_async.AttemptOptions",
    "plivo_async.Batch",
    "plivo_async.CallFilters",
    "plivo_async.CallsResource",
    "plivo_async.ConnectionPool",
    "plivo_async.Listing",
    "plivo_async.Middleware",
    "plivo_async.MiddlewareTransport",
    "plivo_async.RateLimitMiddleware",
    "plivo_async.RateLimiter",
    "plivo_async.RecordingFilters",
    "plivo_async.RecordingsResource",
    "plivo_async.RequestOptions",
    "plivo_async.RetryBudget",
    "plivo_async.RetryMiddleware",
    "plivo_async.SlidingWindowLimiter",
    "plivo_async.Tracing",
    "plivo_async.TrunkCallFilters",
    "plivo_async.TrunkCallsResource",
    "plivo_async.testing.ClientOptions",
    "plivo_async.testing.FakeLiveCalls",
    "plivo_async.testing.FakePlivo",
    "plivo_async.testing.FakeRecords",
    "plivo_async.testing.FakeServer",
    "plivo_async.testing.FakeTrunkCalls",
}


def inner_names(pickled: bytes) -> set[str]:
    """Every text in a pickle that names a module which is neither public nor of the standard library."""
    texts: set[str] = set()
    for opcode, argument, _ in pickletools.genops(pickled):
        if isinstance(argument, str):
            texts.add(argument.partition(" ")[0] if opcode.name == "GLOBAL" else argument)
    modules = {text for text in texts if text in sys.modules or text.startswith("plivo_async")}
    return {
        name
        for name in modules
        if name not in PUBLIC and name.partition(".")[0] not in sys.stdlib_module_names
    }


def named_globals(pickled: bytes) -> set[str]:
    """The qualified names of the package that a pickle of protocol 2 imports."""
    return {
        str(argument).partition(" ")[2]
        for opcode, argument, _ in pickletools.genops(pickled)
        if opcode.name == "GLOBAL" and str(argument).startswith("plivo_async")
    }


def error_with_a_cause(cls: type[PlivoError | LifetimeError]) -> PlivoError | LifetimeError:
    if not issubclass(cls, PlivoError):
        # A mistake in a program knows no response.
        return cls("no")
    error = cls(
        "no",
        status=404,
        api_id="x",
        attempts=2,
        retry_after=1.5,
        headers={"date": "x"},
        body=b"{}",
    )
    error.__cause__ = NetworkError("reset", attempts=1)
    return error


def facts(error: BaseException | None) -> Any:
    return error and (type(error), error.args, vars(error), facts(error.__cause__))


@pytest.mark.parametrize("protocol", [2, 5])
class TestAPickle:
    @pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
    def test_of_a_value_restores_it_and_names_no_inner_module(self, value: Any, protocol: int) -> None:
        pickled = pickle.dumps(value, protocol)
        restored = pickle.loads(pickled)
        assert (type(restored), restored) == (type(value), value)
        assert inner_names(pickled) == set()

    @pytest.mark.parametrize("cls", ERRORS.values(), ids=ERRORS)
    def test_of_an_error_restores_it_and_names_no_inner_module(
        self, cls: type[PlivoError | LifetimeError], protocol: int
    ) -> None:
        error = error_with_a_cause(cls)
        pickled = pickle.dumps(error, protocol)
        assert facts(pickle.loads(pickled)) == facts(error)
        assert inner_names(pickled) == set()

    def test_of_a_failed_outcome_restores_the_error(self, protocol: int) -> None:
        error = DecodeError("no", fields=("end_time",), body=b"{}")
        pickled = pickle.dumps(Failed("5607532d", error), protocol)
        restored = pickle.loads(pickled)
        assert (restored.call_uuid, facts(restored.error)) == ("5607532d", facts(error))
        assert inner_names(pickled) == set()


@pytest.mark.parametrize("value", [*VALUES, *map(error_with_a_cause, ERRORS.values())], ids=repr)
def test_a_pickle_imports_exported_classes_only(value: Any) -> None:
    assert named_globals(pickle.dumps(value, 2)) <= {cls.__name__ for cls in EXPORTED.values()}


def test_every_exported_class_is_pickled_here_or_no_value() -> None:
    pickled = {f"{type(value).__module__}.{type(value).__name__}" for value in VALUES}
    assert EXPORTED.keys() - pickled - ERRORS.keys() - {"plivo_async.Failed"} == NO_VALUES


@pytest.mark.parametrize(("path", "cls"), EXPORTED.items(), ids=EXPORTED)
class TestAnExportedClass:
    def test_has_its_public_path_in_its_repr(self, path: str, cls: type) -> None:
        assert repr(cls) in (f"<class '{path}'>", f"<enum '{cls.__name__}'>")
        assert f"{cls.__module__}.{cls.__qualname__}" == path

    def test_has_annotations_that_resolve(self, path: str, cls: type) -> None:
        assert all(not isinstance(hint, str) for hint in typing.get_type_hints(cls).values())


@pytest.mark.parametrize(("path", "cls"), ERRORS.items(), ids=ERRORS)
def test_a_traceback_has_the_public_path_of_an_error(
    path: str, cls: type[PlivoError | LifetimeError]
) -> None:
    assert traceback.format_exception_only(cls("no")) == [f"{path}: no\n"]


def test_the_check_finds_an_inner_module() -> None:
    pickled = pickle.dumps(error_with_a_cause(NotFoundError), 2)
    assert inner_names(pickled.replace(b"cplivo_async\n", b"cplivo_async.errors\n")) == {"plivo_async.errors"}
    assert inner_names(pickle.dumps(pytest.raises)) != set()
