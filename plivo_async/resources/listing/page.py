"""A page of a list: its JSON, and the outcome of each row."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar, cast

import cattrs
from attrs import frozen

from plivo_async.errors import DecodeError
from plivo_async.exported import exported
from plivo_async.record.converter import decode_json
from plivo_async.reply import Reply
from plivo_async.resources.listing.raw_rows import split_page
from plivo_async.resources.listing.seen import key_of
from plivo_async.resources.listing.spec import ListSpec
from plivo_async.resources.outcome import Failed, Fetched
from plivo_async.server_message import server_message
from plivo_async.text import printable

Record = TypeVar("Record")

_MOST_TOTAL = 10**12


@exported
@frozen(kw_only=True)
class Page(Generic[Record]):
    """The first page of a list.

    Attributes:
        records: The records, the newest first.
        failed: The rows that cannot be read.
        total: How many records there are from `since` to `until`; None if Plivo sends no total.
        since: The begin of the newest window of the span, which the page belongs to, in UTC. A window has at
            most 30 days. None for a list without times.
        until: The end of this window, which is not part of it, in UTC; None for a list without times.
        api_id: Plivo's identifier of the request; None where Plivo sends none.
    """

    records: tuple[Record, ...]
    failed: tuple[Failed, ...] = ()
    total: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    api_id: str | None = None


@frozen
class Envelope:
    """The JSON of a page.

    Attributes:
        rows: Its rows, each as a value; as JSON where the page as a whole is not strict JSON.
        total: How many records fit the query, according to the page; None where it has no total.
        goes_on: Whether the page announces another. Its address is never followed.
        api_id: Plivo's identifier of the request.
        is_split: Whether the rows are JSON.
    """

    rows: list[Any]
    total: int | None
    goes_on: bool
    api_id: str | None
    is_split: bool = False


@frozen(eq=False)
class Row(Generic[Record]):
    """A row of a page.

    Attributes:
        key: 64 bits that stand for its call UUID.
        outcome: The record, or why it cannot be read.
    """

    key: int
    outcome: Fetched[Record] | Failed


@frozen(eq=False)
class RowPage(Generic[Record]):
    """A page whose rows have been read.

    Attributes:
        rows: The rows in the order of the page.
        total: How many records fit the query, according to the page; None where it has no total.
        goes_on: Whether the page announces another.
        api_id: Plivo's identifier of the request.
        attempts: How many requests were sent for it.
    """

    rows: list[Row[Record]]
    total: int | None
    goes_on: bool
    api_id: str | None = None
    attempts: int = 1


def decode_page(body: bytes) -> Envelope:
    """Return the page in a JSON body.

    Raises:
        DecodeError: The body is not a page.
    """
    rows: Any
    try:
        value: Any = decode_json(body)
    except DecodeError as error:
        if error.is_damaged:
            raise
        # One row has what strict JSON does not allow. It costs no other row.
        try:
            around, rows = split_page(body)
        except ValueError:
            raise error from None
        if not rows:
            raise
        return _envelope(around, rows, is_split=True)
    if not isinstance(value, dict):
        raise _no_page(body)
    members = cast("dict[str, Any]", value)
    rows = members.get("objects")
    if rows is None and isinstance(members.get("meta"), dict):
        # Without records some lists have null, or nothing.
        rows = []
    if not isinstance(rows, list):
        raise _no_page(body)
    return _envelope(members, cast("Any", rows))


def _envelope(members: dict[str, Any], rows: list[Any], *, is_split: bool = False) -> Envelope:
    api_id = members.get("api_id")
    meta = members.get("meta")
    about = cast("dict[str, Any]", meta) if isinstance(meta, dict) else {}
    return Envelope(
        rows,
        _total(about.get("total_count")),
        bool(about.get("next")),
        printable(api_id) if isinstance(api_id, str) and api_id else None,
        is_split,
    )


def _total(value: Any) -> int | None:
    """Return a count that may be sent as text; None if it is not a count."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 12:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_TOTAL:
        return value
    return None


def _no_page(body: bytes) -> DecodeError:
    text, api_id = server_message(body)
    return DecodeError(f"the body is not a page of a list: '{text or ''}'", api_id=api_id, body=body)


def read_rows(spec: ListSpec[Record], converter: cattrs.Converter, reply: Reply) -> RowPage[Record]:
    """Return the rows of a response. A row that cannot be read is a Failed, and costs no other.

    Raises:
        DecodeError: The body is not a page.
    """
    envelope: Envelope = reply.value(decode_page)
    rows: list[Row[Record]] = []
    exact: list[bytes] = envelope.rows if envelope.is_split else []
    for place, sent in enumerate(envelope.rows):
        try:
            value = decode_json(sent) if envelope.is_split else sent
            record = spec.structure(value, b"", converter)
            identity: str = value[spec.id_key]
            rows.append(Row(key_of(identity), Fetched(identity, record)))
        except DecodeError:
            exact = exact or split_page(reply.response.content)[1]
            rows.append(_failed_row(exact[place], reply, spec, converter))
    return RowPage(rows, envelope.total, envelope.goes_on, envelope.api_id, reply.attempts)


def _failed_row(
    exact: bytes, reply: Reply, spec: ListSpec[Record], converter: cattrs.Converter
) -> Row[Record]:
    identity, error = "", DecodeError("the row cannot be read", body=exact)
    try:
        value = decode_json(exact)
        if isinstance(value, dict) and isinstance(found := cast("Any", value).get(spec.id_key), str):
            identity = found
        # Again, for an error that quotes the JSON.
        spec.structure(value, exact, converter)
    except DecodeError as refusal:
        error = refusal.with_traceback(None)
    error.status, error.attempts = reply.response.status_code, reply.attempts
    error.call_uuid = printable(identity) or None
    reply.redactor.error(error)
    # Without a call UUID the JSON stands for the row, so that it comes out once.
    key = key_of(identity or exact.decode("utf-8", "surrogatepass"))
    return Row(key, Failed(identity, error))


def page_of(page: RowPage[Record], since: datetime | None, until: datetime | None) -> Page[Record]:
    """Return the page as its user sees it; a row that is there twice appears once."""
    outcomes = {row.key: row.outcome for row in reversed(page.rows)}
    ordered = [outcomes.pop(row.key) for row in page.rows if row.key in outcomes]
    return Page(
        records=tuple(outcome.record for outcome in ordered if isinstance(outcome, Fetched)),
        failed=tuple(outcome for outcome in ordered if isinstance(outcome, Failed)),
        total=page.total,
        since=since,
        until=until,
        api_id=page.api_id,
    )
