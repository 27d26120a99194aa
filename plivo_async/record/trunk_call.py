"""The record of a SIP-trunk call, and its quality, as values."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import final

from attrs import frozen

from plivo_async.exported import exported
from plivo_async.record.enums import CallDirection, StirAttestation, StirVerification
from plivo_async.record.json_record import JSONRecord
from plivo_async.record.trunk_enums import TrunkHangupCause, TrunkHangupSource


@exported
@final
@frozen(kw_only=True, repr=False)
class TrunkCallDetailRecord(JSONRecord):
    """One call of a SIP trunk (Zentrunk) that has ended.

    A field is None where Plivo left it out, or sent null or the text "null". Durations are in seconds. Plivo
    sends times without an offset: they are UTC, and so are the fields. Amounts are in US dollars according to
    https://www.plivo.com/docs/sip-trunking/api/calls, the source of the fields.

    Attributes:
        call_uuid: The UUID of the call, the only field that is never None.
        api_id: The UUID of the API request, where Plivo sends it.
        call_id: The Call-ID header of SIP (RFC 3261).
        call_direction: Inbound or outbound, as seen from the account.
        from_number: The caller, with `+`.
        to_number: The number that was called, with `+`.
        initiation_time: When the call was requested or came in, in UTC.
        answer_time: When the call was answered, in UTC; None for an unanswered call.
        end_time: When the call ended, in UTC.
        call_duration: Seconds from the answer to the end.
        bill_duration: Billed seconds. Unlike in a CallDetailRecord they may be rounded up already.
        billed_duration: Billed seconds, rounded up to the billing increment.
        total_rate: The price of one minute.
        total_amount: The price of the call.
        hangup_cause_code: Why the call ended. Its numbers have other meanings than those of `HangupCause`.
        hangup_cause_name: Why the call ended, in words as sent.
        hangup_source: Which party ended the call.
        trunk_domain: The domain of the trunk.
        from_country: The country of the caller, two letters (ISO 3166-1).
        to_country: The country of the number that was called.
        transport_protocol: The transport of SIP, such as `udp` or `tls`.
        srtp: Whether the media was encrypted (RFC 3711).
        secure_trunking: Whether secure trunking was on.
        secure_trunking_rate: The price of one minute of secure trunking.
        stir_verification: The STIR/SHAKEN verdict on the caller's number.
        attestation_indicator: The STIR/SHAKEN attestation level.
        cnam_lookup: Whether the caller's name was looked up.
        cnam_lookup_rate: The price of the lookup.
        extra: The keys that this version does not know, with their values. Also a field that nothing is
            computed from, whose value is of a type that cannot be read.
        wire_keys: All keys in the order and spelling of Plivo's JSON. Comparisons ignore them.
        wire_values: The values that were sent in another form than documented, by key. Comparisons ignore
            them.
    """

    call_uuid: str
    api_id: str | None = None
    call_id: str | None = None
    call_direction: CallDirection | None = None
    from_number: str | None = None
    to_number: str | None = None
    initiation_time: datetime | None = None
    answer_time: datetime | None = None
    end_time: datetime | None = None
    call_duration: int | None = None
    bill_duration: int | None = None
    billed_duration: int | None = None
    total_rate: Decimal | None = None
    total_amount: Decimal | None = None
    hangup_cause_code: TrunkHangupCause | None = None
    hangup_cause_name: str | None = None
    hangup_source: TrunkHangupSource | None = None
    trunk_domain: str | None = None
    from_country: str | None = None
    to_country: str | None = None
    transport_protocol: str | None = None
    srtp: bool | None = None
    secure_trunking: bool | None = None
    secure_trunking_rate: Decimal | None = None
    stir_verification: StirVerification | None = None
    attestation_indicator: StirAttestation | None = None
    cnam_lookup: bool | None = None
    cnam_lookup_rate: Decimal | None = None

    @property
    def is_answered(self) -> bool:
        """Whether the call was answered. An answered call has an `answer_time`."""
        return self.answer_time is not None


@exported
@final
@frozen(kw_only=True, repr=False)
class TrunkCallParty(JSONRecord):
    """One party of a SIP-trunk call, in its insights.

    A field is None where Plivo left it out or sent null.

    Attributes:
        number: The number, with `+`.
        carrier: The carrier of the number.
        region: Where the call entered or left Plivo's network.
        extra: The keys that this version does not know, with their values. Also a field that nothing is
            computed from, whose value is of a type that cannot be read.
        wire_keys: All keys in the order and spelling of Plivo's JSON. Comparisons ignore them.
        wire_values: The values that were sent in another form than documented, by key. Comparisons ignore
            them.
    """

    number: str | None = None
    carrier: str | None = None
    region: str | None = None


@exported
@final
@frozen(kw_only=True, repr=False)
class TrunkCallInsights(JSONRecord):
    """The quality of a SIP-trunk call.

    A field is None where Plivo left it out, or sent null or an empty text. The API has no insights of voice
    calls. https://www.plivo.com/docs/sip-trunking/api/calls#retrieve-call-insights

    Attributes:
        call_uuid: The UUID of the call, the only field that is never None.
        api_id: The UUID of the API request.
        caller: The party that called.
        callee: The party that was called.
        hangup_cause: Why the call ended, in words.
        hangup_source: Which party ended the call.
        rtt: The round-trip time in milliseconds.
        jitter: The variation of the delay of packets, in milliseconds.
        packet_loss: Lost packets, in percent.
        post_dial_delay: The time from the initiation to the ringing, in milliseconds according to Plivo.
        plivo_quality_score: The quality, from 1, bad, to 5, excellent.
        extra: The keys that this version does not know, with their values. Also a field that nothing is
            computed from, whose value is of a type that cannot be read.
        wire_keys: All keys in the order and spelling of Plivo's JSON. Comparisons ignore them.
        wire_values: The values that were sent in another form than documented, by key. Comparisons ignore
            them.
    """

    call_uuid: str
    api_id: str | None = None
    caller: TrunkCallParty | None = None
    callee: TrunkCallParty | None = None
    hangup_cause: str | None = None
    hangup_source: TrunkHangupSource | None = None
    rtt: Decimal | None = None
    jitter: Decimal | None = None
    packet_loss: Decimal | None = None
    post_dial_delay: Decimal | None = None
    plivo_quality_score: Decimal | None = None
