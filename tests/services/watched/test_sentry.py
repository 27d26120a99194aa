from __future__ import annotations

import json
import sys
from typing import Any

import httpx

from tests.offline import BASIC, CALL_UUID, TOKEN
from tests.services.watched.programs import run, run_example
from tests.watched_server import Server, serving


def transaction_in(envelopes: list[httpx.Request]) -> dict[str, Any]:
    """Return the only transaction among what Sentry was sent."""
    lines = [line for envelope in envelopes for line in decompressed(envelope).splitlines()]
    values: list[dict[str, Any]] = [json.loads(line) for line in lines]
    (transaction,) = (value for value in values if value.get("type") == "transaction" and "spans" in value)
    return transaction


def decompressed(request: httpx.Request) -> bytes:
    """Return the body of a request, which Sentry compresses in one of several ways."""
    headers = {"Content-Encoding": request.headers["content-encoding"]}
    return httpx.Response(200, headers=headers, stream=httpx.ByteStream(request.content)).read()


def assert_that_each_attempt_has_a_span(server: Server, transaction: dict[str, Any]) -> None:
    """The request of each attempt carries the identifier of its span."""
    spans = transaction["spans"]
    assert [(span["op"], span["data"]["http.response.status_code"]) for span in spans] == [
        ("http.client", 503),
        ("http.client", 200),
    ]
    sent = [request.headers["sentry-trace"].split("-")[1] for request in server.requests]
    assert sent == [span["span_id"] for span in spans]
    assert all(request.headers["baggage"].count("sentry-trace_id") == 1 for request in server.requests)


async def test_sentry_finds_httpx_by_itself(server: Server) -> None:
    server.statuses = [503]
    async with serving() as sentry:
        printed = await run_example(
            "sentry_traces.py", server.url, SENTRY_DSN=sentry.url.replace("//", "//key@") + "/1"
        )
    assert printed == "1 s for 0.01667\n"
    transaction = transaction_in(sentry.requests)
    assert_that_each_attempt_has_a_span(server, transaction)
    text = json.dumps(transaction)
    assert TOKEN not in text
    assert BASIC not in text


async def test_sentry_may_begin_after_a_client_is_built(server: Server) -> None:
    server.statuses = [503]

    printed = await run(sys.executable, "-m", "tests.services.watched.sentry_program", server.url)

    transaction, message = json.loads(printed)
    assert_that_each_attempt_has_a_span(server, transaction)
    crumbs = [crumb for crumb in message["breadcrumbs"]["values"] if crumb["type"] == "http"]
    assert [crumb["data"]["http.response.status_code"] for crumb in crumbs] == [503, 200]
    assert all(CALL_UUID in crumb["data"]["url"] for crumb in crumbs)
    assert TOKEN not in printed
    assert BASIC not in printed
