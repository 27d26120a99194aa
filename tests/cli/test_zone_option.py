"""The option `--zone` takes IANA names and offsets."""

from __future__ import annotations

from datetime import datetime, timedelta

import click
import pytest

from plivo_async.cli import zone_option
from plivo_async.cli.summarize import summarize
from plivo_async.cli.zone_option import to_zone

_CONTEXT = click.Context(summarize)
_ZONE = next(option for option in summarize.params if option.name == "zone")


@pytest.mark.parametrize(
    ("text", "hours"),
    [("UTC", 0.0), ("+05:30", 5.5), ("-0800", -8.0), ("Asia/Kolkata", 5.5), ("Europe/Berlin", 1.0)],
)
def test_a_zone_has_its_offset(text: str, hours: float) -> None:
    zone = to_zone(_CONTEXT, _ZONE, text)

    assert zone is not None
    assert zone.utcoffset(datetime(2026, 1, 1)) == timedelta(hours=hours)


def test_no_zone_is_none() -> None:
    assert to_zone(_CONTEXT, _ZONE, None) is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("Europe", "no time zone 'Europe'; "),
        ("../etc/passwd", "for example UTC, Europe/Berlin or"),
        ("", "for example UTC"),
        ("+15:00", "no time zone"),
        ("a\0b", "no time zone"),
    ],
)
def test_an_unknown_zone_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(click.BadParameter, match=hint):
        to_zone(_CONTEXT, _ZONE, text)


def test_a_system_without_zones_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zone_option, "available_timezones", set[str])

    with pytest.raises(click.BadParameter, match="install the package tzdata"):
        to_zone(_CONTEXT, _ZONE, "Mars/Base")
