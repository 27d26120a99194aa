"""CallsResource: the call detail records (CDRs) of an account's calls."""

from __future__ import annotations

import asyncio
import random
import re
import uuid
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Unpack

from plivo_async.context import RequestContext
from plivo_async.error_mapping import status_error
from plivo_async.errors import (
    DeadlineExceededError,
    DecodeError,
    InvalidCallUUIDError,
    NotFoundError,
    RecordMismatchError,
)
from plivo_async.exported import exported
from plivo_async.options import RequestOptions
from plivo_async.record.converter import decode_record
from plivo_async.record.model import CallDetailRecord
from plivo_async.resources.batch import DEFAULT_CONCURRENCY, Batch
from plivo_async.text import printable, short_repr
from plivo_async.validation import positive_number

if TYPE_CHECKING:
    from plivo_async.client import AsyncClient

_FIRST_GAP = 1.0
_GAP_GROWTH = 1.5
_LONGEST_GAP = 15.0
_SHORTEST_GAP = 0.1
_GAP_JITTER = 0.25
_LONGEST_ANSWER = 1.0
_CALL_UUID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@exported
class CallsResource:
    """`client.calls`."""

    def __init__(
        self, client: AsyncClient, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._client = client
        self._sleep = sleep

    async def get(self, call_uuid: str | uuid.UUID, **options: Unpack[RequestOptions]) -> CallDetailRecord:
        """The record of one call that has ended.

        https://www.plivo.com/docs/voice/api/call#retrieve-a-call-detail-record

        Raises: InvalidCallUUIDError before any traffic; NotFoundError while no record exists; DecodeError or
        RecordMismatchError for an answer that is not this call's record; any other PlivoError.
        """
        asked = check_call_uuid(call_uuid)
        response = await self._client.request("GET", f"Call/{asked}/", **options)
        attempts = RequestContext.of(response.request).attempts
        if response.status_code != 200:
            raise status_error(response, attempts)
        try:
            record = decode_record(response.content, self._client.converter)
        except DecodeError as error:
            error.status, error.attempts = response.status_code, attempts
            raise
        if record.call_uuid.lower() != asked.lower():
            raise RecordMismatchError(
                f"asked for call {asked}, answered with the record of call {record.call_uuid[:128]!r}",
                status=response.status_code,
                api_id=printable(record.api_id or "") or None,
                attempts=attempts,
                body=response.content,
            )
        return record

    def get_many(
        self,
        ids: Iterable[str | uuid.UUID] | AsyncIterable[str | uuid.UUID],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        **options: Unpack[RequestOptions],
    ) -> Batch:
        """The records of many calls, as fast as the rate limit allows: a Batch, to iterate or to await.

        At most `concurrency` calls are under way. The options hold for each call; its deadline begins when it
        begins to wait for the rate limit.

        Raises: ConfigurationError. Whatever a call fails with is in its outcome.
        """
        client = self._client.in_own_lane().with_options(**options)
        return Batch(client.calls.get, ids, concurrency)

    async def wait(self, call_uuid: str | uuid.UUID, *, timeout: float = 300.0) -> CallDetailRecord:
        """The record of a call that has just ended, as soon as it exists: until then Plivo answers 404.

        Asks again and again, with growing gaps, for `timeout` seconds. Other options are the client's; see
        `AsyncClient.with_options`.

        Raises: NotFoundError when the time is over, saying how long it looked; whatever else `get` raises.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        ends = began + positive_number("timeout", timeout)
        missing: NotFoundError | None = None
        polls = attempts = 0
        while True:
            try:
                return await self.get(call_uuid, deadline=max(ends - clock(), 0.001))
            except NotFoundError as error:
                polls += 1
                attempts += error.attempts
                missing = error
            except DeadlineExceededError as error:
                if missing is None:
                    raise
                attempts += error.attempts
                raise _still_missing(missing, polls, attempts, clock() - began) from error
            # The last question comes early enough to be answered.
            last = ends - min(_LONGEST_ANSWER, 0.1 * timeout)
            gap = poll_gap(polls, last - clock(), random.random())  # noqa: S311
            if gap is None:
                raise _still_missing(missing, polls, attempts, clock() - began)
            await self._sleep(gap)

    def __repr__(self) -> str:
        return f"{self._client!r}.calls"


def poll_gap(polls: int, left: float, random: float) -> float | None:
    """Seconds from the n-th 404 to the next question; None after the last one, due in `left` seconds."""
    if left < _SHORTEST_GAP:
        return None
    gap = min(_LONGEST_GAP, _FIRST_GAP * _GAP_GROWTH ** min(polls - 1, 64)) * (1.0 - _GAP_JITTER * random)
    return min(gap, left)


def _still_missing(missing: NotFoundError, polls: int, attempts: int, seconds: float) -> NotFoundError:
    return NotFoundError(
        f"no record after {seconds:.1f} s, asked for {polls} times: {missing}",
        status=missing.status,
        api_id=missing.api_id,
        attempts=attempts,
        headers=missing.headers,
        body=missing.body,
    )


def check_call_uuid(value: object) -> str:
    """The call UUID as text, fit to be a path segment.

    Raises: InvalidCallUUIDError.
    """
    text = str(value) if isinstance(value, uuid.UUID) else value
    if isinstance(text, str) and _CALL_UUID.fullmatch(text):
        # What was checked, whatever a subclass of str, such as an Enum, makes of itself in a URL.
        return str.__str__(text)
    raise InvalidCallUUIDError(
        f"call_uuid must be a uuid.UUID or 1 to 128 characters of A-Z a-z 0-9 _ -, not {short_repr(text)}"
    )
