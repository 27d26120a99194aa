"""Calls that are in progress or queued, of which there is no record yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class LiveCalls:
    """Calls by call UUID, each until it is removed or ends."""

    def __init__(self) -> None:
        self._calls: dict[str, tuple[Mapping[str, Any], float]] = {}

    def add(self, call: Mapping[str, Any], until: float) -> None:
        """Add a call that ends at a time of the clock, in seconds."""
        self._calls[call["call_uuid"]] = call, until

    def remove(self, call_uuid: str) -> None:
        """Remove a call, if it is there."""
        self._calls.pop(call_uuid, None)

    def call_uuids(self, clock: float) -> list[str]:
        """Return the call UUIDs in the order in which the calls began."""
        return [call_uuid for call_uuid, (_, until) in self._calls.items() if clock < until]

    def get(self, call_uuid: str, clock: float) -> Mapping[str, Any] | None:
        """Return a call; None if it has ended or never was."""
        call, until = self._calls.get(call_uuid, (None, 0.0))
        return call if clock < until else None
