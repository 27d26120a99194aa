"""The state of a fake Plivo, which determines its reply to a request. No I/O, no clock, no lock."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence

from attrs import define

from plivo_async.testing.faults import (
    Drop,
    Fault,
    RandomFaults,
    StubResponse,
    as_fault,
)
from plivo_async.testing.rate_limits import FakeRateLimit, RequestCounter, request_counter
from plivo_async.testing.replies import (
    Reply,
    error_reply,
    faulty_reply,
    json_bytes,
    limit_reply,
)
from plivo_async.testing.requests import Request
from plivo_async.testing.store import RecordStore


@define
class _Publication:
    after_requests: int
    at: float


class FakeAccount:
    """One account, its calls, its rate limit and its faults."""

    def __init__(self, auth_id: str, auth_token: str) -> None:
        self.auth_id = auth_id
        self.auth_token = auth_token
        self.store = RecordStore()
        self.over_limit = 0
        self._scripts: dict[str | None, Iterator[StubResponse | Drop]] = {}
        self._publications: dict[str, _Publication] = {}
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

    def publish_later(self, call_uuid: str, after_requests: int, at: float) -> None:
        """Set when the record of a call becomes available."""
        self._publications[call_uuid] = _Publication(after_requests, at)

    def reply_to(self, request: Request, now: float, api_id: str) -> Reply:
        """Return the reply: credentials are checked first, then the rate limit, faults and the path."""
        if not request.is_by(self.auth_id, self.auth_token):
            return error_reply(401, api_id, None, (b"www-authenticate", b'Basic realm="Plivo"'))
        if self._counter is not None and self.rate_limit is not None:
            wait = self._counter.admit(now)
            if wait is not None:
                self.over_limit += 1
                return limit_reply(self.rate_limit, wait, api_id)
        fault = self._next_fault(request.call_uuid)
        if fault is None:
            return self._serve(request, now, api_id)
        return faulty_reply(fault, lambda: self._serve(request, now, api_id), api_id)

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

    def _serve(self, request: Request, now: float, api_id: str) -> Reply:
        call_uuid = request.call_uuid
        if call_uuid is None:
            path = f"/v1/Account/{self.auth_id}/Call/{{call_uuid}}/"
            return error_reply(404, api_id, f"not found: FakePlivo serves GET {path}, with the final slash")
        if request.method != "GET":
            return error_reply(405, api_id, None, (b"allow", b"GET"))
        parameters = request.parameters
        if "callback_url" in parameters:
            return Reply(200, json_bytes({"message": "async api spawned", "api_id": api_id}))
        # With `status` Plivo searches calls in progress, and a fake has none.
        if "status" in parameters or not self._is_published(call_uuid, now):
            return error_reply(404, api_id)
        body = self.store.body(call_uuid)
        return error_reply(404, api_id) if body is None else Reply(200, body)

    def _is_published(self, call_uuid: str, now: float) -> bool:
        publication = self._publications.get(call_uuid)
        if publication is None:
            return True
        if publication.after_requests > 0:
            publication.after_requests -= 1
            return False
        return now >= publication.at
