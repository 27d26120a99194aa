"""RecordingsResource: the recordings of an account. It downloads no audio."""

from __future__ import annotations

import uuid
from datetime import date, tzinfo
from functools import partial
from typing import Unpack

from plivo_async.errors import ConfigurationError, InvalidCallUUIDError
from plivo_async.exported import exported
from plivo_async.options import RequestOptions
from plivo_async.record.converter import structure_as
from plivo_async.record.recording import Recording
from plivo_async.resources.batch import DEFAULT_CONCURRENCY
from plivo_async.resources.call_uuid import check_call_uuid
from plivo_async.resources.holding import DEFAULT_PATIENCE_SECONDS
from plivo_async.resources.listing.listing import Listing
from plivo_async.resources.listing.make import MAX_PAGE_SIZE, make_listing
from plivo_async.resources.listing.recording_filters import (
    RECORDING_FILTERS,
    STORAGE_FILTERS,
    RecordingFilters,
)
from plivo_async.resources.listing.spec import ListSpec
from plivo_async.resources.resource import Resource
from plivo_async.resources.single_record import RecordSpec
from plivo_async.text import short_repr


class _ListOptions(RecordingFilters, RequestOptions, total=False):
    pass


_RECORDING = RecordSpec(
    path="Recording/{}/",
    operation="recordings.get",
    kind=Recording,
    noun="recording",
    thing="recording",
    name="recording_id",
    not_found="no such recording, or it was deleted",
)
_RECORDING_LIST: ListSpec[Recording] = ListSpec(
    path="Recording/",
    operation="recordings.list",
    structure=partial(structure_as, Recording),
    filters=RECORDING_FILTERS,
    id_key="recording_id",
    time_key="add_time",
    untimed=frozenset({"call_uuid", *STORAGE_FILTERS}),
    kept=None,
)


@exported
class RecordingsResource(Resource):
    """The recordings of an account: `client.recordings`. It downloads no audio.

    https://www.plivo.com/docs/voice/api/recording
    """

    async def get(self, recording_id: str | uuid.UUID, **options: Unpack[RequestOptions]) -> Recording:
        """Fetch one recording.

        An option that you do not pass has the client's value.

        Args:
            recording_id: The id, as a `uuid.UUID` or 1 to 128 characters of `[A-Za-z0-9_-]`.
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for the whole call, with all waits and retries; None for no deadline.
            retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt.
            max_body: Bytes that the body of the response may have, after decompression.

        Returns:
            The recording. Fields that Plivo leaves out are None.

        Raises:
            ConfigurationError: Before any traffic: this cannot be an id of a recording.
            NotFoundError: There is no such recording, or it was deleted.
            DecodeError: The response is not a recording.
            RecordMismatchError: The response is another recording.
            PlivoError: Any other error of `calls.get`.
        """
        return await self._fetch(_RECORDING, _check_id(recording_id), options)

    def list(
        self,
        since: date | None = None,
        until: date | None = None,
        *,
        zone: tzinfo | str | None = None,
        patience: float | None = DEFAULT_PATIENCE_SECONDS,
        page_size: int = MAX_PAGE_SIZE,
        concurrency: int = DEFAULT_CONCURRENCY,
        **filters: Unpack[_ListOptions],
    ) -> Listing[Recording]:
        """List the recordings of a call, or those that were stored in a span of time.

        `await` the result for the first page, or iterate over it for every recording. Nothing is sent before.
        With `call_uuid` and without `since` and `until` no times are sent. Plivo does not document whether it
        then returns recordings that are older than 7 days. An option that you do not pass has the client's
        value.
        https://www.plivo.com/docs/voice/api/recording#list-all-recordings

        Args:
            since: The begin of the span: an aware datetime, or a date, which begins at 00:00 in `zone`.
                Default: 7 days before `until`; no limit with `call_uuid` or `recording_storage_duration`.
            until: The end, which is not part of the span: an aware datetime, or a date. Default: now.
            zone: The time zone of a date: a `tzinfo` or a name, such as "Asia/Kolkata". A date needs one, so
                None is for datetimes.
            patience: Seconds that the iteration may hold, because of the rate limit, a 429 or an outage,
                before it ends with PatienceExceededError; None for any time.
            page_size: How many recordings a request returns, 1 to 20.
            concurrency: How many requests may be under way, at least 1.
            timeout: Seconds for each connect, read and write of one attempt, or an `httpx.Timeout`.
            deadline: Seconds for each request; None for no deadline. In an iteration it does not run while
                the request waits for the rate limit.
            retry: A RetryPolicy, or the number of attempts, at least 1; None for one attempt.
            max_body: Bytes that the body of each response may have, after decompression.
            **filters: The filters of RecordingFilters, all of which a recording has to fit: `call_uuid`,
                `from_number`, `to_number`, `conference_name`, `conference_uuid`, `mpc_name`, `mpc_uuid`,
                `recording_storage_duration`, `recording_storage_duration__gt`,
                `recording_storage_duration__gte`, `recording_storage_duration__lt`,
                `recording_storage_duration__lte`, `subaccount`.

        Returns:
            A Listing. Await it or iterate over it, once. The `call_uuid` of its outcomes is the id of the
            recording.

        Raises:
            ConfigurationError: Before any traffic: an argument cannot be used, or no recording fits it.
        """
        by_age = [name for name in STORAGE_FILTERS if filters.get(name) is not None]
        if by_age and (since is not None or until is not None):
            raise ConfigurationError(f"{by_age[0]} cannot be combined with since and until")
        return make_listing(
            self._requester,
            _RECORDING_LIST,
            self._converter,
            self._options,
            filters,
            since=since,
            until=until,
            zone=zone,
            allow_partial=False,
            patience=patience,
            page_size=page_size,
            concurrency=concurrency,
            lane=self._lane,
        )


def _check_id(value: object) -> str:
    try:
        return check_call_uuid(value)
    except InvalidCallUUIDError:
        raise ConfigurationError(
            f"recording_id must be a uuid.UUID or 1 to 128 characters of A-Z a-z 0-9 _ -, "
            f"not {short_repr(value)}"
        ) from None
