"""Fetched and Failed: what becomes of each call UUID of a batch."""

from __future__ import annotations

import uuid
from typing import Generic, TypeVar

from attrs import frozen

from plivo_async.errors import PlivoError
from plivo_async.exported import exported
from plivo_async.record.model import CallDetailRecord

Record = TypeVar("Record")


@exported
@frozen
class Fetched(Generic[Record]):
    """The record of one call of a batch or a list.

    Attributes:
        call_uuid: The call UUID in the form of the input.
        record: The record of this call.
    """

    call_uuid: str | uuid.UUID
    record: Record


@exported
@frozen
class Failed:
    """The error of one call of a batch or a list.

    Attributes:
        call_uuid: The call UUID in the form of the input.
        error: The reason that there is no record.
    """

    call_uuid: str | uuid.UUID
    error: PlivoError


Outcome = Fetched[CallDetailRecord] | Failed
