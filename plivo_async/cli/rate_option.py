"""The value of --rate and --limit: requests per seconds. Pure."""

from __future__ import annotations

import re

import click

from plivo_async.rate_limit import RateLimit

_RATE = re.compile(r"(?P<requests>[0-9]{1,9}(?:\.[0-9]{1,6})?)(?:/(?P<per>[0-9]{1,9}(?:\.[0-9]{1,6})?))?")
# The window of Plivo's own limit, so that a number per second allows the same bursts.
_WINDOW_SECONDS = 5.0
_MOST_REQUESTS = 999_999_999


def to_rate(_context: click.Context, _parameter: click.Parameter, value: str) -> RateLimit | None:
    """Parse REQUESTS/SECONDS, a number of requests per second, or "none" (a callback for click).

    Raises:
        BadParameter: The value has none of these forms.
    """
    if value == "none":
        return None
    match = _RATE.fullmatch(value.strip())
    limit = None if match is None else _limit(float(match["requests"]), match["per"])
    if limit is None:
        raise click.BadParameter(
            f"{value!r}: expected REQUESTS/SECONDS such as 300/5, a number per second, or none"
        )
    return limit


def rate_text(limit: RateLimit) -> str:
    """Return a limit as `to_rate` reads it."""
    per = f"{limit.per:.6f}".rstrip("0").rstrip(".")
    return f"{min(limit.requests, _MOST_REQUESTS)}/{per}"


def _limit(requests: float, per: str | None) -> RateLimit | None:
    seconds = 1.0 if per is None else float(per)
    if requests <= 0 or seconds <= 0:
        return None
    if per is not None:
        return RateLimit(int(requests), seconds) if requests.is_integer() else None
    in_window = requests * _WINDOW_SECONDS
    return RateLimit(int(in_window), _WINDOW_SECONDS) if in_window >= 1 else RateLimit(1, 1.0 / requests)
