"""Finds what the docstrings of a public name leave out: an argument, a field, a method, an error."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from enum import Enum, EnumType
from types import FunctionType
from typing import Any, get_type_hints, is_typeddict

import attrs
import httpx

import plivo_async

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$")
_ENTRY = re.compile(r"^    (\*{0,2}[\w.]+)(?: \([^)]*\))?: ?(.*)$")
_LONGEST_SENTENCE_WORDS = 30
# Special methods that a page shows. The text of a class covers the others.
_SHOWN = {"__call__", "__await__"}


class Docstring:
    """The text of a docstring, and the entries of its sections, each by its name."""

    def __init__(self, text: str | None) -> None:
        self.text = inspect.cleandoc(text or "")
        self.entries: dict[str, dict[str, str]] = {"Args": {}, "Attributes": {}, "Raises": {}}
        self.prose: list[str] = []
        section = name = ""
        for line in self.text.splitlines():
            if found := _SECTION.match(line):
                section = found[1]
            elif line and not line.startswith(" "):
                section = ""
            entries = self.entries.get(section)
            if entries is None:
                self.prose.append("" if _SECTION.match(line) else line.strip())
            elif entry := _ENTRY.match(line):
                name = entry[1]
                entries[name] = entry[2]
            elif line.startswith("     "):
                entries[name] = f"{entries[name]} {line.strip()}".strip()

    def sentences(self) -> Iterator[str]:
        """Every sentence, in the text and in the entries."""
        paragraphs = "\n".join(self.prose).split("\n\n")
        for entries in self.entries.values():
            paragraphs += entries.values()
        for paragraph in paragraphs:
            for block in re.split(r"\n(?=- )", paragraph):
                yield from re.split(r"(?<=[.?!:])\s+", " ".join(block.split()))


def findings(name: str, thing: Any, *, called: bool = True) -> list[str]:
    """Return what is missing or wrong in the docstrings of a class or a function.

    Args:
        name: The name that the findings begin with.
        thing: The class or the function.
        called: Whether users call it to build an object.
    """
    if isinstance(thing, FunctionType):
        return list(_in_function(name, thing))
    return list(_in_class(name, thing, called=called))


def _in_class(name: str, kind: type[Any], *, called: bool) -> Iterator[str]:
    doc = Docstring(vars(kind).get("__doc__"))
    members = dict(_members(kind))
    fields = _fields(kind)
    arguments: dict[str, inspect.Parameter] = {}
    if called and not issubclass(kind, Enum) and not is_typeddict(kind) and not _is_protocol(kind):
        arguments = dict(inspect.signature(kind).parameters)
    texts = {**_inherited(kind), **doc.entries["Attributes"], **doc.entries["Args"]}
    yield from _in_text(name, doc)
    if isinstance(kind, EnumType) and "unknown" not in doc.text:
        yield f"{name}: the text says not what becomes of an unknown value"
    for field in sorted(fields | arguments.keys()):
        if not texts.get(field) and field not in members:
            yield f"{name}: no text for {field}"
    for argument in doc.entries["Args"].keys() - arguments.keys():
        yield f"{name}: Args has {argument}, which is no argument"
    for field in doc.entries["Attributes"].keys() - fields - members.keys():
        yield f"{name}: Attributes has {field}, which is no attribute"
    if "A field is None where" not in doc.text:
        yield from _in_defaults(name, arguments, texts)
    for member, value in members.items():
        full = f"{name}.{member}"
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if not isinstance(function, FunctionType):
            continue
        if isinstance(value, property):
            yield from _in_text(full, Docstring(inspect.getdoc(getattr(kind, member))))
        else:
            own = function.__doc__ or inspect.getdoc(getattr(kind, member))
            yield from _in_function(full, function, own)


def _in_function(name: str, function: Callable[..., Any], text: str | None = None) -> Iterator[str]:
    doc = Docstring(text or function.__doc__)
    yield from _in_text(name, doc)
    texts = doc.entries["Args"]
    parameters = dict(inspect.signature(function).parameters)
    parameters.pop("self", None)
    parameters.pop("cls", None)
    known = set(parameters)
    for parameter in list(parameters.values()):
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            # An entry for each option, or one entry that names each of them.
            keys = _keys_of(function, parameter.annotation)
            known |= keys
            together = texts.get(f"**{parameter.name}", "")
            del parameters[parameter.name]
            for key in sorted(keys):
                if not texts.get(key) and f"`{key}`" not in together:
                    yield f"{name}: no text for the option {key}"
    for argument in parameters:
        if not texts.get(argument) and not texts.get(f"*{argument}"):
            yield f"{name}: no text for {argument}"
    for argument in texts:
        if argument.lstrip("*") not in known:
            yield f"{name}: Args has {argument}, which is no argument"
    yield from _in_defaults(name, parameters, texts)


def _keys_of(function: Callable[..., Any], annotation: str) -> set[str]:
    """The keys of `**options: Unpack[...]`."""
    unpacked = re.fullmatch(r"Unpack\[(\w+)\]", annotation)
    return set(get_type_hints(inspect.unwrap(function).__globals__[unpacked[1]])) if unpacked else set()


def _in_defaults(name: str, parameters: dict[str, inspect.Parameter], texts: dict[str, str]) -> Iterator[str]:
    for parameter in parameters.values():
        text = texts.get(parameter.name, "")
        if parameter.default is None and text and not re.search(r"\b(None|[Dd]efault)\b", text):
            yield f"{name}: {parameter.name} is None by default, and its text says not what that means"


def _in_text(name: str, doc: Docstring) -> Iterator[str]:
    if not doc.text:
        yield f"{name}: no text"
    for error in doc.entries["Raises"]:
        if not _is_error(error):
            yield f"{name}: Raises has {error}, which is no error of this package, of Python or of httpx"
    for entries in doc.entries.values():
        for entry, text in entries.items():
            if not text.endswith("."):
                yield f"{name}: the text of {entry} is no whole sentence"
    for sentence in doc.sentences():
        if len(sentence.split()) > _LONGEST_SENTENCE_WORDS:
            yield f"{name}: a sentence of {len(sentence.split())} words: {sentence[:60]}"


def _inherited(kind: type[Any]) -> dict[str, str]:
    """The attributes of the error that an error is derived from, which its page links to."""
    texts: dict[str, str] = {}
    if issubclass(kind, BaseException):
        for base in reversed(kind.__mro__[1:]):
            texts |= Docstring(vars(base).get("__doc__")).entries["Attributes"]
    return texts


def _is_error(name: str) -> bool:
    if name.startswith("httpx."):
        found = getattr(httpx, name.removeprefix("httpx."), None)
    else:
        found = getattr(plivo_async, name, None) or getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)


def _is_protocol(kind: type[Any]) -> bool:
    return bool(getattr(kind, "_is_protocol", False))


def _members(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of a class, those of its inner bases too."""
    seen: set[str] = set()
    for base in kind.__mro__:
        if not base.__module__.startswith(("plivo_async", "tests")):
            continue
        for name, value in vars(base).items():
            is_member = isinstance(value, FunctionType | property | classmethod | staticmethod)
            if is_member and name not in seen and (not name.startswith("_") or name in _SHOWN):
                seen.add(name)
                yield name, value


def _fields(kind: type[Any]) -> set[str]:
    """The public attributes of a class: annotated, of attrs, or set by its `__init__`."""
    fields: set[str] = set()
    if is_typeddict(kind):
        return set(get_type_hints(kind))
    if attrs.has(kind):
        fields |= {field.name for field in attrs.fields(kind)}
    for base in kind.__mro__:
        if base.__module__.startswith(("plivo_async", "tests")):
            fields |= vars(base).get("__annotations__", {}).keys()
            if isinstance(init := vars(base).get("__init__"), FunctionType):
                fields |= _set_by(init)
    return {name for name in fields if not name.startswith("_")}


def _set_by(init: FunctionType) -> set[str]:
    if init.__code__.co_filename.startswith("<"):
        return set()
    tree = ast.parse(textwrap.dedent(inspect.getsource(init)))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
