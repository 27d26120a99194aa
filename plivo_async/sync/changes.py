"""What a record that is read again has changed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs
from attrs import define, field

from plivo_async.exported import exported

# The id of the request, which is another one each time.
_NOT_COMPARED = {"api_id", "wire_keys", "wire_values", "extra"}


@exported
@define
class Changes:
    """How many records were new to a target, changed or unchanged.

    Args:
        new: Records that the target did not have.
        changed: Records that differ from those of the target, which they replaced.
        unchanged: Records that the target had.
        fields: By the name of a field: how many of the changed records differ in it.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    fields: Counter[str] = field(factory=Counter[str])

    @property
    def total(self) -> int:
        """The number of records."""
        return self.new + self.changed + self.unchanged

    def count(self, changed: tuple[str, ...]) -> None:
        """Count a record that the target had.

        Args:
            changed: The names of the fields that differ; empty for an unchanged record.
        """
        self.changed += bool(changed)
        self.unchanged += not changed
        self.fields.update(changed)

    def add(self, other: Changes) -> None:
        """Add the counts of other records.

        Args:
            other: These counts.
        """
        self.new += other.new
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.fields.update(other.fields)


def changed_fields(old: Any, new: Any) -> tuple[str, ...]:
    """Return the names of the fields that differ between two records of a call.

    The form of a value does not count, such as an amount sent as a number, nor does the `api_id`.
    """
    names = [
        name
        for name in attrs.fields_dict(new.__class__)
        if name not in _NOT_COMPARED and getattr(old, name) != getattr(new, name)
    ]
    before: Mapping[str, Any] = old.extra
    after: Mapping[str, Any] = new.extra
    missing = object()
    keys = [key for key in {**before, **after} if before.get(key, missing) != after.get(key, missing)]
    return (*names, *keys)
