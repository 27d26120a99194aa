"""Strict JSON (RFC 8259) that keeps every digit. Knows nothing of records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NoReturn, cast

from plivo_async.text import printable

MAX_DEPTH = 64


def parse_json(text: str) -> Any:
    """Parse JSON text; a number with a fraction or an exponent becomes a Decimal.

    Raises:
        ValueError: The text is not JSON, is nested too deeply, or has two values under one key.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def write_json(value: Any) -> str:
    """Return one line of ASCII JSON; a Decimal becomes a number with the same digits.

    Raises:
        ValueError: A number is NaN or infinite.
        TypeError: A value has no JSON form.
    """
    try:
        return _ENCODER.encode(value)
    except TypeError:
        # The standard encoder is fast but does not know Decimal.
        return _write(value)


def check_depth(value: Any) -> None:
    """Check that lists and dicts are not nested too deeply to be printed or pickled.

    Raises:
        ValueError: They are nested more than `MAX_DEPTH` deep.
    """
    level = _containers([value])
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [inner for outer in level for inner in _containers(outer)]
    if level:
        raise ValueError(f"expected lists and objects at most {MAX_DEPTH} deep")


def _containers(outer: Any) -> list[Any]:
    members = cast("dict[str, Any]", outer).values() if isinstance(outer, dict) else cast("list[Any]", outer)
    return [member for member in members if isinstance(member, list | dict)]


def _number(digits: str) -> Decimal:
    try:
        number = Decimal(digits)
    except ArithmeticError:
        number = Decimal("NaN")
    # The caller's decimal context may return NaN instead of raising.
    if not number.is_finite():
        raise ValueError(f"the exponent of {printable(digits)} is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        for key, value in pairs:
            if members[key] != value:
                raise ValueError(f"two values under the key {printable(key)!r}")
    return members


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=_refuse_constant, object_pairs_hook=_object)
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def _write(value: Any) -> str:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} has no JSON form")
        return str(value)
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value).items()
        return "{" + ",".join(f"{_ENCODER.encode(key)}:{_write(member)}" for key, member in members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_write, cast("list[Any]", value))) + "]"
    return _ENCODER.encode(value)
