"""TrunkCallsResource: the call detail records of SIP trunks, which Plivo keeps apart from others."""

from __future__ import annotations

import uuid
from datetime import date, timedelta, tzinfo
from functools import partial
from typing import Unpack

from plivo_async.exported import exported
from plivo_async.options import RequestOptions
from plivo_async.record.converter import structure_as
from plivo_async.record.trunk_call import TrunkCallDetailRecord, TrunkCallInsights
from plivo_async.resources.batch import DEFAULT_CONCURRENCY
from plivo_async.resources.call_uuid import check_call_uuid
from plivo_async.resources.holding import DEFAULT_PATIENCE_SECONDS
from plivo_async.resources.listing.listing import Listing
from plivo_async.resources.listing.make import MAX_PAGE_SIZE, make_listing
from plivo_async.resources.listing.spec import ListSpec
from plivo_async.resources.listing.trunk_filters import TRUNK_CALL_FILTERS, TrunkCallFilters
from plivo_async.resources.resource import Resource
from plivo_async.resources.single_record import RecordSpec


class _ListOptions(TrunkCallFilters, RequestOptions, total=False):
    pass


_TRUNK_CALL = RecordSpec(
    path="Zentrunk/Call/{}/",
    operation="trunk_calls.get",
    kind=TrunkCallDetailRecord,
    noun="record of a SIP-trunk call",
    thing="SIP-trunk call",
    not_found=(
        "no such SIP-trunk call, or its record is not written yet, or it is older than 90 days, or it is a "
        "call of the voice API, for calls.get"
    ),
)
_INSIGHTS = RecordSpec(
    path="Zentrunk/Call/{}/Insights/",
    operation="trunk_calls.insights",
    kind=TrunkCallInsights,
    noun="record of the insights of a SIP-trunk call",
    thing="SIP-trunk call",
    not_found="no such SIP-trunk call, or it has no insights; calls of the voice API have none",
)
_TRUNK_CALL_LIST: ListSpec[TrunkCallDetailRecord] = ListSpec(
    path="Zentrunk/Call/",
    operation="trunk_calls.list",
    structure=partial(structure_as, TrunkCallDetailRecord),
    filters=TRUNK_CALL_FILTERS,
    longest_window=timedelta(days=90),
    default_span=timedelta(days=30),
)


@exported
class TrunkCallsResource(Resource):
    """The call detail records of SIP trunks (Zentrunk): `client.trunk_calls`.

    Plivo keeps them apart from other calls: `calls.get` does not find them.
    https://www.plivo.com/docs/sip-trunking/api/calls
    """

    async def get(
        self, call_uuid: str | uuid.UUID, **options: Unpack[RequestOptions]
    ) -> TrunkCallDetailRecord:
        """Fetch the record of one SIP-trunk call that has ended.

        An option that you do not pass has the client's value.

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
            NotFoundError: There is no such SIP-trunk call, its record is not written yet, it is older than 90
                days, or it is a call of the voice API.
            DecodeError: The response is not the record of a SIP-trunk call.
            RecordMismatchError: The response is the record of another call.
            PlivoError: Any other error of `calls.get`.
        """
        return await self._fetch(_TRUNK_CALL, check_call_uuid(call_uuid), options)

    async def insights(
        self, call_uuid: str | uuid.UUID, **options: Unpack[RequestOptions]
    ) -> TrunkCallInsights:
        """Fetch the quality of one SIP-trunk call. Plivo has none for voice calls.

        An option that you do not pass has the client's value.
        https://www.plivo.com/docs/sip-trunking/api/calls#retrieve-call-insights

        Args:
            call_uuid: The call UUID, as in `trunk_calls.get`.
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for the whole call, with all waits and retries; None for no deadline.
            retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt.
            max_body: Bytes that the body of the response may have, after decompression.

        Returns:
            The insights. Fields that Plivo leaves out are None.

        Raises:
            NotFoundError: There is no such SIP-trunk call, or it has no insights.
            PlivoError: Any other error of `trunk_calls.get`.
        """
        return await self._fetch(_INSIGHTS, check_call_uuid(call_uuid), options)

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
    ) -> Listing[TrunkCallDetailRecord]:
        """List the SIP-trunk calls that ended in a span of time: since <= end_time < until.

        `await` the result for the first page, or iterate over it for every record. Nothing is sent before.
        An option that you do not pass has the client's value.
        https://www.plivo.com/docs/sip-trunking/api/calls

        Args:
            since: The begin of the span: an aware datetime, or a date, which begins at 00:00 in `zone`.
                Default: 30 days before `until`.
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
            **filters: The filters of TrunkCallFilters, all of which a call has to fit: `call_direction`,
                `from_number`, `to_number`, `bill_duration`, `bill_duration__gt`, `bill_duration__gte`,
                `bill_duration__lt`, `bill_duration__lte`, `hangup_cause_code`, `hangup_source`,
                `stir_verification`.

        Returns:
            A Listing. Await it or iterate over it, once.

        Raises:
            ConfigurationError: Before any traffic: an argument cannot be used, or no call fits it.
            RetentionError: Before any traffic: the span begins before the 90 days that Plivo keeps.
        """
        return make_listing(
            self._requester,
            _TRUNK_CALL_LIST,
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
