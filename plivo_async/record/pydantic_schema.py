"""The schema of a record for pydantic, which FastAPI reads. Only pydantic imports this module."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, cast, get_args

import attrs
from pydantic_core import SchemaSerializer, core_schema

from plivo_async.record.converter import record_to_dict, structure_value
from plivo_async.record.json_methods import JSONMethods
from plivo_async.record.model import FrozenMapping
from plivo_async.record.record_form import FORMS, RecordForm
from plivo_async.record.record_hooks import REFUSALS, field_types
from plivo_async.text import message_of

_serializers: dict[type[Any], SchemaSerializer] = {}
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def schema_of(kind: type[Any]) -> core_schema.CoreSchema:
    """Return the schema that accepts a record or its JSON object, and writes its documented JSON form."""

    def validate(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        try:
            return structure_value(kind, value)
        except REFUSALS as error:
            raise ValueError(message_of(error)) from None

    return core_schema.no_info_plain_validator_function(
        validate,
        # A name of this form makes the record a component of its own in an OpenAPI document.
        ref=f"{kind.__module__}.{kind.__qualname__}:{id(kind)}",
        serialization=core_schema.plain_serializer_function_ser_schema(to_jsonable, when_used="json"),
    )


def serializer_of(kind: type[Any]) -> SchemaSerializer:
    """Return what writes a record where its type is not known."""
    if kind not in _serializers:
        _serializers[kind] = SchemaSerializer(schema_of(kind))
    return _serializers[kind]


def to_jsonable(record: Any) -> Any:
    """Return the record as `to_dict` does, with each value in the form that the schema promises.

    An amount that Plivo sent as a number is text here. Every JSON encoder writes the values in full.
    """
    return _jsonable(record_to_dict(_in_documented_form(record)))


def _in_documented_form(record: Any) -> Any:
    inner = {
        name: _in_documented_form(value)
        for name in attrs.fields_dict(record.__class__)
        if isinstance(value := getattr(record, name), JSONMethods)
    }
    return attrs.evolve(record, wire_values=FrozenMapping({}), **inner)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Decimal):
        # An encoder writes a number as a float. Digits that a float would lose are written as text.
        number = float(value)
        return number if Decimal(repr(number)) == value else str(value)
    if isinstance(value, str):
        # An escape in JSON can make half of a character, which UTF-8 has no form for.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {_jsonable(key): _jsonable(member) for key, member in members.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(member) for member in cast("list[Any]", value)]
    return value


def json_schema_of(kind: type[Any]) -> dict[str, Any]:
    """Return the JSON schema of the documented JSON form of a record."""
    form = FORMS[kind]
    types = field_types(form)
    texts = _described(kind)
    schema: dict[str, Any] = {
        "title": kind.__name__,
        "description": (inspect.getdoc(kind) or "").partition("\n")[0],
        "type": "object",
        "properties": {
            key: _property(form, name, types[name]) | texts.get(name, {}) for key, name in form.fields.items()
        },
        "additionalProperties": True,
    }
    if form.name is not None:
        schema["required"] = [form.name]
    return schema


def _described(kind: type[Any]) -> dict[str, dict[str, str]]:
    """Return the description of each field, from the docstring of its class."""
    attributes = (inspect.getdoc(kind) or "").replace("None", "null")
    return {name: {"description": " ".join(text.split())} for name, text in _ATTRIBUTE.findall(attributes)}


def _property(form: RecordForm, name: str, kind: Any) -> dict[str, Any]:
    values = [_value(form, one) for one in get_args(kind) or (kind,)]
    if name != form.name:
        values.append({"type": "null"})
    return values[0] if len(values) == 1 else {"anyOf": values}


def _value(form: RecordForm, kind: Any) -> dict[str, Any]:
    if kind in FORMS:
        return json_schema_of(kind)
    if issubclass(kind, Enum):
        # Examples, because an enumeration may grow.
        return _simple(int if issubclass(kind, int) else str) | {
            "examples": [member.value for member in kind]
        }
    if kind is Decimal:
        return {"type": "string", "format": "decimal", "examples": ["0.01667"]}
    if kind is datetime:
        # Not the format `date-time`, which has a T between date and time.
        return {"type": "string", "examples": ["2022-10-12 21:57:47" + ("" if form.is_utc else "+05:30")]}
    return _simple(kind)


def _simple(kind: Any) -> dict[str, Any]:
    return {"type": {str: "string", int: "integer", bool: "boolean"}[kind]}
