"""What the records beside the call detail record have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import field, frozen

from plivo_async.record.model import FrozenMapping, record_repr

_NOTHING = FrozenMapping({})


@frozen(kw_only=True, repr=False)
class JSONRecord:
    """A record that returns what was sent, as a `CallDetailRecord` does.

    Attributes:
        extra: The keys that this version does not know, with their values. Also a field that nothing is
            computed from, whose value is of a type that cannot be read.
        wire_keys: All keys in the order and spelling of Plivo's JSON. They do not count in comparisons.
        wire_values: The values that were sent in another form than documented, by key. They do not count in
            comparisons.
    """

    extra: Mapping[str, Any] = field(default=_NOTHING, converter=FrozenMapping, hash=False)
    wire_keys: tuple[str, ...] = field(default=(), eq=False)
    wire_values: Mapping[str, Any] = field(default=_NOTHING, eq=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as Plivo sent it: keys in their order, nulls, money and times as text.

        Fields that were set since follow, except those that are None.

        Raises:
            ValueError: A field has no JSON form, such as a time without an offset.
        """
        from plivo_async.record.converter import record_to_dict

        return record_to_dict(self)

    def to_json(self) -> str:
        """Return the record as one line of ASCII JSON, with every digit as sent.

        Raises:
            ValueError: A field has no JSON form, such as a time without an offset.
            TypeError: A value in `extra` has no JSON form.
        """
        from plivo_async.record.converter import record_to_json

        return record_to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes | bytearray) -> Self:
        """Read a record from JSON text, from Plivo or from `to_json`.

        Args:
            text: The JSON; bytes are UTF-8.

        Raises:
            DecodeError: The text is not JSON, or not such a record.
        """
        from plivo_async.record.converter import from_json_as

        return from_json_as(cls, text)

    def __repr__(self) -> str:
        return record_repr(self)
