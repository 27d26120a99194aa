"""Fetched and Failed: what becomes of each call UUID of a batch."""

from __future__ import annotations

import uuid

from attrs import frozen

from plivo_async.errors import PlivoError
from plivo_async.exported import exported
from plivo_async.record.model import CallDetailRecord


@exported
@frozen
class Fetched:
    """The record of one call; `call_uuid` is what was asked for."""

    call_uuid: str | uuid.UUID
    record: CallDetailRecord


@exported
@frozen
class Failed:
    """Why there is no record of one call; `call_uuid` is what was asked for, as it came."""

    call_uuid: str | uuid.UUID
    error: PlivoError


Outcome = Fetched | Failed
