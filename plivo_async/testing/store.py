"""The records of a fake Plivo: those that were added, and generated ones."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any, cast

from plivo_async.errors import ConfigurationError
from plivo_async.record.model import CallDetailRecord
from plivo_async.resources.calls import check_call_uuid
from plivo_async.testing.generated import GeneratedCalls
from plivo_async.testing.replies import json_bytes


class RecordStore:
    """Bodies by call UUID: added ones are held as bytes, generated ones are made when requested."""

    def __init__(self) -> None:
        self._given: dict[str, bytes] = {}
        self._generated: dict[int, GeneratedCalls] = {}

    def add(self, record: CallDetailRecord | Mapping[str, Any]) -> None:
        """Add a record; it replaces one with the same call UUID.

        Raises:
            ConfigurationError: The record is neither a CallDetailRecord nor a mapping.
            InvalidCallUUIDError: The record has no valid call UUID.
            ValueError: A value has no JSON form, such as a time without an offset.
            TypeError: A value is of a type that has no JSON form.
        """
        if isinstance(record, CallDetailRecord):
            sent = record.to_dict()
        elif isinstance(record, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            sent = dict(record)
        else:
            raise ConfigurationError(f"a record must be a CallDetailRecord or a mapping, not {record!r}")
        self._given[check_call_uuid(cast(str, sent.get("call_uuid")))] = json_bytes(sent)

    def generate(self, calls: GeneratedCalls) -> None:
        """Add these calls; they replace those with the same seed."""
        self._generated[calls.seed] = calls

    def body(self, call_uuid: str) -> bytes | None:
        """Return the record of a call as it is sent, or None."""
        given = self._given.get(call_uuid)
        if given is not None:
            return given
        made = (calls.record(call_uuid) for calls in self._generated.values())
        return next((json_bytes(record) for record in made if record is not None), None)

    @property
    def call_uuids(self) -> list[str]:
        """The call UUIDs of the added records in their order, then the generated ones, newest call first."""
        generated = (calls.call_uuids for calls in self._generated.values())
        return [*self._given, *chain.from_iterable(generated)]
