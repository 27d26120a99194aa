"""CallsResource: the call detail records (CDRs) of an account."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from datetime import date, tzinfo
from functools import partial
from typing import Unpack

import cattrs

from plivo_async.exported import exported
from plivo_async.options import AttemptOptions, Options, RequestOptions
from plivo_async.record.converter import structure_record
from plivo_async.record.live_call import LiveCall
from plivo_async.record.model import CallDetailRecord
from plivo_async.requester import Requester
from plivo_async.resources.batch import DEFAULT_CONCURRENCY, Batch
from plivo_async.resources.call_uuid import check_call_uuid
from plivo_async.resources.holding import DEFAULT_PATIENCE_SECONDS
from plivo_async.resources.lane import BatchLane
from plivo_async.resources.listing.filters import CALL_FILTERS, CallFilters
from plivo_async.resources.listing.listing import Listing
from plivo_async.resources.listing.make import MAX_PAGE_SIZE, make_listing
from plivo_async.resources.listing.spec import ListSpec
from plivo_async.resources.live_calls import LIVE_CALL, QUEUED_CALL, fetch_call_uuids
from plivo_async.resources.resource import Resource
from plivo_async.resources.single_record import RecordSpec
from plivo_async.resources.wait import DEFAULT_WAIT_SECONDS, wait_for_record
from plivo_async.validation import positive_number


class _ListOptions(CallFilters, RequestOptions, total=False):
    pass


_CALL = RecordSpec(path="Call/{}/", kind=CallDetailRecord, operation="calls.get")
_CALL_LIST: ListSpec[CallDetailRecord] = ListSpec(
    path="Call/", operation="calls.list", structure=structure_record, filters=CALL_FILTERS
)


@exported
class CallsResource(Resource):
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
        super().__init__(requester, converter, options, lane)
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
        return await self._fetch(_CALL, check_call_uuid(call_uuid), options)

    def get_many(
        self,
        call_uuids: Iterable[str | uuid.UUID] | AsyncIterable[str | uuid.UUID],
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        patience: float | None = DEFAULT_PATIENCE_SECONDS,
        **options: Unpack[RequestOptions],
    ) -> Batch:
        """Fetch the records of many calls, as fast as the rate limit allows.

        Args:
            call_uuids: Any iterable or async iterable; it is read as the work proceeds.
            concurrency: How many calls may be under way.
            patience: Seconds that nobody may send, because of the rate limit, a 429 or an outage, before the
                batch ends with PatienceExceededError; None for any time. Most outages are over within a
                quarter of an hour, and longer ones need a person.
            **options: For each call, as in `get`. A call's deadline does not run while it waits for the rate
                limit. `retry` counts the attempts in a row; a call that fails while others succeed has them
                twice.

        Returns:
            A Batch, to iterate within `async with`, or to await.

        Raises:
            ConfigurationError: An argument cannot be used. An error of a call is in its outcome.
        """
        seconds = None if patience is None else positive_number("patience", patience)
        lane = BatchLane(seconds, self._requester.notes)
        calls = CallsResource(
            self._requester, self._converter, self._options.changed(options), lane, sleep=self._sleep
        )
        return Batch(calls.get, call_uuids, concurrency, lane)

    def list(
        self,
        since: date | None = None,
        until: date | None = None,
        *,
        zone: tzinfo | str | None = None,
        allow_partial: bool = False,
        patience: float | None = DEFAULT_PATIENCE_SECONDS,
        page_size: int = MAX_PAGE_SIZE,
        concurrency: int = DEFAULT_CONCURRENCY,
        **filters: Unpack[_ListOptions],
    ) -> Listing[CallDetailRecord]:
        """List the calls that ended in a span of time: since <= end_time < until.

        `await` the result for the first page, or iterate over it for every record. Nothing is sent before.
        https://www.plivo.com/docs/voice/api/call#list-all-calls

        Args:
            since: An aware datetime, or a date, which begins at 00:00 in `zone`. Default: 7 days before
                `until`.
            until: The end, which is not part of the span: an aware datetime, or a date. Default: now. An end
                in the future becomes now.
            zone: The time zone of a date: a `tzinfo` or a name, such as "Asia/Kolkata".
            allow_partial: Whether `since` may be earlier than the 90 days that Plivo keeps calls. The
                report then has a warning.
            patience: Seconds that nobody may send, because of the rate limit, a 429 or an outage, before the
                iteration ends with PatienceExceededError; None for any time.
            page_size: How many records a request returns, 1 to 20.
            concurrency: How many requests may be under way.
            **filters: Those of CallFilters. Also the options of each request, as in `get`: `timeout`,
                `deadline`, `retry`, `max_body`. The deadline does not run while an iteration waits for the
                rate limit.

        Returns:
            A Listing, to await or to iterate over, once.

        Raises:
            ConfigurationError: Before any traffic: an argument cannot be used, or no call fits it.
            RetentionError: Before any traffic: the span begins before what Plivo keeps.
        """
        return make_listing(
            self._requester,
            _CALL_LIST,
            self._converter,
            self._options,
            filters,
            since=since,
            until=until,
            zone=zone,
            allow_partial=allow_partial,
            patience=patience,
            page_size=page_size,
            concurrency=concurrency,
            lane=self._lane,
        )

    async def wait(
        self,
        call_uuid: str | uuid.UUID,
        *,
        deadline: float = DEFAULT_WAIT_SECONDS,
        **options: Unpack[AttemptOptions],
    ) -> CallDetailRecord:
        """Fetch the record of a call that has just ended, as soon as it exists.

        Until then Plivo responds with 404. This asks again and again, with growing gaps. Neither a 404 nor a
        failure that may pass ends it early: it asks again at the next gap, or after the Retry-After of the
        response.

        Args:
            call_uuid: The call UUID.
            deadline: Seconds for the whole wait.
            **options: For each request, as in `get`: `timeout`, `retry`, `max_body`.

        Returns:
            The record.

        Raises:
            NotFoundError: No record within `deadline`; the message has the time and the number of requests.
            DeadlineExceededError: No record within `deadline`, and the last request failed in another way;
                the cause is that failure. Also raised when a Retry-After does not fit.
            RateLimitTimeoutError: The same, where that failure was a 429.
            PlivoError: At once: any other error of `get` that is not `retryable`, such as an
                AuthenticationError.
        """
        seconds = positive_number("deadline", deadline)

        def get(left: float) -> Awaitable[CallDetailRecord]:
            return self.get(call_uuid, deadline=left, **options)

        asked = check_call_uuid(call_uuid)
        wait = partial(wait_for_record, get, seconds, self._sleep, asked)
        return await self._requester.surrounded("calls.wait", _CALL.path.format(asked), asked, wait)

    async def live(self, **options: Unpack[RequestOptions]) -> tuple[str, ...]:
        """Fetch the call UUIDs of the calls in progress.

        Whether Plivo returns all of them if there are many is not documented.

        Args:
            **options: As in `get`.

        Raises:
            DecodeError: The response is no list of call UUIDs.
            PlivoError: As in `get`.
        """
        return await fetch_call_uuids(self._requester, "live", self._options.changed(options), self._lane)

    async def queued(self, **options: Unpack[RequestOptions]) -> tuple[str, ...]:
        """Fetch the call UUIDs of the queued calls.

        Args:
            **options: As in `get`.

        Raises:
            DecodeError: The response is no list of call UUIDs.
            PlivoError: As in `get`.
        """
        return await fetch_call_uuids(self._requester, "queued", self._options.changed(options), self._lane)

    async def get_live(self, call_uuid: str | uuid.UUID, **options: Unpack[RequestOptions]) -> LiveCall:
        """Fetch one call in progress.

        Args:
            call_uuid: The call UUID.
            **options: As in `get`.

        Raises:
            NotFoundError: The call is not in progress: it has ended, is queued, or never was.
            PlivoError: As in `get`.
        """
        return await self._fetch(LIVE_CALL, check_call_uuid(call_uuid), options)

    async def get_queued(self, call_uuid: str | uuid.UUID, **options: Unpack[RequestOptions]) -> LiveCall:
        """Fetch one queued call.

        Args:
            call_uuid: The call UUID.
            **options: As in `get`.

        Raises:
            NotFoundError: The call is not queued: it is in progress, has ended, or never was.
            PlivoError: As in `get`.
        """
        return await self._fetch(QUEUED_CALL, check_call_uuid(call_uuid), options)
