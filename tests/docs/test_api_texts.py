"""Every argument, field, option, property and method of a public name has a text, and every text fits."""

from __future__ import annotations

import importlib
import inspect
from types import FunctionType
from typing import TypedDict, Unpack

import plivo_async.testing
from plivo_async.record.enums import OpenText
from tests.docs.api_texts import Docstring, findings

MODULES = ["", ".events", ".otel", ".redis", ".sync", ".testing", ".webhooks"]
# The client or the fake builds these; their pages hide how.
BUILT_FOR_USERS = {
    plivo_async.Batch,
    plivo_async.CallsResource,
    plivo_async.Listing,
    plivo_async.RecordingsResource,
    plivo_async.TrunkCallsResource,
    plivo_async.testing.FakeLiveCalls,
    plivo_async.testing.FakeRecords,
    plivo_async.testing.FakeTrunkCalls,
}


def is_called(thing: type | FunctionType) -> bool:
    is_inner_error = (
        isinstance(thing, type) and issubclass(thing, Exception) and thing is not plivo_async.PlivoError
    )
    return thing not in BUILT_FOR_USERS and not is_inner_error


def test_every_public_name_has_a_text_for_all_that_it_has_and_takes() -> None:
    found: list[str] = []
    for module in (importlib.import_module(f"plivo_async{name}") for name in MODULES):
        for name in module.__all__:
            thing = getattr(module, name)
            if isinstance(thing, type | FunctionType):
                found += findings(name, thing, called=is_called(thing))

    assert found == []


class Options(TypedDict, total=False):
    """Options.

    Attributes:
        timeout: Seconds.
    """

    timeout: float
    retry: int


class Faulty:
    """A class with a fault of each kind, in a sentence that goes on and on and on and on and on and on and on
    and on and on and on and on and on.

    Args:
        size: The size
        length: There is none.
        limit: The limit.

    Raises:
        NoSuchError: Never.

    Attributes:
        colour: There is none.
    """

    kind: str

    def __init__(self, size: int, other: int, limit: int | None = None) -> None:
        self.total = size + other

    @property
    def is_big(self) -> bool:
        return self.total > 10

    def grow(self, by: int, **options: Unpack[Options]) -> None:
        """Grow.

        Args:
            timeout: Seconds.
            far: There is none.
        """

    def shrink(self) -> None: ...


class Colour(OpenText):
    """A colour."""

    RED = "red"


def test_a_text_that_is_missing_or_fits_nothing_is_found() -> None:
    assert findings("Options", Options) == ["Options: no text for retry"]
    assert findings("Colour", Colour) == ["Colour: the text says not what becomes of an unknown value"]
    assert sorted(findings("Faulty", Faulty)) == [
        "Faulty.grow: Args has far, which is no argument",
        "Faulty.grow: no text for by",
        "Faulty.grow: no text for the option retry",
        "Faulty.is_big: no text",
        "Faulty.shrink: no text",
        "Faulty: Args has length, which is no argument",
        "Faulty: Attributes has colour, which is no attribute",
        "Faulty: Raises has NoSuchError, which is no error of this package, of Python or of httpx",
        "Faulty: a sentence of 36 words: A class with a fault of each kind, in a sentence that goes o",
        "Faulty: limit is None by default, and its text says not what that means",
        "Faulty: no text for kind",
        "Faulty: no text for other",
        "Faulty: no text for total",
        "Faulty: the text of size is no whole sentence",
    ]


def test_an_entry_may_go_on_for_lines_and_have_a_type() -> None:
    doc = Docstring(inspect.getdoc(plivo_async.Batch))

    assert doc.entries["Attributes"] == {
        "done": "The number of outcomes.",
        "failed": "The number of outcomes without a record.",
    }
    assert Docstring("Add.\n\nArgs:\n    a: One\n        two.\n    *b: Three.").entries["Args"] == {
        "a": "One two.",
        "*b": "Three.",
    }
