"""The records of one kind that a fake Plivo has: those that were added, and generated ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Protocol, TypeAlias, cast

from attrs import frozen

from plivo_async.errors import ConfigurationError
from plivo_async.record.json_record import JSONRecord
from plivo_async.record.live_call import LiveCall
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.recording import Recording
from plivo_async.record.trunk_call import TrunkCallDetailRecord, TrunkCallInsights
from plivo_async.resources.call_uuid import check_call_uuid
from plivo_async.testing.list_query import microseconds
from plivo_async.testing.list_rules import ListRules
from plivo_async.testing.publications import Publications
from plivo_async.testing.replies import json_bytes
from plivo_async.testing.time_index import Selection, TimeIndex
from plivo_async.text import short_repr

_KEPT_SELECTIONS = 32

Filters = tuple[tuple[str, str], ...]


RecordOrMapping: TypeAlias = (
    CallDetailRecord | TrunkCallDetailRecord | TrunkCallInsights | Recording | LiveCall | Mapping[str, Any]
)


class Generated(Protocol):
    """Calls that are made when they are requested."""

    @property
    def seed(self) -> int: ...
    @property
    def call_uuids(self) -> tuple[str, ...]: ...
    def index(self, call_uuid: str) -> int | None: ...
    def ended(self, index: int) -> int: ...
    def record(self, call_uuid: str) -> dict[str, Any] | None: ...


@frozen
class _Added:
    record: Mapping[str, Any]
    body: bytes
    row: bytes
    time: int | None


class RecordStore:
    """Records by name. Added ones are held as bytes, generated ones are made when they are requested."""

    def __init__(self, rules: ListRules) -> None:
        self.rules = rules
        self._added: dict[str, _Added] = {}
        self._generated: dict[int, Generated] = {}
        self.publications = Publications(self._list)
        # Built for the first list, because most tests ask for none.
        self._index: TimeIndex | None = None
        self._selections: dict[tuple[int, int, Filters], TimeIndex] = {}

    def add(self, record: RecordOrMapping) -> None:
        """Add a record; it replaces one of the same name.

        Raises:
            ConfigurationError: The record is neither a record nor a mapping.
            InvalidCallUUIDError: The record has no valid name.
            ValueError: A value has no JSON form, such as a time without an offset.
            TypeError: A value is of a type that has no JSON form.
        """
        sent = as_mapping(record)
        name = check_call_uuid(cast(str, sent.get(self.rules.name)))
        row = {key: value for key, value in sent.items() if key != "api_id"}
        added = _Added(sent, json_bytes(sent), json_bytes(row), _time(sent.get(self.rules.time)))
        if name not in self.publications:
            self._unlist(name)
        self._added[name] = added
        if name not in self.publications:
            self._list(name)

    def generate(self, calls: Generated) -> None:
        """Add these calls; they replace those with the same seed."""
        self._generated[calls.seed] = calls
        self._index = None
        self._selections.clear()

    def body(self, name: str) -> bytes | None:
        """Return a record as it is sent for its own request."""
        added = self._added.get(name)
        if added is not None:
            return added.body
        record = self._generated_record(name)
        return None if record is None else json_bytes(record)

    def row(self, name: str) -> bytes:
        """Return a record of a list as it is sent there: without the `api_id`, which the page has."""
        added = self._added.get(name)
        if added is not None:
            return added.row
        return json_bytes({key: value for key, value in self._listed(name).items() if key != "api_id"})

    @property
    def names(self) -> list[str]:
        """The names of the added records in their order, then of the generated ones, newest call first."""
        generated = (calls.call_uuids for calls in self._generated.values())
        return [*self._added, *chain.from_iterable(generated)]

    # Publication

    def publish_later(self, name: str, requests: int, at: float, lists: int) -> None:
        """Withhold a record for requests for it, until a time of the clock, and for list requests."""
        if name not in self.publications:
            self._unlist(name)
        self.publications.withhold(name, requests, at, lists)

    def withhold_future(self, calls: Generated, now: int, clock: float) -> None:
        """Publish the calls that end after `now`, in microseconds since 1970, when they end."""
        for index, call_uuid in enumerate(calls.call_uuids):
            seconds = calls.ended(index) - now / 1_000_000
            if seconds <= 0:
                break
            self.publish_later(call_uuid, 0, clock + seconds, 0)

    # Lists

    def build_index(self) -> TimeIndex:
        """Return the index of all records, and build it first where there is none."""
        if self._index is None:
            self._index = TimeIndex(self._entries())
        return self._index

    def select(self, since: int, until: int, filters: Filters) -> Selection:
        """Return the names of a list, newest first; times are microseconds since 1970."""
        everything = self.build_index().between(since, until)
        if not filters:
            return everything
        key = since, until, filters
        index = self._selections.get(key)
        if index is None:
            index = TimeIndex(
                (time, name) for time, name in everything.entries() if self._fits(name, filters)
            )
            if len(self._selections) >= _KEPT_SELECTIONS:
                self._selections.pop(next(iter(self._selections)))
            self._selections[key] = index
        return index.between(since, until)

    def _entries(self) -> Iterator[tuple[int, str]]:
        for name, added in self._added.items():
            if added.time is not None and name not in self.publications:
                yield added.time, name
        for calls in self._generated.values():
            for index, name in enumerate(calls.call_uuids):
                if name not in self.publications and name not in self._added:
                    yield calls.ended(index) * 1_000_000, name

    def _list(self, name: str) -> None:
        for index in self._indices(name):
            index[0].add(index[1], name)

    def _unlist(self, name: str) -> None:
        for index in self._indices(name):
            index[0].remove(index[1], name)

    def _indices(self, name: str) -> Iterator[tuple[TimeIndex, int]]:
        """Return the indices in which a record belongs, and its time."""
        time = self._time(name)
        if self._index is None or time is None:
            return
        yield self._index, time
        for (since, until, filters), index in self._selections.items():
            if since <= time < until and self._fits(name, filters):
                yield index, time

    def _time(self, name: str) -> int | None:
        added = self._added.get(name)
        if added is not None:
            return added.time
        for calls in self._generated.values():
            index = calls.index(name)
            if index is not None:
                return calls.ended(index) * 1_000_000
        return None

    def _fits(self, name: str, filters: Filters) -> bool:
        record = self._listed(name)
        return all(self.rules.filters[key](record, value) for key, value in filters)

    def _listed(self, name: str) -> Mapping[str, Any]:
        added = self._added.get(name)
        # A name in an index has a record.
        return added.record if added is not None else self._generated_record(name) or {}

    def _generated_record(self, name: str) -> Mapping[str, Any] | None:
        made = (calls.record(name) for calls in self._generated.values())
        return next((record for record in made if record is not None), None)


def as_mapping(record: RecordOrMapping) -> dict[str, Any]:
    """Return the JSON form of a record.

    Raises:
        ConfigurationError: It is neither a record nor a mapping.
        ValueError: A value has no JSON form.
    """
    if isinstance(record, Mapping):
        return dict(record)
    if isinstance(record, CallDetailRecord | JSONRecord):  # pyright: ignore[reportUnnecessaryIsInstance]
        return record.to_dict()
    raise ConfigurationError(f"a record must be a CallDetailRecord or a mapping, not {short_repr(record)}")


def _time(text: object) -> int | None:
    try:
        time = datetime.fromisoformat(cast(str, text))
    except (TypeError, ValueError):
        return None
    return microseconds(time if time.tzinfo else time.replace(tzinfo=UTC))
