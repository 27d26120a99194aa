"""How the pages of the API show what autodoc finds: signatures, the order of members, links in docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from enum import EnumType
from types import FunctionType
from typing import Any, get_args, get_type_hints

import inventories
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.typing import stringify_annotation

import plivo_async
import plivo_async.testing
from plivo_async.record.enums import OpenCode

_MODULES = [
    importlib.import_module(f"plivo_async{name}")
    for name in ("", ".events", ".otel", ".redis", ".sync", ".testing", ".webhooks")
]

# The client or the fake builds these; users do not call them.
_BUILT_FOR_USERS = {
    plivo_async.CallsResource,
    plivo_async.TrunkCallsResource,
    plivo_async.RecordingsResource,
    plivo_async.Batch,
    plivo_async.Listing,
    plivo_async.testing.FakeRecords,
    plivo_async.testing.FakeTrunkCalls,
    plivo_async.testing.FakeLiveCalls,
}

# Default values without a readable repr, as the sources write them.
_DEFAULTS = {
    "<function sleep[^>]*>": "asyncio.sleep",
    "<built-in method random[^>]*>": "random.random",
    "<built-in function monotonic>": "time.monotonic",
    r"\({'Stir_attestation'.*?},\)": "(DOCUMENTED_CALL,)",
    r"<factory>|NOTHING": "{}",
}
_UNPACKED = re.compile(r"\*\*\w+: \S*Unpack\[[^\]]*\]")


def _options(function: Any) -> dict[str, Any]:
    """Return the options that a function accepts as `**options: Unpack[...]`, with their types."""
    signature = inspect.signature(function, eval_str=True)
    last = list(signature.parameters.values())[-1]
    return get_type_hints(get_args(last.annotation)[0])


def to_signature(
    _app: Sphinx, what: str, _name: str, of: Any, _options_of: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write options one by one, and defaults as in the source. Hide what users do not call."""
    is_called = what != "exception" or of is plivo_async.PlivoError
    if isinstance(of, EnumType) or of in _BUILT_FOR_USERS or not is_called:
        return "", None
    if signature and (unpacked := _UNPACKED.search(signature)):
        options = [
            f"{name}: {stringify_annotation(kind, 'smart')} = ..." for name, kind in _options(of).items()
        ]
        star = "" if "*, " in signature else "*, "
        signature = signature.replace(unpacked[0], star + ", ".join(options))
    for shown, written in _DEFAULTS.items():
        signature = re.sub(shown, written, signature) if signature else signature
    return signature, returns


# In the text of a docstring: something between backticks, or a name in CamelCase.
_NAME = re.compile(r"(?<![\w`.:~/])(?:`([^`\s]+)`|([A-Z][a-z]+[A-Z]\w*))(?![\w`:(])")
# A field that napoleon has written, before its text. The text of the others is a type.
_FIELD = re.compile(r"\s*:(?:param|ivar|raises|returns|Yields)\b[^:]*: ?")
_TYPE = re.compile(r"\s*:(?:type|vartype|rtype)\b")
_RESOURCES = {
    "calls": plivo_async.CallsResource,
    "trunk_calls": plivo_async.TrunkCallsResource,
    "recordings": plivo_async.RecordingsResource,
}


def _targets() -> Iterator[tuple[str, str]]:
    """Yield how docstrings write a public name or a method, and the full name that it links to."""
    for module in _MODULES:
        for name in module.__all__:
            full = f"{module.__name__}.{name}"
            yield from ((name, full), (full, full))
            for member, value in inspect.getmembers(getattr(module, name)):
                if isinstance(value, FunctionType) and not member.startswith("_"):
                    yield f"{name}.{member}", f"{full}.{member}"
    for resource, kind in _RESOURCES.items():
        for member, value in inspect.getmembers(kind):
            if isinstance(value, FunctionType) and not member.startswith("_"):
                for written in (f"{resource}.{member}", f"client.{resource}.{member}"):
                    yield written, f"plivo_async.{kind.__name__}.{member}"
    for file in inventories.FOLDER.glob("*.txt"):
        for line in inventories.addresses_and_lines(file.stem)[1]:
            name = line.split()[0]
            if "." in name:
                yield name, name


_TARGETS = dict(_targets())


def to_docstring(_app: Sphinx, what: str, name: str, of: Any, _options_of: Any, lines: list[str]) -> None:
    """Link the names in a docstring. Give the member of an enumeration its text."""
    if what == "attribute" and isinstance(of, OpenCode):
        lines[:] = [of.description, ""]
        return

    def linked(match: re.Match[str]) -> str:
        written = match[1] or match[2]
        target = _TARGETS.get(written.removesuffix("()"))
        if target is None or name == target or name.startswith(f"{target}."):
            return match[0]
        return f":py:obj:`{written} <{target}>`"

    for number, line in enumerate(lines):
        if not _TYPE.match(line):
            field = _FIELD.match(line)
            start = field.end() if field else 0
            lines[number] = line[:start] + _NAME.sub(linked, line[start:])


def order_members(_app: Sphinx) -> None:
    """Have autodoc sort members as the sources do, which it looks for in the module that exports a class."""
    for module in _MODULES:
        analyzer = ModuleAnalyzer.for_module(module.__name__)
        analyzer.analyze()
        for name in module.__all__:
            for kind in getattr(getattr(module, name), "__mro__", ()):
                for member in vars(kind):
                    analyzer.tagorder.setdefault(f"{name}.{member}", len(analyzer.tagorder))


def setup(app: Sphinx) -> None:
    """Register the hooks."""
    app.connect("builder-inited", order_members)
    app.connect("autodoc-process-signature", to_signature)
    # After napoleon.
    app.connect("autodoc-process-docstring", to_docstring, priority=900)
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
