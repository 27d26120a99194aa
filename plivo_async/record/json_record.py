"""What the records beside the call detail record have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from plivo_async.record.json_methods import JSONMethods
from plivo_async.record.model import FrozenMapping, record_repr

_NOTHING = FrozenMapping({})


@frozen(kw_only=True, repr=False)
class JSONRecord(JSONMethods):
    """A record that returns what was sent, as a `CallDetailRecord` does.

    Attributes:
        extra: The keys that this version does not know, with their values. Also a field that nothing is
            computed from, whose value is of a type that cannot be read.
        wire_keys: All keys in the order and spelling of Plivo's JSON. Comparisons ignore them.
        wire_values: The values that were sent in another form than documented, by key. Comparisons ignore
            them.
    """

    extra: Mapping[str, Any] = field(default=_NOTHING, converter=FrozenMapping, hash=False)
    wire_keys: tuple[str, ...] = field(default=(), eq=False)
    wire_values: Mapping[str, Any] = field(default=_NOTHING, eq=False)

    def __repr__(self) -> str:
        return record_repr(self)
