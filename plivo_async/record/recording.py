"""A recording of a call, as a value."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import final

from attrs import frozen

from plivo_async.exported import exported
from plivo_async.record.json_record import JSONRecord


@exported
@final
@frozen(kw_only=True, repr=False)
class Recording(JSONRecord):
    """A recording of a call or a conference.

    A field is None where Plivo left it out or sent null. Plivo sends numbers as text or as JSON numbers; both
    keep every digit. https://www.plivo.com/docs/voice/api/recording

    Attributes:
        recording_id: The id of the recording, the only field that is never None.
        api_id: The UUID of the API request, where Plivo sends it.
        call_uuid: The call that was recorded; of a dialled call its A leg.
        conference_name: The conference that was recorded.
        conference_uuid: The UUID of this conference.
        mpc_name: The multiparty call that was recorded.
        mpc_uuid: The UUID of this multiparty call.
        from_number: The caller.
        to_number: The number that was called.
        add_time: When the recording was stored, with the account's UTC offset.
        recording_start_ms: When the recording began, in milliseconds since 1970.
        recording_end_ms: When the recording ended, in milliseconds since 1970.
        recording_duration_ms: The length in milliseconds.
        rounded_recording_duration: The length in seconds, rounded up to the billing increment.
        recording_type: The kind, such as `normal` or `conference`.
        recording_format: `mp3` or `wav`.
        recording_url: The URL of the audio file.
        resource_uri: The path of this record.
        recording_storage_duration: Days since the recording was stored.
        recording_storage_rate: The price of storing one minute for a month.
        monthly_recording_storage_amount: The price of storing the recording for a month.
        extra: The keys that this version does not know, with their values. Also a field that nothing is
            computed from, whose value is of a type that cannot be read.
        wire_keys: All keys in the order and spelling of Plivo's JSON. Comparisons ignore them.
        wire_values: The values that were sent in another form than documented, by key. Comparisons ignore
            them.
    """

    recording_id: str
    api_id: str | None = None
    call_uuid: str | None = None
    conference_name: str | None = None
    conference_uuid: str | None = None
    mpc_name: str | None = None
    mpc_uuid: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    add_time: datetime | None = None
    recording_start_ms: Decimal | None = None
    recording_end_ms: Decimal | None = None
    recording_duration_ms: Decimal | None = None
    rounded_recording_duration: int | None = None
    recording_type: str | None = None
    recording_format: str | None = None
    recording_url: str | None = None
    resource_uri: str | None = None
    recording_storage_duration: int | None = None
    recording_storage_rate: Decimal | None = None
    monthly_recording_storage_amount: Decimal | None = None
