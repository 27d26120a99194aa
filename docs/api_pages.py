"""How the pages of the API show what autodoc finds: signatures, the order of members, links in docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from enum import EnumType
from types import FunctionType
from typing import Any, get_args, get_type_hints

import attrs
import inventories
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.typing import stringify_annotation

import plivo_async
import plivo_async.events
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
# Types as users know them: names of unions, and what inner types stand for.
_TYPES = {
    stringify_annotation(plivo_async.events.Event, "smart"): "~plivo_async.events.Event",
    stringify_annotation(plivo_async.CallNext, "smart"): "~plivo_async.CallNext",
    stringify_annotation(plivo_async.Outcome, "smart"): "~plivo_async.Outcome",
    "~plivo_async.http_client.HTTPClient": "~httpx.AsyncClient | httpx2.AsyncClient",
    "~plivo_async.webhooks.pairs.HasItems": "~collections.abc.Mapping",
    "~plivo_async.transport.proxy.Proxy | ": "",
}
_FIRST_OPTIONS = ["timeout", "deadline", "retry", "max_body"]
_UNPACKED = re.compile(r"\*\*\w+: \S*Unpack\[[^\]]*\]")


def _options(function: Any) -> dict[str, Any]:
    """Return the options that a function accepts as `**options: Unpack[...]`, with their types."""
    signature = inspect.signature(function, eval_str=True)
    last = list(signature.parameters.values())[-1]
    types = get_type_hints(get_args(last.annotation)[0])
    # In the order of the docstrings.
    return {name: types[name] for name in dict.fromkeys([*_FIRST_OPTIONS, *types]) if name in types}


def _is_built_for_users(what: str, of: Any) -> bool:
    if what == "exception":
        return of is not plivo_async.PlivoError
    # A value that this package returns: its docstring describes attributes, and no arguments.
    is_result = what == "class" and attrs.has(of) and "\n    Args:\n" not in of.__doc__
    return of in _BUILT_FOR_USERS or isinstance(of, EnumType) or is_result


def to_signature(
    _app: Sphinx, what: str, name: str, of: Any, _options_of: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write options one by one, and defaults as in the source. Hide what users do not call."""
    if _is_built_for_users(what, of):
        return "", None
    if signature and (unpacked := _UNPACKED.search(signature)):
        options = [
            f"{option}: {stringify_annotation(kind, 'smart')} = ..." for option, kind in _options(of).items()
        ]
        star = "" if "*, " in signature else "*, "
        signature = signature.replace(unpacked[0], star + ", ".join(options))
    for shown, written in _DEFAULTS.items():
        signature = re.sub(shown, written, signature) if signature else signature
    if name.endswith(".__await__") and returns:
        # The type of the result, not that of the generator.
        returns = re.sub(r".*Generator\[\S+, \S+, (.*)\]", r"\1", returns)
    return _with_known_types(signature), _with_known_types(returns)


def _with_known_types(text: str | None) -> str | None:
    for shown, written in _TYPES.items():
        text = text.replace(shown, written) if text else text
    return text


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


def to_docstring(_app: Sphinx, _what: str, name: str, _of: Any, _options_of: Any, lines: list[str]) -> None:
    """Link the names in a docstring."""

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


def describe_members(_app: Sphinx) -> None:
    """Give autodoc the order of members, and the texts of codes.

    It looks for both in the source of the module that a class says it is from, which only exports it.
    """
    for module in _MODULES:
        analyzer = ModuleAnalyzer.for_module(module.__name__)
        analyzer.analyze()
        for name in module.__all__:
            for kind in getattr(getattr(module, name), "__mro__", ()):
                for member in vars(kind):
                    analyzer.tagorder.setdefault(f"{name}.{member}", len(analyzer.tagorder))
                    if isinstance(code := vars(kind)[member], OpenCode):
                        analyzer.attr_docs[name, member] = [code.description, ""]


def setup(app: Sphinx) -> None:
    """Register the hooks."""
    app.connect("builder-inited", describe_members)
    app.connect("autodoc-process-signature", to_signature)
    # After napoleon.
    app.connect("autodoc-process-docstring", to_docstring, priority=900)
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
