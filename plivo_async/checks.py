"""Checks of option values: each says what to pass instead."""

from __future__ import annotations

import math

from plivo_async.errors import ConfigurationError


def finite_number(name: str, value: object, *, least: float) -> float:
    """The value as a float.

    Raises: ConfigurationError for a bool, NaN, an infinity, or anything below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigurationError(f"{name} must be a number, not {value!r}")
    if not math.isfinite(value) or value < least:
        raise ConfigurationError(f"{name} must be finite and at least {least:g}, not {value!r}")
    return float(value)


def whole_number(name: str, value: object, *, least: int) -> int:
    """The value; raises ConfigurationError for a bool, for what is no int, or for anything below `least`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{name} must be a whole number, not {value!r}")
    if value < least:
        raise ConfigurationError(f"{name} must be at least {least}, not {value!r}")
    return value
