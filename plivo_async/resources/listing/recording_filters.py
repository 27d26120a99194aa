"""The filters of the list of recordings."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TypedDict

from plivo_async.exported import exported
from plivo_async.resources.listing.filters import (
    Filter,
    call_uuid,
    number,
    subaccount,
    whole,
    with_bounds,
    words,
)


@exported
class RecordingFilters(TypedDict, total=False):
    """The filters of `client.recordings.list`, with the names that Plivo gives them.

    A recording has to fit all of them. None is the same as no filter. A value that no recording can fit
    raises ConfigurationError. https://www.plivo.com/docs/voice/api/recording#list-all-recordings

    Attributes:
        call_uuid: The call that was recorded; of a dialled call its A leg.
        from_number: The number of the caller or its first digits. The client removes a `+`, because
            recordings have none.
        to_number: The number that was called or its first digits. The client removes a `+`.
        conference_name: The name of the conference that was recorded.
        conference_uuid: The UUID of this conference.
        mpc_name: The name of the multiparty call that was recorded.
        mpc_uuid: The UUID of this multiparty call.
        recording_storage_duration: Exactly this number of days since the recording was stored, 0 or more.
            Filters of these days do not go together with `since` and `until`.
        recording_storage_duration__gt: More days than this.
        recording_storage_duration__gte: This number of days, or more.
        recording_storage_duration__lt: Fewer days than this.
        recording_storage_duration__lte: This number of days, or fewer.
        subaccount: The auth id of the subaccount that the recording belongs to: `SA` and 18 characters.
    """

    call_uuid: str | uuid.UUID
    from_number: str
    to_number: str
    conference_name: str
    conference_uuid: str | uuid.UUID
    mpc_name: str
    mpc_uuid: str | uuid.UUID
    recording_storage_duration: int
    recording_storage_duration__gt: int
    recording_storage_duration__gte: int
    recording_storage_duration__lt: int
    recording_storage_duration__lte: int
    subaccount: str


STORAGE_FILTERS = with_bounds("recording_storage_duration", whole())
RECORDING_FILTERS: Mapping[str, Filter] = {
    "call_uuid": call_uuid,
    "from_number": number(plus=False),
    "to_number": number(plus=False),
    "conference_name": words,
    "conference_uuid": call_uuid,
    "mpc_name": words,
    "mpc_uuid": call_uuid,
    **STORAGE_FILTERS,
    "subaccount": subaccount,
}
