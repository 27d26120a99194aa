"""The call detail record (CDR) as a value. Its JSON form is in `converter`, which imports this module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any, final

from attrs import field, fields, frozen

from plivo_async.exported import exported
from plivo_async.record.enums import (
    CallDirection,
    HangupCause,
    HangupSource,
    StirAttestation,
    StirVerification,
)
from plivo_async.record.json_methods import JSONMethods
from plivo_async.text import short_repr

if TYPE_CHECKING:
    from attrs import AttrsInstance

__all__ = [
    "CallDetailRecord",
    "CallDirection",
    "FrozenMapping",
    "HangupCause",
    "HangupSource",
    "StirAttestation",
    "StirVerification",
]

_AMOUNT_PLACES = Decimal("0.00001")
# So many digits that the division by 60 cannot be rounded to a tie, which would be rounded once more.
_AMOUNTS = Context(prec=200, rounding=ROUND_HALF_UP)
_REPR_CHARACTERS = 100


@exported
@final
class FrozenMapping(Mapping[str, Any]):
    """A mapping that cannot be changed. Unlike `types.MappingProxyType` it pickles and deep-copies.

    Like a `tuple` of a `tuple`, a FrozenMapping of a FrozenMapping is the same object. So are all empty ones.

    Args:
        items: The mapping to copy. Its values are not copied.
    """

    __slots__ = ("_items",)

    _items: dict[str, Any]

    def __new__(cls, items: Mapping[str, Any]) -> FrozenMapping:
        if isinstance(items, FrozenMapping):
            return items
        return cls._holding(dict(items)) if items else _EMPTY

    @classmethod
    def _holding(cls, items: dict[str, Any]) -> FrozenMapping:
        mapping = super().__new__(cls)
        mapping._items = items
        return mapping

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return short_repr(self._items, _REPR_CHARACTERS)

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenMapping, (self._items,)


_EMPTY = FrozenMapping._holding({})  # pyright: ignore[reportPrivateUsage]


@exported
@final
@frozen(kw_only=True, repr=False)
class CallDetailRecord(JSONMethods):
    """One call that has ended.

    A field is None where Plivo left it out or sent null. Durations are in seconds. Amounts have no currency,
    because Plivo names none. Times are aware and keep the account's UTC offset. Plivo documents the fields at
    https://www.plivo.com/docs/voice/api/call/the-call-object/.

    Attributes:
        call_uuid: The UUID of the call, the only field that is never None.
        api_id: The UUID of the API request that returned the record.
        parent_call_uuid: The A leg, which dialled this call; only a B leg has it.
        conference_uuid: The conference that the call joined.
        call_direction: Inbound or outbound, as seen from the account.
        call_state: The state of the call. Plivo documents no values; `ANSWER` is in its sample.
        from_number: The caller: a number or a SIP URI.
        to_number: The number or SIP URI that was called.
        initiation_time: When the call was requested or came in.
        answer_time: When the call was answered; None for an unanswered call.
        end_time: When the call ended.
        call_duration: Seconds from the answer to the end.
        bill_duration: Billable seconds.
        billed_duration: Billable seconds, rounded up to the billing increment.
        total_rate: The price of one minute.
        total_amount: The price of the call.
        hangup_cause_code: Why the call ended; the value to compare with.
        hangup_cause_name: Why the call ended, in words as sent. Their spelling has changed over the years.
        hangup_source: Which party ended the call.
        stir_verification: The STIR/SHAKEN verdict on the caller's number.
        stir_attestation: The STIR/SHAKEN attestation level.
        voice_network_group: The voice network group of the call.
        source_ip: The IP address that the call came from.
        cnam_lookup: The result of the caller-name lookup, text or a boolean.
        resource_uri: The path of the record.
        extra: The keys that this version does not know, with their values. Also a descriptive field, such as
            `source_ip`, whose value is of a type that cannot be read.
        wire_keys: All keys in the order and spelling of Plivo's JSON, so that `to_dict` and `to_json` return
            what was sent. Comparisons ignore them.
        wire_values: The values that were sent in another form than documented, by key; for example an amount
            that was sent as a number. `to_dict` and `to_json` return them, unless `attrs.evolve` has replaced
            the field. Comparisons ignore them.
    """

    call_uuid: str
    api_id: str | None = None
    parent_call_uuid: str | None = None
    conference_uuid: str | None = None
    call_direction: CallDirection | None = None
    call_state: str | None = None
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
    hangup_cause_code: HangupCause | None = None
    hangup_cause_name: str | None = None
    hangup_source: HangupSource | None = None
    stir_verification: StirVerification | None = None
    stir_attestation: StirAttestation | None = None
    voice_network_group: str | None = None
    source_ip: str | None = None
    cnam_lookup: str | bool | None = None
    resource_uri: str | None = None
    extra: Mapping[str, Any] = field(default=_EMPTY, converter=FrozenMapping, hash=False)
    wire_keys: tuple[str, ...] = field(default=(), eq=False)
    wire_values: Mapping[str, Any] = field(default=_EMPTY, eq=False)

    @property
    def is_answered(self) -> bool:
        """Whether the call was answered. An answered call has an `answer_time`."""
        return self.answer_time is not None

    @property
    def is_inbound(self) -> bool:
        """Whether the call came in to a number of the account."""
        return self.call_direction == CallDirection.INBOUND

    @property
    def is_outbound(self) -> bool:
        """Whether the account placed the call."""
        return self.call_direction == CallDirection.OUTBOUND

    @property
    def is_b_leg(self) -> bool:
        """Whether another call of the account, `parent_call_uuid`, dialled this one."""
        return bool(self.parent_call_uuid)

    @property
    def ring_time(self) -> timedelta | None:
        """The time from the initiation to the answer, or to the end of an unanswered call.

        None if one of the two times is missing.
        """
        ringing_ended = self.answer_time or self.end_time
        if self.initiation_time is None or ringing_ended is None:
            return None
        return ringing_ended - self.initiation_time

    @property
    def hangup_cause(self) -> str | None:
        """Why the call ended, in words. The documented text of the code, else `hangup_cause_name`."""
        if self.hangup_cause_code is not None and self.hangup_cause_code.description:
            return self.hangup_cause_code.description
        return self.hangup_cause_name

    @property
    def expected_amount(self) -> Decimal | None:
        """The expected `total_amount`, rounded half up to 5 places.

        It is `total_rate * billed_duration / 60`; None if one of the two is missing. Plivo publishes no
        formula, but this one holds for every priced sample.
        """
        if self.total_rate is None or self.billed_duration is None:
            return None
        seconds = _AMOUNTS.multiply(self.total_rate, Decimal(self.billed_duration))
        return _AMOUNTS.quantize(_AMOUNTS.divide(seconds, Decimal(60)), _AMOUNT_PLACES)

    def __repr__(self) -> str:
        return record_repr(self)


def record_repr(record: AttrsInstance) -> str:
    """Return the fields of a record that are known, each in short."""
    kind = type(record)
    names = (a.name for a in fields(kind) if not a.name.startswith("wire_"))
    values = ((name, getattr(record, name)) for name in names)
    known = (f"{name}={_repr(value)}" for name, value in values if value is not None and value is not _EMPTY)
    return f"{kind.__name__}({', '.join(known)})"


def _repr(value: Any) -> str:
    return str(value) if isinstance(value, datetime | Decimal) else short_repr(value, _REPR_CHARACTERS)
