"""A fault: how a server misbehaves, and the error that a call ends in."""

from __future__ import annotations

import enum

from attrs import frozen

from plivo_async import NetworkError, PlivoError
from tests.faults.fault_server import Step


class Ends(enum.Enum):
    """How a call ends under a persistent fault."""

    AFTER_RETRIES = enum.auto()
    AT_ONCE = enum.auto()
    AT_ITS_DEADLINE = enum.auto()


@frozen
class Fault:
    name: str
    act: Step
    error: type[PlivoError] = NetworkError
    ends: Ends = Ends.AFTER_RETRIES
    status: int | None = None
