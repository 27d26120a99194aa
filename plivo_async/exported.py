"""Gives exported names their public path, so that pickles and tracebacks name no inner module."""

from __future__ import annotations

from inspect import get_annotations, isclass
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T", bound=Any)

_PACKAGE = "plivo_async"
# These export their names themselves.
_FOLDERS = (
    "plivo_async.events",
    "plivo_async.otel",
    "plivo_async.redis",
    "plivo_async.sync",
    "plivo_async.testing",
    "plivo_async.webhooks",
)


def exported(thing: T) -> T:
    """Set the `__module__` of a class or function to the package that exports it.

    The annotations of a class are resolved first, because `typing.get_type_hints` looks their names up in the
    module that the class says it is from. So are those of an `__init__` that attrs has written, whose names
    may be from the module of a base class.
    """
    any_thing: Any = thing
    if isclass(any_thing) and get_annotations(any_thing):
        hints = get_type_hints(any_thing, include_extras=True)
        any_thing.__annotations__ = {name: hints[name] for name in get_annotations(any_thing)}
        if "__attrs_attrs__" in vars(any_thing):
            written = any_thing.__init__.__annotations__
            written.update((name, hints[name]) for name in written.keys() & hints.keys())
    module: str = thing.__module__
    thing.__module__ = next((folder for folder in _FOLDERS if module.startswith(folder)), _PACKAGE)
    return thing
