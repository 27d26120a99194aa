"""A call that is in progress or queued, as a value."""

from __future__ import annotations

from datetime import datetime
from typing import final

from attrs import frozen

from plivo_async.exported import exported
from plivo_async.record.enums import CallDirection, OpenText, StirAttestation, StirVerification
from plivo_async.record.json_record import JSONRecord


@exported
class LiveCallStatus(OpenText):
    """The status of a call that has not ended.

    An unknown text becomes a value that is equal to the text, with `is_known` False.

    Attributes:
        is_known (bool): Whether this package knows the value.
    """

    QUEUED = "queued"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"


@exported
@final
@frozen(kw_only=True, repr=False)
class LiveCall(JSONRecord):
    """A call that is in progress or queued.

    A field is None where Plivo left it out or sent null. Some keys in Plivo's JSON have other names than in a
    call detail record: `from`, `to` and `direction`.

    Attributes:
        call_uuid: The UUID of the call, the only field that is never None.
        api_id: The UUID of the API request.
        call_status: Whether the call is ringing, in progress or queued.
        call_direction: Inbound or outbound, as seen from the account.
        from_number: The caller: a number or a SIP URI.
        to_number: The number or SIP URI that is called.
        caller_name: The name of the caller, which may be empty.
        request_uuid: The API request that made the call; None for a queued call.
        session_start: When the call began, in UTC; None for a queued call. Plivo sends it without an offset.
        stir_verification: The STIR/SHAKEN verdict on the caller's number.
        stir_attestation: The STIR/SHAKEN attestation level.
        extra: The keys that this version does not know, with their values. Also a field that nothing is
            computed from, whose value is of a type that cannot be read.
        wire_keys: All keys in the order and spelling of Plivo's JSON. Comparisons ignore them.
        wire_values: The values that were sent in another form than documented, by key. Comparisons ignore
            them.
    """

    call_uuid: str
    api_id: str | None = None
    call_status: LiveCallStatus | None = None
    call_direction: CallDirection | None = None
    from_number: str | None = None
    to_number: str | None = None
    caller_name: str | None = None
    request_uuid: str | None = None
    session_start: datetime | None = None
    stir_verification: StirVerification | None = None
    stir_attestation: StirAttestation | None = None
