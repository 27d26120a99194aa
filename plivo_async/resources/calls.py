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

        Plivo writes the record some seconds, sometimes minutes, after the hang-up; `calls.wait` waits for it.
        An option that you do not pass has the client's value.
        https://www.plivo.com/docs/voice/api/call#retrieve-a-call-detail-record

        Args:
            call_uuid: The call UUID, as a `uuid.UUID` or 1 to 128 characters of `[A-Za-z0-9_-]`.
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for the whole call, with all waits and retries; None for no deadline.
            retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt.
            max_body: Bytes that the body of the response may have, after decompression.

        Returns:
            The record. Fields that Plivo leaves out are None.

        Raises:
            InvalidCallUUIDError: Before any traffic: this cannot be a call UUID.
            ConfigurationError: Before any traffic: an option cannot be used.
            NotFoundError: There is no such call, its record is not written yet, it is older than 90 days, or
                it is a SIP-trunk call.
            AuthenticationError: The credentials are wrong.
            PermissionDeniedError: The credentials may not read this call.
            RateLimitError: The account has sent too many requests, and the call cannot wait long enough.
            DeadlineExceededError: The deadline is over, or the next wait would outlast it.
            NetworkError: No whole response, after all attempts.
            DecodeError: The response is not a call detail record.
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

        An option that you do not pass has the client's value.

        Args:
            call_uuids: An iterable or async iterable of call UUIDs, each as in `calls.get`. It is read as the
                work proceeds.
            concurrency: How many calls may be under way, at least 1.
            patience: Seconds that the batch may hold, because of the rate limit, a 429 or an outage, before
                it ends with PatienceExceededError; None for any time.
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for each call; None for no deadline. It does not run while the call waits for
                the rate limit.
            retry: A RetryPolicy, or the number of attempts in a row, at least 1; None for one attempt. A call
                that fails while others succeed has them twice.
            max_body: Bytes that the body of each response may have, after decompression.

        Returns:
            A Batch. Iterate over it within `async with`, or await it.

        Raises:
            ConfigurationError: An argument cannot be used. The error of a call is in its outcome.
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
        An option that you do not pass has the client's value.
        https://www.plivo.com/docs/voice/api/call#list-all-calls

        Args:
            since: The begin of the span: an aware datetime, or a date, which begins at 00:00 in `zone`.
                Default: 7 days before `until`.
            until: The end, which is not part of the span: an aware datetime, or a date. Default: now. An end
                in the future becomes now.
            zone: The time zone of a date: a `tzinfo` or a name, such as "Asia/Kolkata". A date needs one, so
                None is for datetimes.
            allow_partial: Whether `since` may be earlier than the 90 days that Plivo keeps calls. The
                report then has a warning.
            patience: Seconds that the iteration may hold, because of the rate limit, a 429 or an outage,
                before it ends with PatienceExceededError; None for any time.
            page_size: How many records a request returns, 1 to 20.
            concurrency: How many requests may be under way, at least 1.
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for each request; None for no deadline. In an iteration it does not run while
                the request waits for the rate limit.
            retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt.
            max_body: Bytes that the body of each response may have, after decompression.
            **filters: The filters of CallFilters, all of which a call has to fit: `call_direction`,
                `from_number`, `to_number`, `bill_duration`, `bill_duration__gt`, `bill_duration__gte`,
                `bill_duration__lt`, `bill_duration__lte`, `parent_call_uuid`, `hangup_cause_code`,
                `hangup_source`, `stir_verification`, `subaccount`.

        Returns:
            A Listing. Await it or iterate over it, once.

        Raises:
            ConfigurationError: Before any traffic: an argument cannot be used, or no call fits it.
            RetentionError: Before any traffic: the span begins before the 90 days that Plivo keeps.
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

        Until the record exists, Plivo responds with 404. This method requests it again and again: the gaps
        grow from 1 s to 15 s. Neither a 404 nor a retryable failure ends the wait early. The next request
        follows after the gap, or after the Retry-After of the response. An option that you do not pass has
        the client's value.

        Args:
            call_uuid: The call UUID, as in `calls.get`.
            deadline: Seconds for the whole wait, above zero.
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            retry: A RetryPolicy, or the number of attempts of each request, at least 1; None for one attempt.
            max_body: Bytes that the body of each response may have, after decompression.

        Returns:
            The record.

        Raises:
            NotFoundError: No record within `deadline`. The message has the time and the number of requests.
            DeadlineExceededError: No record within `deadline`, and the last request failed in another way,
                which is the cause. Also raised when a Retry-After would outlast the deadline.
            RateLimitTimeoutError: The same, and the last failure was a 429.
            PlivoError: At once: any other error of `calls.get` that is not `retryable`, such as an
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

        Plivo does not document whether it returns all of them if there are many. An option that you do not
        pass has the client's value.

        Args:
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for the whole call, with all waits and retries; None for no deadline.
            retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt.
            max_body: Bytes that the body of the response may have, after decompression.

        Returns:
            The call UUIDs, in Plivo's order.

        Raises:
            DecodeError: The response is not a list of call UUIDs.
            PlivoError: Any other error of `calls.get`.
        """
        return await fetch_call_uuids(self._requester, "live", self._options.changed(options), self._lane)

    async def queued(self, **options: Unpack[RequestOptions]) -> tuple[str, ...]:
        """Fetch the call UUIDs of the queued calls.

        An option that you do not pass has the client's value.

        Args:
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for the whole call, with all waits and retries; None for no deadline.
            retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt.
            max_body: Bytes that the body of the response may have, after decompression.

        Returns:
            The call UUIDs, in Plivo's order.

        Raises:
            DecodeError: The response is not a list of call UUIDs.
            PlivoError: Any other error of `calls.get`.
        """
        return await fetch_call_uuids(self._requester, "queued", self._options.changed(options), self._lane)

    async def get_live(self, call_uuid: str | uuid.UUID, **options: Unpack[RequestOptions]) -> LiveCall:
        """Fetch one call in progress.

        An option that you do not pass has the client's value.

        Args:
            call_uuid: The call UUID, as in `calls.get`.
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for the whole call, with all waits and retries; None for no deadline.
            retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt.
            max_body: Bytes that the body of the response may have, after decompression.

        Returns:
            The call. Fields that Plivo leaves out are None.

        Raises:
            NotFoundError: The call is not in progress: it has ended, is queued, or never existed.
            PlivoError: Any other error of `calls.get`.
        """
        return await self._fetch(LIVE_CALL, check_call_uuid(call_uuid), options)

    async def get_queued(self, call_uuid: str | uuid.UUID, **options: Unpack[RequestOptions]) -> LiveCall:
        """Fetch one queued call.

        An option that you do not pass has the client's value.

        Args:
            call_uuid: The call UUID, as in `calls.get`.
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for the whole call, with all waits and retries; None for no deadline.
            retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt.
            max_body: Bytes that the body of the response may have, after decompression.

        Returns:
            The call. Fields that Plivo leaves out are None.

        Raises:
            NotFoundError: The call is not queued: it is in progress, has ended, or never existed.
            PlivoError: Any other error of `calls.get`.
        """
        return await self._fetch(QUEUED_CALL, check_call_uuid(call_uuid), options)
