"""Hooks around the hook of a value, for the records whose values have other forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import Enum
from typing import Any

Reader = Callable[[Any, Any], Any]

# What `isoformat` writes for a naive time.
_UTC_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.(?!000000)[0-9]{6})?"
)


def utc_time_reader(hook: Reader) -> Reader:
    """Return the hook for a time without an offset, which is UTC."""

    def read(value: Any, kind: Any) -> Any:
        if type(value) is str and _UTC_TIME.fullmatch(value):
            return hook(value + "+00:00", kind)
        raise ValueError("expected a time in UTC without an offset, such as '2022-10-12 21:57:47'")

    return read


def utc_time_writer(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the hook that writes a time in UTC and leaves out the offset."""

    def write(value: Any) -> Any:
        # A naive time is left to the hook, which refuses it: here it would be taken for a local one.
        is_aware = isinstance(value, datetime) and value.tzinfo is not None
        text = hook(value.astimezone(UTC) if is_aware else value)
        return text.removesuffix("+00:00") if isinstance(text, str) else text

    return write


def member_reader(hook: Reader, kind: Any) -> Reader:
    """Return the hook for an enumeration that refuses a member in other letter case."""

    def read(value: Any, target: Any) -> Any:
        exact = folded_member(kind, value)
        if exact is not None and exact != value:
            raise ValueError(f"expected {exact!r}")
        return hook(value, target)

    return read


def folded_member(kind: Any, value: Any) -> Any:
    """Return the value of the member that is this text without regard to letter case; None if none is."""
    if not isinstance(value, str):
        return None
    members: Iterable[Enum] = kind
    return next((member.value for member in members if member.value.casefold() == value.casefold()), None)


def null_refuser(hook: Reader, nulls: tuple[str, ...]) -> Reader:
    """Return the hook that refuses texts which mean None."""

    def read(value: Any, kind: Any) -> Any:
        if value in nulls:
            raise ValueError("expected a value")
        return hook(value, kind)

    return read
