from __future__ import annotations

import json

import pytest

from tests.offline import BASIC, CALL_UUID, TOKEN
from tests.services.watched.programs import run
from tests.watched_server import Server


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_sentry_sees_each_attempt(server: Server, moment: str) -> None:
    server.statuses = [503]

    transaction, message = await run("sentry_program", server.url, moment)

    spans = transaction["spans"]
    assert [(span["op"], span["data"]["http.response.status_code"]) for span in spans] == [
        ("http.client", 503),
        ("http.client", 200),
    ]
    crumbs = [crumb for crumb in message["breadcrumbs"]["values"] if crumb["type"] == "http"]
    assert [crumb["data"]["http.response.status_code"] for crumb in crumbs] == [503, 200]
    assert all(CALL_UUID in crumb["data"]["url"] for crumb in crumbs)
    sent = [request.headers["sentry-trace"].split("-")[1] for request in server.requests]
    assert sent == [span["span_id"] for span in spans]
    assert all(request.headers["baggage"].count("sentry-trace_id") == 1 for request in server.requests)
    text = json.dumps([transaction, message])
    assert TOKEN not in text
    assert BASIC not in text
