"""The template of a path: a bounded number of names, for metrics and logs."""

from __future__ import annotations

# The resources of Plivo's voice, numbers and messaging APIs, as their paths spell them.
_RESOURCES = frozenset(
    {
        *("Account", "Application", "Call", "Conference", "DTMF", "Endpoint", "Insights", "Kick", "Media"),
        *("Member", "Message", "MultiPartyCall", "Number", "Participant", "PhoneNumber", "Play", "Powerpack"),
        *("Pricing", "Record", "Recording", "Request", "Speak", "Stream", "Subaccount", "Zentrunk"),
    }
)


def route_of(path: str) -> str:
    """Return a path with each part but the names of resources replaced, such as `Call/{call_uuid}/`."""
    route: list[str] = []
    for part in path.split("/"):
        if part in _RESOURCES or not part:
            route.append(part)
        else:
            route.append("{call_uuid}" if route[-1:] == ["Call"] else "{id}")
    return "/".join(route)
