"""CallsResource: the call detail records (CDRs) of an account."""

from __future__ import annotations

import asyncio
import random
import re
import uuid
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Unpack

import cattrs

from plivo_async.error_mapping import status_error
from plivo_async.errors import (
    DeadlineExceededError,
    DecodeError,
    InvalidCallUUIDError,
    NotFoundError,
    RecordMismatchError,
)
from plivo_async.exported import exported
from plivo_async.options import Options, RequestOptions
from plivo_async.record.converter import decode_record
from plivo_async.record.model import CallDetailRecord
from plivo_async.requester import Requester
from plivo_async.resources.batch import DEFAULT_CONCURRENCY, Batch
from plivo_async.text import printable, short_repr
from plivo_async.validation import positive_number

_FIRST_GAP_SECONDS = 1.0
_LONGEST_GAP_SECONDS = 15.0
_SHORTEST_GAP_SECONDS = 0.1
_LONGEST_RESPONSE_SECONDS = 1.0
_GAP_GROWTH = 1.5
_GAP_JITTER = 0.25
_CALL_UUID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@exported
class CallsResource:
    """The call detail records (CDRs) of an account: `client.calls`.

    https://www.plivo.com/docs/voice/api/call
    """

    def __init__(
        self,
        requester: Requester,
        converter: cattrs.Converter,
        options: Options,
        lane: object = None,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._requester = requester
        self._converter = converter
        self._options = options
        self._lane = lane
        self._sleep = sleep

    async def get(self, call_uuid: str | uuid.UUID, **options: Unpack[RequestOptions]) -> CallDetailRecord:
        """Fetch the record of one call that has ended.

        Plivo writes the record some seconds, sometimes minutes, after the hang-up; `wait` waits for it.
        https://www.plivo.com/docs/voice/api/call#retrieve-a-call-detail-record

        Args:
            call_uuid: The call UUID, as a `uuid.UUID` or 1 to 128 characters of `[A-Za-z0-9_-]`.
            **options: For this call, instead of the client's. `timeout`: seconds for each connect, read and
                write of one attempt, or an `httpx.Timeout`. `deadline`: seconds for the whole call, or None.
                `retry`: a RetryPolicy, a number of attempts, or None for one. `max_body`: bytes that the
                response may have.

        Returns:
            The record. Fields that Plivo leaves out are None.

        Raises:
            InvalidCallUUIDError: Before any traffic: this cannot be a call UUID.
            ConfigurationError: Before any traffic: an option cannot be used.
            NotFoundError: No such call, not written yet, older than 90 days, or a SIP-trunk call.
            AuthenticationError: The credentials are wrong.
            PermissionDeniedError: The credentials may not read this call.
            RateLimitError: The account has sent too much, and the wait does not fit.
            DeadlineExceededError: The deadline is over, or the next wait would not end before it.
            NetworkError: No whole response, after all attempts.
            DecodeError: The response is no call detail record.
            RecordMismatchError: The response is the record of another call.
            ClientClosedError: The client is closed.
            PlivoError: The root of these and all other errors.
        """
        asked = check_call_uuid(call_uuid)
        reply = await self._requester.request(
            "GET", f"Call/{asked}/", self._options.changed(options), lane=self._lane, call_uuid=asked
        )
        response, attempts = reply.response, reply.attempts
        if response.status_code != 200:
            raise status_error(response, attempts)
        try:
            record = decode_record(response.content, self._converter)
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
        call_uuids: Iterable[str | uuid.UUID] | AsyncIterable[str | uuid.UUID],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        **options: Unpack[RequestOptions],
    ) -> Batch:
        """Fetch the records of many calls, as fast as the rate limit allows.

        Args:
            call_uuids: Any iterable or async iterable; it is read as the work proceeds.
            concurrency: How many calls may be under way.
            **options: For each call, as in `get`. A call's deadline begins when it begins to wait for the
                rate limit.

        Returns:
            A Batch, to iterate within `async with`, or to await.

        Raises:
            ConfigurationError: An argument cannot be used. An error of a call is in its outcome.
        """
        lane = CallsResource(
            self._requester, self._converter, self._options.changed(options), object(), sleep=self._sleep
        )
        return Batch(lane.get, call_uuids, concurrency)

    async def wait(self, call_uuid: str | uuid.UUID, *, timeout: float = 300.0) -> CallDetailRecord:
        """Fetch the record of a call that has just ended, as soon as it exists.

        Until then Plivo responds with 404. This asks again and again, with growing gaps. Other options are
        the client's.

        Args:
            call_uuid: The call UUID.
            timeout: Seconds to go on asking.

        Returns:
            The record.

        Raises:
            NotFoundError: No record within `timeout`; the message says how long and how often it asked.
            PlivoError: Any other error of `get`.
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
            # The last request leaves time for its response.
            last = ends - min(_LONGEST_RESPONSE_SECONDS, 0.1 * timeout)
            gap = poll_gap(polls, last - clock(), random.random())  # noqa: S311
            if gap is None:
                raise _still_missing(missing, polls, attempts, clock() - began)
            await self._sleep(gap)

    def __repr__(self) -> str:
        return f"<CallsResource of {self._requester.account_url}>"


def poll_gap(polls: int, left: float, random: float) -> float | None:
    """Return the seconds from the n-th 404 to the next request; None after the last, due in `left`."""
    if left < _SHORTEST_GAP_SECONDS:
        return None
    gap = min(_LONGEST_GAP_SECONDS, _FIRST_GAP_SECONDS * _GAP_GROWTH ** min(polls - 1, 64)) * (
        1.0 - _GAP_JITTER * random
    )
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
    """Return the call UUID as text, fit to be a path segment.

    Raises:
        InvalidCallUUIDError: It is not.
    """
    text = str(value) if isinstance(value, uuid.UUID) else value
    if isinstance(text, str) and _CALL_UUID.fullmatch(text):
        # The checked text: a subclass of str, such as an Enum, may become another in a URL.
        return str.__str__(text)
    raise InvalidCallUUIDError(
        f"call_uuid must be a uuid.UUID or 1 to 128 characters of A-Z a-z 0-9 _ -, not {short_repr(text)}"
    )
