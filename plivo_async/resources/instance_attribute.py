"""A class attribute for an attribute that each instance sets, so that tools find its type on the class."""

from __future__ import annotations

from typing import Any


class _InstanceAttribute:
    """Returns its type on the class. `unittest.mock.create_autospec` reads only what the class has."""

    def __init__(self, kind: type) -> None:
        self._kind = kind

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> type:
        if instance is None:
            return self._kind
        # A built instance has an attribute of its own, which goes before this one.
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}")


def instance_attribute(kind: type) -> Any:
    """Return the class attribute for an attribute of this type."""
    return _InstanceAttribute(kind)
