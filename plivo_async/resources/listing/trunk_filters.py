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

    A call has to fit all of them. https://www.plivo.com/docs/sip-trunking/api/calls

    Attributes:
        call_direction: `inbound` or `outbound`.
        from_number: The number of the caller, or its first digits. A `+` is left out: with it nothing fits.
        to_number: The number that was called, or its first digits, likewise.
        bill_duration: Billed seconds, exactly.
        bill_duration__gt: More billed seconds.
        bill_duration__gte: As many billed seconds, or more.
        bill_duration__lt: Fewer billed seconds.
        bill_duration__lte: As many billed seconds, or fewer.
        hangup_cause_code: Why the call ended.
        hangup_source: Which party ended the call.
        stir_verification: The STIR/SHAKEN verdict on the caller's number.
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
