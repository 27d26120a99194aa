"""Other JSON forms of a value that leave no doubt, and the documented form of each. Pure.

An amount may be a number or have an exponent, a whole number may be text or `12.0`, a text may be a whole
number, a time may have `T`, `Z`, `+0530` or `+05`. A time without an offset, `0,00850` and `12.5` seconds do
leave a doubt.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from plivo_async.record.enums import HangupCause
from plivo_async.record.trunk_enums import TrunkHangupCause
from plivo_async.record.value_hooks import unstructure_decimal

_MAX_CHARACTERS = 64
_AMOUNT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]((?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.([0-9]{1,9}))?"
    r" ?(?:Z|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)"
)


def documented_form(kind: Any, value: Any) -> Any:
    """Return the documented JSON form of a value for a field of this type; None if there is none."""
    form = _FORMS.get(kind)
    return None if form is None else form(value)


def _text(value: Any) -> str | None:
    return str(value) if type(value) is int else None


def _whole_number(value: Any) -> int | None:
    if type(value) is str:
        return int(value) if _WHOLE.fullmatch(value) else None
    amount = _amount(value)
    if type(value) is not Decimal or amount is None or value != value.to_integral_value():
        return None
    return int(value)


def _amount(value: Any) -> str | None:
    is_amount = type(value) is int or type(value) is Decimal
    if type(value) is str and len(value) <= _MAX_CHARACTERS:
        is_amount = _AMOUNT.fullmatch(value) is not None
    if not is_amount:
        return None
    try:
        return unstructure_decimal(Decimal(value))
    except ValueError:
        return None


def documented_utc_time(value: Any) -> str | None:
    """Return a time as Plivo writes it where all times are UTC: without an offset. None if it is no time."""
    if type(value) is not str:
        return None
    aware = _time(value) or _time(value + "Z")
    if aware is None:
        return None
    try:
        return datetime.fromisoformat(aware).astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    except (ValueError, OverflowError):
        return None


def _time(value: Any) -> str | None:
    match = _TIME.fullmatch(value) if type(value) is str else None
    if match is None:
        return None
    day, time, fraction, sign, hours, minutes = match.groups("")
    # A datetime has microseconds; the text with all digits stays in `wire_values`.
    microseconds = fraction.ljust(6, "0")[:6]
    if microseconds.strip("0"):
        time = f"{time}.{microseconds}"
    offset = f"{hours or '00'}:{minutes or '00'}"
    return f"{day} {time}{'+' if offset == '00:00' else sign}{offset}"


def _bool(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(value) if type(value) is str else None


_FORMS: dict[Any, Callable[[Any], Any]] = {
    str: _text,
    int: _whole_number,
    bool: _bool,
    HangupCause: _whole_number,
    TrunkHangupCause: _whole_number,
    Decimal: _amount,
    datetime: _time,
}
