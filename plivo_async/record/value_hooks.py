"""The JSON form of single values, one cattrs hook each: text, integers, money, times, enumerations."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

Member = TypeVar("Member", bound=Enum)

_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_DECIMAL_CHARACTERS = 64
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?)"
    r"(Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
# What `isoformat` writes, so that a time in this form comes back as sent.
_DOCUMENTED_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2} (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.(?!000000)[0-9]{6})?)"
    r"((?!-00:00)[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_LARGEST_INT = 2**63 - 1


def check_text(value: Any) -> str:
    if type(value) is str:
        return value
    raise ValueError("expected a string")


def check_int(value: Any) -> int:
    # Not isinstance: a JSON boolean is an int to Python.
    if type(value) is int and -_LARGEST_INT <= value <= _LARGEST_INT:
        return value
    raise ValueError("expected a whole number below 2**63")


def structure_text(value: Any, kind: Any) -> str:
    # Most fields are plain text, so they take a short cut.
    if type(value) is str and kind is str:
        return value
    # cattrs calls the hook of a type for its subclasses too, such as a user's enumerations.
    text: str = kind(check_text(value))
    return text


def structure_int(value: Any, kind: Any) -> int:
    if kind is bool and type(value) is bool:
        return value
    number = check_int(value)
    return number if kind is int else kind(number)


def structure_text_or_bool(value: Any, _: Any) -> str | bool:
    if type(value) is str or type(value) is bool:
        return value
    raise ValueError("expected a string or a boolean")


def structure_decimal(value: Any, _: Any) -> Decimal:
    """Read an amount: it is sent as text, so that no parser turns it into a binary fraction."""
    if type(value) is str and len(value) <= _DECIMAL_CHARACTERS and _DECIMAL.fullmatch(value):
        return Decimal(value)
    raise ValueError("expected a decimal number as a string")


def unstructure_decimal(value: Decimal) -> str:
    # Check the exponent first, because 1E+999999999 takes a gigabyte when written out.
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and abs(exponent) < _DECIMAL_CHARACTERS:
        text = format(value, "f")
        if len(text) <= _DECIMAL_CHARACTERS:
            return text
    raise ValueError(f"{value} has no wire form: not a number of at most {_DECIMAL_CHARACTERS} characters")


def structure_documented_time(value: Any, _: Any) -> datetime:
    """Read a time in the one form that `unstructure_time` writes."""
    return _aware(_DOCUMENTED_TIME.fullmatch(value) if type(value) is str else None)


def structure_time(value: Any, _: Any) -> datetime:
    """Read a time as documented, `2022-10-12 21:57:47+05:30`; `T` and `Z` are accepted, no offset is not."""
    return _aware(_TIME.fullmatch(value) if type(value) is str else None)


def _aware(match: re.Match[str] | None) -> datetime:
    if match is None:
        raise ValueError("expected a time with an offset, such as '2022-10-12 21:57:47+05:30'")
    local, offset = match.groups()
    naive = datetime.fromisoformat(local)
    # Four times as fast as naive.replace().
    return datetime.combine(naive, naive.time(), _zone(offset))


def unstructure_time(value: datetime) -> str:
    text = value.isoformat(" ")
    if _TIME.fullmatch(text):
        return text
    raise ValueError(f"{text} has no wire form: not a time with an offset of whole minutes")


def members_hook(vocabulary: type[Member], check: Callable[[Any], Any]) -> Callable[[Any, Any], Member]:
    """Return the hook for an open enumeration whose values `check` accepts."""
    # This lookup is twenty times as fast as calling the Enum.
    members = {member.value: member for member in vocabulary}

    def structure_member(value: Any, _: Any) -> Member:
        checked = check(value)
        member = members.get(checked)
        return vocabulary(checked) if member is None else member

    return structure_member


@functools.cache
def _zone(offset: str) -> timezone:
    # Shared, because a zone for each time takes a tenth of a record's memory. At most 2,881 exist.
    if offset == "Z":
        return UTC
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
