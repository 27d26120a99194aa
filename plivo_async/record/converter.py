"""The converter, which holds every JSON rule as a cattrs hook, and what the client does with it."""

from __future__ import annotations

import functools
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

import cattrs

from plivo_async.errors import DecodeError
from plivo_async.exported import exported
from plivo_async.record.enums import (
    CallDirection,
    HangupCause,
    HangupSource,
    StirAttestation,
    StirVerification,
)
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.record_hooks import (
    REFUSALS,
    RecordError,
    is_record,
    message_of,
    structure_factory,
    unstructure_factory,
)
from plivo_async.record.strict_json import parse_json, write_json
from plivo_async.record.value_hooks import (
    check_int,
    check_text,
    members_hook,
    structure_decimal,
    structure_int,
    structure_text,
    structure_text_or_bool,
    structure_time,
    unstructure_decimal,
    unstructure_time,
)
from plivo_async.server_message import server_message
from plivo_async.text import printable, short_repr


@exported
def make_converter() -> cattrs.Converter:
    """A converter with the JSON rules of a `CallDetailRecord`, to register hooks of your own on.

    A hook registered on it, for `datetime` or `CallDetailRecord` say, takes the place of the rule here. It
    refuses a value by raising ValueError, TypeError, ArithmeticError or LookupError.
    """
    converter = cattrs.Converter()
    converter.register_structure_hook(str, structure_text)
    converter.register_structure_hook(int, structure_int)
    # By predicate, because a copy of a converter forgets the hooks of its unions.
    converter.register_structure_hook_func(lambda kind: kind == str | bool, structure_text_or_bool)
    converter.register_structure_hook(Decimal, structure_decimal)
    converter.register_unstructure_hook(Decimal, unstructure_decimal)
    converter.register_structure_hook(datetime, structure_time)
    converter.register_unstructure_hook(datetime, unstructure_time)
    for vocabulary in (CallDirection, HangupSource, StirVerification, StirAttestation):
        converter.register_structure_hook(vocabulary, members_hook(vocabulary, check_text))
        converter.register_unstructure_hook(vocabulary, str)
    converter.register_structure_hook(HangupCause, members_hook(HangupCause, check_int))
    converter.register_unstructure_hook(HangupCause, int)
    converter.register_structure_hook_factory(is_record, structure_factory)
    converter.register_unstructure_hook_factory(is_record, unstructure_factory)
    return converter


def decode_json(body: bytes, *, status: int | None = None, attempts: int = 0) -> Any:
    """The value in a JSON body: UTF-8 only; a number with a fraction or an exponent becomes a Decimal.

    Raises: DecodeError.
    """
    try:
        return parse_json(body.decode("utf-8"))
    except ValueError as error:
        message = "the body is empty"
        if body:
            said = printable(body[:1000].decode("utf-8", "replace"))
            message = f"the body is not JSON: {printable(str(error))}; it says '{said}'"
        raise DecodeError(message, status=status, attempts=attempts, body=body) from None


def decode_record(
    body: bytes, converter: cattrs.Converter, *, status: int | None = None, attempts: int = 0
) -> CallDetailRecord:
    """The record in the body of an answer.

    Raises: DecodeError, naming the keys that cannot be read and holding the body.
    """
    answer = decode_json(body, status=status, attempts=attempts)
    fields: tuple[str, ...] = ()
    try:
        return converter.structure(answer, CallDetailRecord)
    except RecordError as error:
        fields, reason = tuple(error.reasons), str(error)
    except REFUSALS as error:
        reason = message_of(error)
    said, api_id = server_message(body)
    message = f"the call detail record cannot be read: {reason}"
    if not isinstance(answer, dict) or "call_uuid" not in answer:
        quoted = said or printable(body.decode("utf-8"))
        message = f"the answer is no call detail record: it says '{quoted}'"
    raise DecodeError(message, fields=fields, status=status, api_id=api_id, attempts=attempts, body=body)


def record_to_dict(record: CallDetailRecord, converter: cattrs.Converter | None = None) -> dict[str, Any]:
    """The record as sent: its keys in their order and spelling, nulls, money and times as text.

    What was set since then follows, without what is None. Times are written in the documented form.

    Raises: ValueError for a field that has no wire form, such as a time without an offset.
    """
    chosen = converter or _default_converter()
    return cast("dict[str, Any]", chosen.unstructure(record, CallDetailRecord))


def record_to_json(record: CallDetailRecord, converter: cattrs.Converter | None = None) -> str:
    """`record_to_dict` as one line of JSON, ASCII only; a Decimal in `extra` becomes a number.

    Raises: ValueError for a field that has no wire form, TypeError for a value in `extra` that has no JSON
    form.
    """
    return write_json(record_to_dict(record, converter))


def record_from_json(
    text: str | bytes | bytearray, converter: cattrs.Converter | None = None
) -> CallDetailRecord:
    """The record in a JSON text.

    Raises: DecodeError.
    """
    if not isinstance(text, str | bytes | bytearray):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DecodeError(f"expected JSON text as str or bytes, got {short_repr(text)}")
    # A lone surrogate cannot be sent in UTF-8; it passes here to be refused like any other bad byte.
    body = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    return decode_record(body, converter or _default_converter())


@functools.cache
def _default_converter() -> cattrs.Converter:
    return make_converter()
