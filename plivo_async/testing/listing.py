"""A page of a fake Plivo's list, in JSON."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from plivo_async.testing.list_query import ListQuery, QueryError, read_query
from plivo_async.testing.list_quirks import ListQuirks
from plivo_async.testing.list_rules import ListRules
from plivo_async.testing.replies import Reply, error_reply, json_bytes
from plivo_async.testing.requests import Request
from plivo_async.testing.store import RecordStore
from plivo_async.testing.time_index import Selection

_OTHER_HOST = "https://other-host.invalid"


def list_reply(store: RecordStore, request: Request, quirks: ListQuirks, now: int, api_id: str) -> Reply:
    """Return a page of a list, or an error for its query. `now` is in microseconds since 1970."""
    rules = store.rules
    try:
        query = read_query(request.parameters, rules, quirks, now)
    except QueryError as error:
        return _refusal(rules, str(error), api_id)
    selected = store.select(query.since, query.until, query.filters)
    names = _names(selected, query, quirks)
    rows = [store.row(name) for name in names]
    total = len(selected)
    links = _links(request, query, total, query.offset + len(names))
    meta = _meta(query, quirks, links, total)
    body = b'{"api_id":' + json_bytes(api_id) + b',"meta":' + json_bytes(meta)
    if rows or quirks.empty_objects == "list":
        every = quirks.repeat_every
        sent = [row for n, row in enumerate(rows, 1) for _ in range(2 if every and n % every == 0 else 1)]
        body += b',"objects":[' + b",".join(sent) + b"]"
    elif quirks.empty_objects == "null":
        body += b',"objects":null'
    return Reply(200, body + b"}", records=len(rows))


def _refusal(rules: ListRules, reason: str, api_id: str) -> Reply:
    if rules.is_strict and reason.startswith("filtering"):
        return Reply(400, json_bytes({"status": "error", "error": reason, "app_id": api_id}))
    return error_reply(400, api_id, reason)


def _names(selected: Selection, query: ListQuery, quirks: ListQuirks) -> Sequence[str]:
    size = max(1, query.limit + quirks.rows_off_by)
    block = quirks.shuffled
    if block == 0:
        return selected.page(query.offset, size)
    order = list(range(block))
    random.Random(0).shuffle(order)  # noqa: S311 - to be repeatable
    whole = len(selected) // block * block
    positions = range(query.offset, min(query.offset + size, len(selected)))
    return [
        name
        for position in positions
        for name in selected.page(
            position // block * block + order[position % block] if position < whole else position, 1
        )
    ]


def _links(request: Request, query: ListQuery, total: int, after: int) -> dict[str, str | None]:
    def link(offset: int) -> str:
        values = {name: given[-1] for name, given in request.parameters.items()}
        values |= {"limit": str(query.limit), "offset": str(offset)}
        return f"{request.path}?{urlencode(sorted(values.items()))}"

    return {
        "next": link(after) if after < total else None,
        "previous": link(max(0, query.offset - query.limit)) if query.offset else None,
    }


def _meta(query: ListQuery, quirks: ListQuirks, links: dict[str, str | None], total: int) -> dict[str, Any]:
    meta: dict[str, Any] = {"limit": query.limit, "offset": query.offset}
    for name, target in links.items():
        if quirks.next == "path":
            meta[name] = target
        elif quirks.next == "null":
            meta[name] = None
        elif quirks.next == "boolean":
            meta[name] = target is not None
        elif quirks.next == "other host":
            meta[name] = target and _OTHER_HOST + target
    count = max(0, total + quirks.total_count_off_by)
    counts = {"number": count, "text": str(count), "null": None}
    if quirks.total_count in counts:
        meta["total_count"] = counts[quirks.total_count]
    return dict(sorted(meta.items()))
