"""The options that choose calls by their end and by Plivo's filters, which `list` and `export` share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar

import click
from attrs import field, frozen

from plivo_async.cli.time_text import TimeTextError, find_zone, parse_moment
from plivo_async.client import AsyncClient
from plivo_async.errors import ConfigurationError
from plivo_async.record.enums import CallDirection, HangupSource, StirVerification
from plivo_async.record.trunk_enums import TrunkHangupSource
from plivo_async.resources.listing.listing import Listing
from plivo_async.resources.listing.trunk_filters import TRUNK_CALL_FILTERS
from plivo_async.resources.sender import with_message

F = TypeVar("F", bound=Callable[..., object])


def _listed(sources: type[HangupSource | TrunkHangupSource]) -> str:
    return ", ".join(repr(str(source)) if " " in source else str(source) for source in sources)


# The filters of the list by their options; the type of each, and what it means.
_FILTERS: tuple[tuple[str, Any, str], ...] = (
    ("call_direction", click.Choice(list(map(str, CallDirection))), "The direction of the call."),
    ("from_number", str, "The number of the caller, or its first digits."),
    ("to_number", str, "The number that was called, or its first digits."),
    ("bill_duration", int, "Exactly this many billable seconds."),
    ("bill_duration__gt", int, "More billable seconds than this."),
    ("bill_duration__gte", int, "This many billable seconds, or more."),
    ("bill_duration__lt", int, "Fewer billable seconds than this."),
    ("bill_duration__lte", int, "This many billable seconds, or fewer."),
    ("parent_call_uuid", str, "The call UUID of the A leg: the call that dialled this one."),
    ("hangup_cause_code", int, "The code of the reason why the call ended, such as 4000."),
    (
        "hangup_source",
        click.Choice(list(map(str, (*HangupSource, *TrunkHangupSource)))),
        f"Which party ended the call: {_listed(HangupSource)}; for SIP trunks {_listed(TrunkHangupSource)}.",
    ),
    ("stir_verification", click.Choice(list(map(str, StirVerification))), "The verdict of STIR/SHAKEN."),
    ("subaccount", str, "The auth ID of the subaccount that the call belongs to."),
)
_METAVARS = {
    "from_number": "NUMBER",
    "to_number": "NUMBER",
    "hangup_source": "SOURCE",
    "hangup_cause_code": "CODE",
    "parent_call_uuid": "CALL_UUID",
    "subaccount": "AUTH_ID",
    **{name: "SECONDS" for name, _, _ in _FILTERS if name.startswith("bill_duration")},
}
_NEWER_CODE = re.compile(r"; for a newer one pass \w+\([0-9]+\)")
FILTER_NAMES = tuple(name for name, _, _ in _FILTERS)
# Not one that is an English word, such as "subaccount", within a sentence.
_NAMED_FILTER = re.compile(rf"\b(?:{'|'.join(name for name in FILTER_NAMES if '_' in name)})\b|^subaccount\b")


def _option_of(name: str) -> str:
    return f"--{name.replace('__', '-').replace('_', '-')}"


@frozen(kw_only=True)
class CallSelection:
    """Which calls a command is about.

    Attributes:
        since: The earliest end, in UTC; None if the user named none.
        until: The end of the span, which is not part of it, in UTC; None for now.
        zone: The time zone of the user; UTC if none was named.
        filters: The filters by Plivo's names.
        is_trunk: Whether it is about SIP-trunk calls.
    """

    since: datetime | None = None
    until: datetime | None = None
    zone: tzinfo = UTC
    filters: Mapping[str, Any] = field(factory=dict[str, Any])
    is_trunk: bool = False

    def list(self, client: AsyncClient, since: Any, until: Any, **options: Any) -> Listing[Any]:
        """Return the list of the calls that ended in a span and fit the filters; nothing is sent yet.

        Raises:
            ConfigurationError: The span or a filter cannot be used.
        """
        resource: Any = client.trunk_calls if self.is_trunk else client.calls
        try:
            listing: Listing[Any] = resource.list(since, until, **self.filters, **options)
        except ConfigurationError as error:
            raise with_message(error, _for_a_command(error.message)) from None
        return listing

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Both bounds.

        Raises:
            ValueError: One of them is None.
        """
        if self.since is None or self.until is None:
            raise ValueError("the span has no bounds")
        return self.since, self.until


def selection_options(command: F) -> F:
    """Add the options to a click command, which receives them by their names."""
    options = [
        click.option(
            "--since",
            metavar="TIME",
            help="The earliest end of a call. 90m, 24h, 7d or 2w means that long ago. Other times are now, "
            "today, yesterday, 2026-11-01, '2026-11-01 14:30' and 2026-11-01T14:30:00+05:30. A date means "
            "its midnight.",
        ),
        click.option(
            "--until",
            metavar="TIME",
            help="The end of the span, in the forms of --since. It is not part of the span.  [default: now]",
        ),
        click.option(
            "--zone",
            metavar="NAME",
            envvar="PLIVO_ASYNC_ZONE",
            show_envvar=True,
            help="The time zone of dates and times without an offset, such as Asia/Kolkata or UTC. There is "
            "no default, because a guess would move days.",
        ),
        click.option("--trunk", is_flag=True, help="SIP-trunk calls. Plivo has a separate list of them."),
        *(
            click.option(_option_of(name), name, type=kind, metavar=_METAVARS.get(name), help=text)
            for name, kind, text in _FILTERS
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def take_selection(given: dict[str, Any], now: datetime) -> CallSelection:
    """Remove the options from those that a command was given, and return the calls that they choose.

    Raises:
        UsageError: A time or a zone cannot be read, or a filter does not exist for SIP-trunk calls.
    """
    since, until, zone, is_trunk = (given.pop(name) for name in ("since", "until", "zone", "trunk"))
    filters = {name: value for name in FILTER_NAMES if (value := given.pop(name)) is not None}
    unknown = [name for name in filters if is_trunk and name not in TRUNK_CALL_FILTERS]
    if unknown:
        raise click.UsageError(f"{_option_of(unknown[0])} is not a filter of SIP-trunk calls")
    place = None if zone is None else _read("--zone", lambda: find_zone(zone))
    return CallSelection(
        since=None if since is None else _read("--since", lambda: parse_moment(since, now, place)),
        until=None if until is None else _read("--until", lambda: parse_moment(until, now, place)),
        zone=place or UTC,
        filters=filters,
        is_trunk=is_trunk,
    )


T = TypeVar("T")


def _for_a_command(message: str) -> str:
    """Return the message of an error with options for filters, and without what only a program can do."""
    message = message.replace("allow_partial=True lists", "--since 90d chooses")
    return _NAMED_FILTER.sub(lambda found: _option_of(found[0]), _NEWER_CODE.sub("", message))


def _read(option: str, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except TimeTextError as error:
        raise click.UsageError(f"{option} {error}") from None
