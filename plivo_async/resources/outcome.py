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
    """An outcome with a record: one call of a batch, or one row of a list.

    Attributes:
        call_uuid: The call UUID as it was passed to a batch, or as the list has it.
        record: The record of this call.
    """

    call_uuid: str | uuid.UUID
    record: Record


@exported
@frozen
class Failed:
    """An outcome without a record: one call of a batch, or one row of a list.

    Attributes:
        call_uuid: The call UUID as it was passed to a batch, or as the list has it; empty if a row has none.
        error: The error of this call. It is not raised.
    """

    call_uuid: str | uuid.UUID
    error: PlivoError


Outcome = Fetched[CallDetailRecord] | Failed
