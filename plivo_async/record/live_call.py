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
    """The status of a call that has not ended."""

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
        call_status: Ringing, in progress or queued.
        call_direction: Inbound or outbound, as seen from the account.
        from_number: The caller: a number or a SIP URI.
        to_number: The number or SIP URI that is called.
        caller_name: The name of the caller, may be empty.
        request_uuid: The API request that made the call; None for a queued call.
        session_start: When the call began, in UTC; None for a queued call. Plivo sends it without an offset.
        stir_verification: The STIR/SHAKEN verdict on the caller's number.
        stir_attestation: The STIR/SHAKEN attestation level.
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
