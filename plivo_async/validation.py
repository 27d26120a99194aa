"""Checks of option values. Each error names the option and the rule."""

from __future__ import annotations

import sys
from typing import TypeVar

from plivo_async.errors import ConfigurationError
from plivo_async.text import short_repr

T = TypeVar("T")


def finite_number(name: str, value: object, *, least: float) -> float:
    """Return the value as a float.

    Raises:
        ConfigurationError: A bool, NaN, an infinity, a value below `least`, or no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(f"{name} must be a number, not {short_repr(value)}")
    # Not math.isfinite, which fails for an int that no float can hold.
    if not least <= value <= sys.float_info.max:
        raise ConfigurationError(f"{name} must be finite and at least {least:g}, not {short_repr(value)}")
    return float(value)


def positive_number(name: str, value: object) -> float:
    """Return the value as a float.

    Raises:
        ConfigurationError: A bool, NaN, an infinity, zero, a negative value, or no number.
    """
    number = finite_number(name, value, least=0.0)
    if number == 0:
        raise ConfigurationError(f"{name} must be above zero")
    return number


def whole_number(name: str, value: object, *, least: int) -> int:
    """Return the value.

    Raises:
        ConfigurationError: A bool, a value below `least`, or no int.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name} must be a whole number, not {short_repr(value)}")
    if value < least:
        raise ConfigurationError(f"{name} must be at least {least}, not {short_repr(value)}")
    return value


def instance_of(name: str, value: object, kind: type[T]) -> T:
    """Return the value.

    Raises:
        ConfigurationError: A value of another type.
    """
    if not isinstance(value, kind):
        raise ConfigurationError(f"{name} must be of type {kind.__name__}, not {short_repr(value)}")
    return value
