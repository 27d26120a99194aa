"""The call detail record (CDR) as a value. Nothing here knows of JSON."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, final

from attrs import field, fields, frozen

from plivo_async.exported import exported
from plivo_async.record.enums import (
    CallDirection,
    HangupCause,
    HangupSource,
    StirAttestation,
    StirVerification,
)

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
# Wide enough that the division by 60 can never turn a digit into a tie that is none.
_AMOUNTS = Context(prec=200, rounding=ROUND_HALF_UP)

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 100


@exported
@final
class FrozenMapping(Mapping[str, Any]):
    """A mapping that cannot be changed. Unlike `types.MappingProxyType` it pickles and deep-copies.

    As with `tuple` and `frozenset`, a FrozenMapping of a FrozenMapping is that object, and all empty ones are
    one object.

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
        return _short.repr(self._items)

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenMapping, (self._items,)


_EMPTY = FrozenMapping._holding({})  # pyright: ignore[reportPrivateUsage]


@exported
@final
@frozen(kw_only=True, repr=False)
class CallDetailRecord:
    """One call that has ended, https://www.plivo.com/docs/voice/api/call/the-call-object/.

    Every field but `call_uuid` is None where Plivo left it out or sent null. Durations are in seconds,
    `total_rate` is per minute; amounts carry no currency because Plivo names none. Times are aware, in the
    account's zone as sent. `extra` holds the keys that this version does not know; `wire_keys` all keys as
    they came, so that `to_dict` and `to_json` give back what was sent, and does not count in comparisons.
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

    @property
    def is_answered(self) -> bool:
        """Whether the call was picked up, that is, has an `answer_time`."""
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
        """From the initiation to the answer, or to the end of a call that nobody answered."""
        ringing_ended = self.answer_time or self.end_time
        if self.initiation_time is None or ringing_ended is None:
            return None
        return ringing_ended - self.initiation_time

    @property
    def hangup_cause(self) -> str | None:
        """Why the call ended, in words. The documented text of the code, else the name as sent."""
        if self.hangup_cause_code is not None and self.hangup_cause_code.description:
            return self.hangup_cause_code.description
        return self.hangup_cause_name

    @property
    def expected_amount(self) -> Decimal | None:
        """`total_rate * billed_duration / 60`, rounded half up to 5 places: what `total_amount` should be.

        Plivo publishes no formula; this one held in every priced sample.
        """
        if self.total_rate is None or self.billed_duration is None:
            return None
        seconds = _AMOUNTS.multiply(self.total_rate, Decimal(self.billed_duration))
        return _AMOUNTS.quantize(_AMOUNTS.divide(seconds, Decimal(60)), _AMOUNT_PLACES)

    def to_dict(self) -> dict[str, Any]:
        """The record as Plivo sent it: its keys and their order, nulls, money and times as text.

        Raises: ValueError for a field that has no wire form, such as a time without an offset.
        """
        from plivo_async.record.converter import record_to_dict

        return record_to_dict(self)

    def to_json(self) -> str:
        """The record as one line of JSON (ASCII), with every digit as sent.

        Raises: ValueError for a field that has no wire form.
        """
        from plivo_async.record.converter import record_to_json

        return record_to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes | bytearray) -> CallDetailRecord:
        """The record in a JSON text, from Plivo or from `to_json`.

        Raises: DecodeError.
        """
        from plivo_async.record.converter import record_from_json

        return record_from_json(text)

    def __repr__(self) -> str:
        sent = ((a.name, getattr(self, a.name)) for a in fields(type(self)) if a.name != "wire_keys")
        shown = (
            f"{name}={_shown(value)}" for name, value in sent if value is not None and value is not _EMPTY
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, datetime | Decimal) else _short.repr(value)
