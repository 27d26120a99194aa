"""Fetches one record of any kind: sends the request, and reads and checks the response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

import cattrs
from attrs import frozen

from plivo_async.error_mapping import status_error
from plivo_async.errors import DecodeError, InvalidResponseError, PlivoError, RecordMismatchError
from plivo_async.options import Options
from plivo_async.record.converter import decode_json, structure_as
from plivo_async.reply import Reply
from plivo_async.requester import Requester
from plivo_async.text import printable

Record = TypeVar("Record")


@frozen(kw_only=True, eq=False)
class RecordSpec(Generic[Record]):
    """One kind of record, and its endpoint.

    Attributes:
        path: The endpoint, relative to the account, with `{}` for the name of the record.
        kind: The class of the record.
        noun: The record in a message.
        thing: What the name identifies, in a message.
        name: The field with the name.
        params: The query.
        not_found: What a 404 means; None for the meanings that it has for a call.
        operation: The method of the client that fetches it.
    """

    path: str
    kind: type[Record]
    noun: str = "call detail record"
    thing: str = "call"
    name: str = "call_uuid"
    params: Mapping[str, str] | None = None
    not_found: str | None = None
    operation: str = "request"


def fetch_record(
    requester: Requester,
    spec: RecordSpec[Record],
    converter: cattrs.Converter,
    options: Options,
    asked: str,
    *,
    lane: object = None,
) -> Awaitable[Record]:
    """Return the fetch of the record with a name, which has been checked, to be awaited.

    Raises:
        PlivoError: Of the type that fits.
    """
    return requester.request(
        "GET",
        spec.path.format(asked),
        options,
        lane=lane,
        call_uuid=asked if spec.name == "call_uuid" else None,
        params=spec.params,
        decode=decode_json,
        not_found=spec.not_found,
        operation=spec.operation,
        read=partial(record_or_error, asked, spec, converter),
    )


def record_or_error(
    asked: str, spec: RecordSpec[Record], converter: cattrs.Converter, reply: Reply
) -> Record | PlivoError:
    """Return the record that was asked for, or else an error without the client's secrets."""
    response, attempts = reply.response, reply.attempts
    if response.status_code != 200:
        return status_error(reply.redactor.response(response), attempts)
    content = response.content
    outcome = _read_record(content, reply.value, asked, spec, converter)
    if not isinstance(outcome, PlivoError):
        return outcome
    clean = reply.redactor.body(content)
    if clean != content:
        # The error quotes the body.
        outcome = _read_record(clean, lambda decode: decode(clean), asked, spec, converter)
        if not isinstance(outcome, PlivoError):
            outcome = DecodeError(f"the {spec.noun} cannot be read", body=clean)
    outcome.status, outcome.attempts = response.status_code, attempts
    return outcome


def _read_record(
    content: bytes,
    value: Callable[[Callable[[bytes], Any]], Any],
    asked: str,
    spec: RecordSpec[Record],
    converter: cattrs.Converter,
) -> Record | InvalidResponseError:
    try:
        record: Any = structure_as(spec.kind, value(decode_json), content, converter)
    except DecodeError as error:
        return error.with_traceback(None)
    name: str = getattr(record, spec.name)
    if name.lower() == asked.lower():
        found: Record = record
        return found
    return RecordMismatchError(
        f"asked for {spec.thing} {asked}, but the response is the record of {spec.thing} {name[:128]!r}",
        api_id=printable(record.api_id or "") or None,
        body=content,
    )
