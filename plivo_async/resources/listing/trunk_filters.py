"""The filters of the list of SIP-trunk calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from plivo_async.exported import exported
from plivo_async.record.enums import CallDirection, StirVerification
from plivo_async.record.trunk_enums import TrunkHangupCause, TrunkHangupSource
from plivo_async.resources.listing.filters import Filter, hangup_cause, number, one_of, whole, with_bounds


@exported
class TrunkCallFilters(TypedDict, total=False):
    """The filters of `client.trunk_calls.list`, with the names that Plivo gives them.

    A call has to fit all of them. None is the same as no filter. A value that no call can fit raises
    ConfigurationError. https://www.plivo.com/docs/sip-trunking/api/calls

    Attributes:
        call_direction: `inbound` or `outbound`.
        from_number: The number of the caller or its first digits, or a SIP URI. The client removes a `+`,
            because no call fits a number with it.
        to_number: The number that was called or its first digits, or a SIP URI. The client removes a `+`.
        bill_duration: Exactly this number of billed seconds, 0 or more.
        bill_duration__gt: More billed seconds than this.
        bill_duration__gte: This number of billed seconds, or more.
        bill_duration__lt: Fewer billed seconds than this.
        bill_duration__lte: This number of billed seconds, or fewer.
        hangup_cause_code: Why the call ended. An int has to be a documented code; pass
            `TrunkHangupCause(code)` for a newer one.
        hangup_source: Which party ended the call: a TrunkHangupSource or its text.
        stir_verification: The STIR/SHAKEN verdict on the caller's number: a StirVerification or its text.
    """

    call_direction: CallDirection | str
    from_number: str
    to_number: str
    bill_duration: int
    bill_duration__gt: int
    bill_duration__gte: int
    bill_duration__lt: int
    bill_duration__lte: int
    hangup_cause_code: TrunkHangupCause | int
    hangup_source: TrunkHangupSource | str
    stir_verification: StirVerification | str


TRUNK_CALL_FILTERS: Mapping[str, Filter] = {
    "call_direction": one_of(CallDirection),
    "from_number": number(plus=False),
    "to_number": number(plus=False),
    **with_bounds("bill_duration", whole()),
    "hangup_cause_code": hangup_cause(TrunkHangupCause, 3000),
    "hangup_source": one_of(TrunkHangupSource),
    "stir_verification": one_of(StirVerification),
}
