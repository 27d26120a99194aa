"""The callback of a hang-up, as a value."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, final

from attrs import field, frozen

from plivo_async.exported import exported
from plivo_async.record.enums import (
    CallDirection,
    HangupCause,
    HangupSource,
    OpenText,
    StirAttestation,
    StirVerification,
)
from plivo_async.record.model import FrozenMapping, record_repr
from plivo_async.record.strict_json import write_json
from plivo_async.webhooks.pairs import Form

_EMPTY = FrozenMapping({})


@exported
class CallStatus(OpenText):
    """How a call ended, in a callback.

    An unknown text becomes a value that is equal to the text, with `is_known` False.

    Attributes:
        is_known (bool): Whether Plivo documents the value.
    """

    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCEL = "cancel"
    TIMEOUT = "timeout"


@exported
@final
@frozen(kw_only=True, repr=False)
class HangupEvent:
    """The callback that Plivo sends to the `hangup_url` after a call.

    The fields have the names of a `CallDetailRecord`. In brackets are the keys of the callback; its
    `BillDuration` has the rounded seconds, so it is `billed_duration` here. A field is None where Plivo sends
    nothing or an empty text. Durations are in seconds. Amounts have no currency. Times are aware, with the
    offset of the zone at that time, as in a record.

    Attributes:
        call_uuid: The UUID of the call (`CallUUID`), the only field that is never None.
        request_uuid: The API request that made the call (`RequestUUID`).
        a_leg_uuid: The A leg: the call that dialled this one, or this call (`ALegUUID`).
        a_leg_request_uuid: The API request that made the A leg (`ALegRequestUUID`).
        parent_call_uuid: The call that dialled this one (`ParentCallUUID`).
        parent_auth_id: The main account, also for a call of a subaccount (`ParentAuthID`).
        event: The name of the event, `Hangup` (`Event`).
        call_status: How the call ended (`CallStatus`).
        call_direction: Inbound or outbound, as seen from the account (`Direction`).
        from_number: The caller: a number, with or without `+`, or a SIP URI (`From`).
        to_number: The number or SIP URI that was called (`To`).
        forwarded_from: The number that the call was forwarded from (`ForwardedFrom`).
        initiation_time: When the call was requested or came in (`StartTime`); None without a zone.
        answer_time: When the call was answered (`AnswerTime`); None for an unanswered call, or without a
            zone.
        end_time: When the call ended (`EndTime`); None without a zone.
        session_start: When the session began, in UTC (`SessionStart`).
        call_duration: Seconds from the answer to the end (`Duration`). A record has them in `bill_duration`
            too.
        billed_duration: Billed seconds, rounded up to the billing increment (`BillDuration`).
        total_rate: The price of one minute (`BillRate`).
        total_amount: The price of the call (`TotalCost`).
        hangup_cause_code: Why the call ended; the value to compare with (`HangupCauseCode`).
        hangup_cause_name: Why the call ended, in words as sent (`HangupCauseName`).
        hangup_source: Which party ended the call (`HangupSource`).
        freeswitch_cause: Why the call ended, in the words of FreeSWITCH, such as `NORMAL_CLEARING`
            (`HangupCause`). A record does not have it.
        stir_verification: The STIR/SHAKEN verdict on the caller's number (`STIRVerification`).
        stir_attestation: The STIR/SHAKEN attestation level (`STIRAttestation`).
        extra: The keys that this version does not know, with their text; a list of texts for a repeated key.
            Examples are `DialBLegUUID`, and the headers `SIP-H-*` and `X-PH-*`.
        wire_values: The text of every key as sent; a list of texts for a repeated key.
    """

    call_uuid: str
    request_uuid: str | None = None
    a_leg_uuid: str | None = None
    a_leg_request_uuid: str | None = None
    parent_call_uuid: str | None = None
    parent_auth_id: str | None = None
    event: str | None = None
    call_status: CallStatus | None = None
    call_direction: CallDirection | None = None
    from_number: str | None = None
    to_number: str | None = None
    forwarded_from: str | None = None
    initiation_time: datetime | None = None
    answer_time: datetime | None = None
    end_time: datetime | None = None
    session_start: datetime | None = None
    call_duration: int | None = None
    billed_duration: int | None = None
    total_rate: Decimal | None = None
    total_amount: Decimal | None = None
    hangup_cause_code: HangupCause | None = None
    hangup_cause_name: str | None = None
    hangup_source: HangupSource | None = None
    freeswitch_cause: str | None = None
    stir_verification: StirVerification | None = None
    stir_attestation: StirAttestation | None = None
    extra: Mapping[str, Any] = field(default=_EMPTY, converter=FrozenMapping, hash=False)
    wire_values: Mapping[str, Any] = field(default=_EMPTY, converter=FrozenMapping, hash=False)

    @classmethod
    def from_form(cls, form: Form, *, zone: tzinfo | None = None) -> HangupEvent:
        """Read a callback: the body of a POST, or the query of a GET. Verify its signature first.

        Args:
            form: The bytes or text as received, or a parsed form as in `verify`, or `to_dict()` of an event.
            zone: The zone of the account, such as `ZoneInfo("Asia/Kolkata")`. Plivo sends the times of a
                callback without an offset. None if the zone is not known: these times are None then, and
                their text is in `wire_values`. In the hour that a zone repeats in autumn, a time is the one
                that fits `SessionStart`, which is UTC, and `Duration`; else the first one.

        Raises:
            DecodeError: This is not the callback of a hang-up: its `Event` is another, or it has no
                `CallUUID`. Or a number, an amount or a time cannot be read, or a key has two values. `fields`
                has the keys, and `body` the form.
            ConfigurationError: `form` or `zone` is of a type that cannot be read.
        """
        from plivo_async.webhooks.hangup_form import read_hangup

        return read_hangup(form, zone)

    @property
    def is_answered(self) -> bool:
        """Whether the call was answered. The callback then has an `AnswerTime`. It needs no zone."""
        return self.answer_time is not None or bool(self.wire_values.get("AnswerTime"))

    @property
    def hangup_cause(self) -> str | None:
        """Why the call ended, in words. The documented text of the code, else `hangup_cause_name`."""
        if self.hangup_cause_code is not None and self.hangup_cause_code.description:
            return self.hangup_cause_code.description
        return self.hangup_cause_name

    def to_dict(self) -> dict[str, Any]:
        """Return the callback as sent: its keys in their order, each with its text, or a list of texts.

        `from_form` reads it again.
        """
        return copy.deepcopy(dict(self.wire_values))

    def to_json(self) -> str:
        """Return `to_dict` as one line of ASCII JSON."""
        return write_json(self.to_dict())

    def __repr__(self) -> str:
        return record_repr(self)
