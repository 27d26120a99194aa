"""The records that a fake Plivo has: those it was given, and those it can make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast, final

from attrs import frozen

from plivo_async.errors import ConfigurationError
from plivo_async.record.model import CallDetailRecord
from plivo_async.resources.calls import check_call_uuid
from plivo_async.testing.generated import GeneratedCalls
from plivo_async.testing.lazy_sequence import LazySequence
from plivo_async.testing.replies import json_bytes


class RecordStore:
    """Bodies by call UUID: given ones are held as bytes, generated ones are made when asked for."""

    def __init__(self) -> None:
        self._given: dict[str, bytes] = {}
        self._generated: dict[int, GeneratedCalls] = {}

    def add(self, record: CallDetailRecord | Mapping[str, Any]) -> None:
        """Hold a record; it takes the place of one with the same call UUID.

        Raises: ConfigurationError, InvalidCallUUIDError; ValueError, TypeError for what JSON cannot say.
        """
        if isinstance(record, CallDetailRecord):
            sent = record.to_dict()
        elif isinstance(record, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            sent = dict(record)
        else:
            raise ConfigurationError(f"a record must be a CallDetailRecord or a mapping, not {record!r}")
        self._given[check_call_uuid(cast(str, sent.get("call_uuid")))] = json_bytes(sent)

    def generate(self, calls: GeneratedCalls) -> None:
        """Have these calls too; they take the place of those with the same seed."""
        self._generated[calls.seed] = calls

    def body(self, call_uuid: str) -> bytes | None:
        """The record of a call as it is sent, or None."""
        given = self._given.get(call_uuid)
        if given is not None:
            return given
        made = (calls.record(call_uuid) for calls in self._generated.values())
        return next((json_bytes(record) for record in made if record is not None), None)

    @property
    def call_uuids(self) -> Sequence[str]:
        """Those given, in their order, then those generated, newest first; none of them is held twice."""
        return _CallUUIDs((tuple(self._given), *self._generated.values()))


@final
@frozen
class _CallUUIDs(LazySequence):
    parts: tuple[Sequence[str], ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __contains__(self, value: object) -> bool:
        return any(value in part for part in self.parts)

    def at(self, index: int) -> str:
        for part in self.parts[:-1]:
            if index < len(part):
                return part[index]
            index -= len(part)
        return self.parts[-1][index]

    def __repr__(self) -> str:
        return f"<{len(self)} call UUIDs>"
