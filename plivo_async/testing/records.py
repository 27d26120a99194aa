"""The records of a FakePlivo beside those of its calls: SIP-trunk calls, recordings, live calls."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, final

from attrs import frozen

from plivo_async.exported import exported
from plivo_async.resources.call_uuid import check_call_uuid
from plivo_async.testing.generated_trunk import GeneratedTrunkCalls
from plivo_async.testing.list_query import microseconds
from plivo_async.testing.live_calls import LiveCalls
from plivo_async.testing.replies import json_bytes
from plivo_async.testing.store import Generated, RecordOrMapping, RecordStore, as_mapping
from plivo_async.validation import finite_number, whole_number


@frozen
class Present:
    """The lock and the clocks that all records of a fake share.

    `now` returns the present in microseconds since 1970, `clock` seconds of another clock.
    """

    lock: threading.RLock
    clock: Callable[[], float]
    now: Callable[[], int]


@exported
class FakeRecords:
    """The records of one kind of a FakePlivo, such as `fake.recordings`."""

    def __init__(self, store: RecordStore, present: Present) -> None:
        self._store = store
        self._present = present

    def add(self, *records: RecordOrMapping) -> None:
        """Add records; each replaces an earlier one with the same call UUID or id.

        Args:
            *records: Records, or mappings that are sent as JSON.

        Raises:
            ConfigurationError: A record is neither a record nor a mapping.
            InvalidCallUUIDError: A record has no valid call UUID or id.
            ValueError: A value has no JSON form, such as a time without an offset.
            TypeError: A value is of a type that has no JSON form.
        """
        with self._present.lock:
            for record in records:
                self._store.add(record)

    @property
    def names(self) -> list[str]:
        """The call UUIDs or ids of all records, added ones in their order, then generated ones."""
        with self._present.lock:
            return self._store.names

    def publish_later(
        self, name: str, *, after_requests: int = 0, after_seconds: float = 0.0, after_lists: int = 0
    ) -> None:
        """Respond with 404 for a record at first, and leave it out of lists.

        Args:
            name: The call UUID, or the id of a recording.
            after_requests: How many requests for the record get 404, 0 or more.
            after_seconds: Seconds from now during which requests get 404, 0 or more.
            after_lists: How many list requests do not have the record, 0 or more.

        Raises:
            ConfigurationError: A number is negative or not finite.
        """
        whole_number("after_requests", after_requests, least=0)
        finite_number("after_seconds", after_seconds, least=0.0)
        whole_number("after_lists", after_lists, least=0)
        with self._present.lock:
            at = self._present.clock() + after_seconds
            self._store.publish_later(name, after_requests, at, after_lists)


@exported
@final
class FakeTrunkCalls(FakeRecords):
    """The SIP-trunk calls of a FakePlivo: `fake.trunk_calls`."""

    def __init__(self, store: RecordStore, present: Present, insights: dict[str, bytes]) -> None:
        super().__init__(store, present)
        self._insights = insights

    def generate(
        self,
        size: int,
        *,
        seed: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[str]:
        """Add `size` plausible SIP-trunk calls and return their call UUIDs, newest call first.

        Args:
            size: The number of calls, 0 or more.
            seed: A whole number, 0 or more. The same seed gives the same calls, and replaces them.
            since: The begin of the span in which the calls end, an aware time. None, together with `until`,
                for fixed times in 2025, which are too old for a list.
            until: The end of this span, an aware time that is not part of it; None as for `since`.

        Returns:
            The call UUIDs.

        Raises:
            ConfigurationError: An argument cannot be used.
        """
        return add_generated(self._store, self._present, GeneratedTrunkCalls(size, seed, since, until), until)

    def add_insights(self, insights: RecordOrMapping) -> None:
        """Add the insights of a call; they replace earlier ones.

        Args:
            insights: TrunkCallInsights, or a mapping that is sent as JSON.

        Raises:
            InvalidCallUUIDError: They have no valid call UUID.
            ValueError: A value has no JSON form.
            TypeError: A value is of a type that has no JSON form.
        """
        sent = as_mapping(insights)
        with self._present.lock:
            self._insights[check_call_uuid(sent.get("call_uuid"))] = json_bytes(sent)


@exported
@final
class FakeLiveCalls:
    """The calls in progress, or queued, of a FakePlivo: `fake.live_calls`, `fake.queued_calls`."""

    def __init__(self, calls: LiveCalls, present: Present, call_status: str) -> None:
        self._calls = calls
        self._present = present
        self._call_status = call_status

    def add(self, call: RecordOrMapping | str, *, seconds: float | None = None) -> None:
        """Add a call.

        Args:
            call: A LiveCall, a mapping that is sent as JSON, or a call UUID for a plausible call.
            seconds: Seconds until the call ends, 0 or more; None for a call that lasts until it is removed.

        Raises:
            InvalidCallUUIDError: The call has no valid call UUID.
            ConfigurationError: `seconds` is negative or not finite.
            ValueError: A value has no JSON form.
            TypeError: A value is of a type that has no JSON form.
        """
        sent = self._plausible(check_call_uuid(call)) if isinstance(call, str) else as_mapping(call)
        check_call_uuid(sent.get("call_uuid"))
        json_bytes(sent)
        left = math.inf if seconds is None else finite_number("seconds", seconds, least=0.0)
        with self._present.lock:
            self._calls.add(sent, self._present.clock() + left)

    def remove(self, call_uuid: str) -> None:
        """Remove a call, if the fake has it: it has ended.

        Args:
            call_uuid: The call UUID.
        """
        with self._present.lock:
            self._calls.remove(call_uuid)

    @property
    def call_uuids(self) -> list[str]:
        """The call UUIDs, in the order in which the calls were added."""
        with self._present.lock:
            return self._calls.call_uuids(self._present.clock())

    def _plausible(self, call_uuid: str) -> dict[str, Any]:
        began = datetime.fromtimestamp(self._present.now() / 1_000_000, UTC).replace(tzinfo=None)
        is_queued = self._call_status == "queued"
        only_live = {} if is_queued else {"request_uuid": call_uuid, "session_start": began.isoformat(" ")}
        return {
            "call_status": self._call_status,
            "call_uuid": call_uuid,
            "caller_name": "",
            "direction": "outbound",
            "from": "+12025550100",
            "to": "12025550199",
            **only_live,
            "stir_verification": "Not Applicable",
            "stir_attestation": "",
        }


def add_generated(
    store: RecordStore, present: Present, calls: Generated, until: datetime | None
) -> list[str]:
    """Add generated calls, and return their call UUIDs; one that ends in the future is published then."""
    with present.lock:
        store.generate(calls)
        now = present.now()
        if until is not None and microseconds(until) > now:
            store.withhold_future(calls, now, present.clock())
        if until is not None:
            # Now, because it takes seconds for a million calls, and a list request has a time limit.
            store.build_index()
    return list(calls.call_uuids)
