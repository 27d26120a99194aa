"""The state of a fake Plivo, which determines its reply to a request. No I/O, no clock, no lock."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from plivo_async.testing.faults import (
    Drop,
    Fault,
    RandomFaults,
    StubResponse,
    as_fault,
)
from plivo_async.testing.list_quirks import ListQuirks
from plivo_async.testing.list_rules import CALLS, RECORDINGS, TRUNK_CALLS
from plivo_async.testing.listing import list_reply
from plivo_async.testing.live_calls import LiveCalls
from plivo_async.testing.rate_limits import FakeRateLimit, RequestCounter, request_counter
from plivo_async.testing.replies import (
    Reply,
    error_reply,
    faulty_reply,
    json_bytes,
    limit_reply,
)
from plivo_async.testing.requests import Request
from plivo_async.testing.routes import Kind
from plivo_async.testing.store import RecordStore


class FakeAccount:
    """One account, its records, its rate limit and its faults."""

    def __init__(self, auth_id: str, auth_token: str) -> None:
        self.auth_id = auth_id
        self.auth_token = auth_token
        self.calls = RecordStore(CALLS)
        self.trunk_calls = RecordStore(TRUNK_CALLS)
        self.recordings = RecordStore(RECORDINGS)
        self.live_calls = LiveCalls()
        self.queued_calls = LiveCalls()
        self.insights: dict[str, bytes] = {}
        self._stores: Mapping[Kind, RecordStore] = {
            **dict.fromkeys((Kind.CALL, Kind.CALL_LIST), self.calls),
            **dict.fromkeys((Kind.TRUNK_CALL, Kind.TRUNK_CALL_LIST), self.trunk_calls),
            **dict.fromkeys((Kind.RECORDING, Kind.RECORDING_LIST), self.recordings),
        }
        self._live: Mapping[Kind, LiveCalls] = {
            **dict.fromkeys((Kind.LIVE_CALL, Kind.LIVE_CALL_LIST), self.live_calls),
            **dict.fromkeys((Kind.QUEUED_CALL, Kind.QUEUED_CALL_LIST), self.queued_calls),
        }
        self.list_quirks = ListQuirks()
        self.over_limit = 0
        self._scripts: dict[str | None, Iterator[StubResponse | Drop]] = {}
        self.set_rate_limit(None)
        self.set_random_faults(None)

    def set_rate_limit(self, limit: FakeRateLimit | None) -> None:
        """Set the rate limit and start a new window."""
        self.rate_limit = limit
        self._counter: RequestCounter | None = None if limit is None else request_counter(limit)

    def set_random_faults(self, faults: RandomFaults | None) -> None:
        """Set the random faults and start again with their seed."""
        self.random_faults = faults
        self._random = random.Random(faults.seed if faults else 0)  # noqa: S311 - to be repeatable

    def script(self, faults: Iterable[Fault], call_uuid: str | None) -> None:
        """Set the faults to come, for a call or for all."""
        # A sequence is checked now, where the mistake is made; an iterator may be endless.
        self._scripts[call_uuid] = iter(
            list(map(as_fault, faults)) if isinstance(faults, Sequence) else map(as_fault, faults)
        )

    def reply_to(self, request: Request, clock: float, now: int, api_id: str) -> Reply:
        """Return the reply: credentials are checked first, then the rate limit, faults and the path.

        Args:
            request: The request.
            clock: The time in seconds for the rate limit, publications and live calls.
            now: The present in microseconds since 1970, for the spans of lists.
            api_id: The api_id of the reply.
        """
        if not request.is_by(self.auth_id, self.auth_token):
            return error_reply(401, api_id, None, (b"www-authenticate", b'Basic realm="Plivo"'))
        if self._counter is not None and self.rate_limit is not None:
            wait = self._counter.admit(clock)
            if wait is not None:
                self.over_limit += 1
                return limit_reply(self.rate_limit, wait, api_id)
        fault = self._next_fault(request.call_uuid)
        if fault is None:
            return self._serve(request, clock, now, api_id)
        return faulty_reply(fault, lambda: self._serve(request, clock, now, api_id), api_id)

    def _next_fault(self, call_uuid: str | None) -> StubResponse | Drop | None:
        for key in (call_uuid, None):
            script = self._scripts.get(key)
            fault = None if script is None else next(script, None)
            if fault is not None:
                return fault
            self._scripts.pop(key, None)
        faults = self.random_faults
        if faults is not None and self._random.random() < faults.rate:
            return faults.faults[int(self._random.random() * len(faults.faults))]
        return None

    def _serve(self, request: Request, clock: float, now: int, api_id: str) -> Reply:
        kind, name = request.route.kind, request.route.name
        if kind is Kind.OTHER:
            path = f"/v1/Account/{self.auth_id}/Call/{{call_uuid}}/"
            return error_reply(
                404, api_id, f"not found: FakePlivo serves GET {path}, with the final slash, and its lists"
            )
        if request.method != "GET":
            return error_reply(405, api_id, None, (b"allow", b"GET"))
        if "callback_url" in request.parameters:
            return Reply(200, json_bytes({"message": "async api spawned", "api_id": api_id}))
        if name is not None:
            # Another status than "live" and "queued" finds no record.
            is_refused = kind is Kind.CALL and "status" in request.parameters
            body = None if is_refused else self._body(kind, name, clock, api_id)
            return _one_record(body, api_id, kind)
        if kind in self._live:
            return Reply(200, json_bytes({"api_id": api_id, "calls": self._live[kind].call_uuids(clock)}))
        store = self._stores[kind]
        store.publications.count_list(clock)
        return list_reply(store, request, self.list_quirks, now, api_id)

    def _body(self, kind: Kind, name: str, clock: float, api_id: str) -> bytes | None:
        if kind is Kind.INSIGHTS:
            return self.insights.get(name)
        if kind in self._live:
            call = self._live[kind].get(name, clock)
            return None if call is None else json_bytes({"api_id": api_id, **call})
        store = self._stores[kind]
        return store.body(name) if store.publications.is_published(name, clock) else None


def _one_record(body: bytes | None, api_id: str, kind: Kind) -> Reply:
    if body is not None:
        return Reply(200, body, records=1)
    is_trunk = kind in (Kind.TRUNK_CALL, Kind.INSIGHTS)
    return error_reply(404, api_id, key="Error" if is_trunk else "error")
