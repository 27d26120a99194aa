"""A fake Plivo for tests: `FakePlivo`, and pytest fixtures.

`fake_plivo`, `plivo_client`, `fake_plivo_url` and `plivo_mock` are described in
`plivo_async.testing.pytest_plugin`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plivo_async.testing.callbacks import SignedCallback, signed_hangup
    from plivo_async.testing.client_options import ClientOptions
    from plivo_async.testing.documented import DOCUMENTED_CALL
    from plivo_async.testing.fake import FakePlivo
    from plivo_async.testing.faults import (
        Drop,
        Fault,
        RandomFaults,
        StubResponse,
    )
    from plivo_async.testing.generated import GeneratedCalls
    from plivo_async.testing.instant_retry import InstantRetryPolicy
    from plivo_async.testing.list_quirks import ListQuirks
    from plivo_async.testing.mocks import mock_client
    from plivo_async.testing.rate_limits import FakeRateLimit
    from plivo_async.testing.records import FakeLiveCalls, FakeRecords, FakeTrunkCalls
    from plivo_async.testing.requests import RecordedRequest
    from plivo_async.testing.server import FakeServer
    from plivo_async.testing.statistics import FakeStatistics

__all__ = [
    "DOCUMENTED_CALL",
    "ClientOptions",
    "Drop",
    "FakeLiveCalls",
    "FakePlivo",
    "FakeRateLimit",
    "FakeRecords",
    "FakeServer",
    "FakeStatistics",
    "FakeTrunkCalls",
    "Fault",
    "GeneratedCalls",
    "InstantRetryPolicy",
    "ListQuirks",
    "RandomFaults",
    "RecordedRequest",
    "SignedCallback",
    "StubResponse",
    "mock_client",
    "signed_hangup",
]

_MODULES = {
    "DOCUMENTED_CALL": "documented",
    "StubResponse": "faults",
    "ClientOptions": "client_options",
    "Drop": "faults",
    "FakeLiveCalls": "records",
    "FakePlivo": "fake",
    "FakeRecords": "records",
    "FakeServer": "server",
    "FakeStatistics": "statistics",
    "FakeTrunkCalls": "records",
    "Fault": "faults",
    "GeneratedCalls": "generated",
    "InstantRetryPolicy": "instant_retry",
    "ListQuirks": "list_quirks",
    "RandomFaults": "faults",
    "FakeRateLimit": "rate_limits",
    "RecordedRequest": "requests",
    "mock_client": "mocks",
    "SignedCallback": "callbacks",
    "signed_hangup": "callbacks",
}


def __getattr__(name: str) -> Any:
    # Late, because every pytest run loads the plugin in this package, even if no test uses it.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
