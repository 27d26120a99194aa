"""The converter, which has each JSON rule as a cattrs hook, and the functions that use it."""

from __future__ import annotations

import functools
from codecs import BOM_UTF8
from datetime import datetime
from decimal import Decimal
from json import JSONDecodeError
from typing import Any, TypeVar, cast

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
from plivo_async.record.live_call import LiveCallStatus
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.record_form import FORMS
from plivo_async.record.record_hooks import (
    REFUSALS,
    RecordError,
    structure_factory,
    unstructure_factory,
)
from plivo_async.record.strict_json import parse_json, write_json
from plivo_async.record.trunk_enums import TrunkHangupCause, TrunkHangupSource
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
from plivo_async.text import message_of, printable, short_repr

Record = TypeVar("Record")

_WORDS = (
    CallDirection,
    HangupSource,
    LiveCallStatus,
    StirAttestation,
    StirVerification,
    TrunkHangupSource,
)


@exported
def make_converter() -> cattrs.Converter:
    """Return a converter with the JSON rules of all records, to register further hooks on.

    A hook that you register, for `datetime` or `CallDetailRecord` for example, replaces the rule of this
    package. A hook refuses a value by raising ValueError, TypeError, ArithmeticError or LookupError.

    Returns:
        The converter, for `AsyncClient(converter=...)`.
    """
    converter = cattrs.Converter()
    converter.register_structure_hook(str, structure_text)
    converter.register_structure_hook(int, structure_int)
    # By predicate, because a copy of a converter loses the hooks of unions.
    converter.register_structure_hook_func(lambda kind: kind == str | bool, structure_text_or_bool)
    converter.register_structure_hook(Decimal, structure_decimal)
    converter.register_unstructure_hook(Decimal, unstructure_decimal)
    converter.register_structure_hook(datetime, structure_time)
    converter.register_unstructure_hook(datetime, unstructure_time)
    for words in _WORDS:
        converter.register_structure_hook(words, members_hook(words, check_text))
        converter.register_unstructure_hook(words, str)
    for codes in (HangupCause, TrunkHangupCause):
        converter.register_structure_hook(codes, members_hook(codes, check_int))
        converter.register_unstructure_hook(codes, int)
    converter.register_structure_hook_factory(
        _is_record, lambda kind, converter: structure_factory(FORMS[kind], converter)
    )
    converter.register_unstructure_hook_factory(
        _is_record, lambda kind, converter: unstructure_factory(FORMS[kind], converter)
    )
    return converter


def decode_json(body: bytes) -> Any:
    """Return the value in a JSON body in UTF-8; a number with a fraction or an exponent becomes a Decimal.

    A byte order mark before it is skipped (RFC 8259 section 8.1).

    Raises:
        DecodeError: The body is empty or not JSON; the error has the body.
    """
    try:
        return parse_json(body.removeprefix(BOM_UTF8).decode("utf-8"))
    except ValueError as error:
        message = "the body is empty"
        if body:
            begin = printable(body[:1000].decode("utf-8", "replace"))
            message = f"the body is not JSON: {message_of(error)}; it begins with '{begin}'"
        # NaN, for example, is a fault of the sender, which another response would repeat.
        is_damaged = isinstance(error, JSONDecodeError | UnicodeDecodeError)
        raise DecodeError(message, body=body, is_damaged=is_damaged) from None


def decode_record(body: bytes, converter: cattrs.Converter) -> CallDetailRecord:
    """Return the record in a JSON body.

    Raises:
        DecodeError: The body is not a call detail record. The error has the body, the keys that cannot be
            read, and the api_id if there is one.
    """
    return structure_record(decode_json(body), body, converter)


def structure_record(value: Any, body: bytes, converter: cattrs.Converter) -> CallDetailRecord:
    """Return the record in the value of a JSON body.

    Raises:
        DecodeError: As `decode_record`, if the value is not a call detail record.
    """
    return structure_as(CallDetailRecord, value, body, converter)


def structure_as(kind: type[Record], value: Any, body: bytes, converter: cattrs.Converter) -> Record:
    """Return a record of any kind in the value of a JSON body.

    Raises:
        DecodeError: The value is not such a record.
    """
    form = FORMS[kind]
    fields: tuple[str, ...] = ()
    try:
        return converter.structure(value, kind)
    except RecordError as error:
        fields, reason = tuple(error.reasons), str(error)
    except REFUSALS as error:
        reason = message_of(error)
    server_text, api_id = server_message(body)
    message = f"the {form.noun} cannot be read: {reason}"
    if not isinstance(value, dict) or form.name not in value:
        quoted = server_text or printable(body.decode("utf-8"))
        message = f"the body is not a {form.noun}: '{quoted}'"
    raise DecodeError(message, fields=fields, api_id=api_id, body=body)


def record_to_dict(record: Any, converter: cattrs.Converter | None = None) -> dict[str, Any]:
    """Return the record as sent: its keys in their order and spelling, nulls, money and times as text.

    Fields that were set since follow, except those that are None. Times are written in the documented form.

    Raises:
        ValueError: A field has no JSON form, such as a time without an offset.
    """
    chosen = converter or _default_converter()
    return cast("dict[str, Any]", chosen.unstructure(record, type(record)))


def record_to_json(record: Any, converter: cattrs.Converter | None = None) -> str:
    """Return `record_to_dict` as one line of ASCII JSON; a Decimal in `extra` becomes a number.

    Raises:
        ValueError: A field has no JSON form.
        TypeError: A value in `extra` has no JSON form.
    """
    return write_json(record_to_dict(record, converter))


def record_from_json(
    text: str | bytes | bytearray, converter: cattrs.Converter | None = None
) -> CallDetailRecord:
    """Return the call detail record in a JSON text.

    Raises:
        DecodeError: The text is not JSON, or not a call detail record.
    """
    return from_json_as(CallDetailRecord, text, converter)


def from_json_as(
    kind: type[Record], text: str | bytes | bytearray, converter: cattrs.Converter | None = None
) -> Record:
    """Return the record of a kind in a JSON text.

    Raises:
        DecodeError: The text is not JSON, or not such a record.
    """
    if not isinstance(text, str | bytes | bytearray):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DecodeError(f"expected JSON text as str or bytes, got {short_repr(text)}")
    # UTF-8 has no lone surrogates. One is encoded here so that it is refused like any other bad byte.
    body = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    return structure_as(kind, decode_json(body), body, converter or _default_converter())


def structure_value(kind: type[Record], value: Any) -> Record:
    """Return a record of any kind in a JSON value.

    Raises:
        ValueError: The value is not such a record.
    """
    return _default_converter().structure(value, kind)


@functools.cache
def _default_converter() -> cattrs.Converter:
    return make_converter()


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and kind in FORMS
