"""The paths that a fake Plivo serves, and the kinds of request that they make."""

from __future__ import annotations

import re
from enum import StrEnum

from attrs import frozen

_PATH = re.compile(
    r"/v1/Account/(?P<account>[A-Za-z0-9_-]+)/(?P<store>Call|Zentrunk/Call|Recording)/"
    r"(?:(?P<name>[A-Za-z0-9_-]+)/(?P<insights>Insights/)?)?"
)
STATISTICS_PATH = "/_fake/statistics"


class Kind(StrEnum):
    """The kind of a request."""

    CALL = "call"
    CALL_LIST = "call list"
    LIVE_CALL = "live call"
    LIVE_CALL_LIST = "live call list"
    QUEUED_CALL = "queued call"
    QUEUED_CALL_LIST = "queued call list"
    TRUNK_CALL = "trunk call"
    TRUNK_CALL_LIST = "trunk call list"
    INSIGHTS = "insights"
    RECORDING = "recording"
    RECORDING_LIST = "recording list"
    STATISTICS = "statistics"
    OTHER = "other"

    @property
    def is_about_one_call(self) -> bool:
        """Whether the name in the path is a call UUID."""
        return self in _ONE_CALL


_ONE_CALL = (Kind.CALL, Kind.LIVE_CALL, Kind.QUEUED_CALL, Kind.TRUNK_CALL, Kind.INSIGHTS)
# The kind of a request for one record, and of one for a list.
_KINDS = {
    "Call": (Kind.CALL, Kind.CALL_LIST),
    "Zentrunk/Call": (Kind.TRUNK_CALL, Kind.TRUNK_CALL_LIST),
    "Recording": (Kind.RECORDING, Kind.RECORDING_LIST),
}
_KINDS_BY_STATUS = {
    "live": (Kind.LIVE_CALL, Kind.LIVE_CALL_LIST),
    "queued": (Kind.QUEUED_CALL, Kind.QUEUED_CALL_LIST),
}


@frozen
class Route:
    """Where a request leads: its kind, the account and the record that its path names, if any."""

    kind: Kind
    account: str | None = None
    name: str | None = None


def find_route(path: str, status: str | None) -> Route:
    """Return the route of a path as sent, and of the parameter `status`, if there is one."""
    if path == STATISTICS_PATH:
        return Route(Kind.STATISTICS)
    match = _PATH.fullmatch(path)
    if match is None:
        return Route(Kind.OTHER)
    account, store, name, insights = match.groups()
    if insights:
        is_trunk = store == "Zentrunk/Call"
        return Route(Kind.INSIGHTS if is_trunk else Kind.OTHER, account, name)
    kinds = _KINDS[store]
    if store == "Call" and status is not None:
        kinds = _KINDS_BY_STATUS.get(status, kinds)
    return Route(kinds[0] if name else kinds[1], account, name)
