"""What users may rely on in the types of plivo_async.webhooks. Type-checked, never run."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import assert_type
from urllib.parse import parse_qs, parse_qsl
from zoneinfo import ZoneInfo

import httpx

from plivo_async import HangupCause, SignatureError
from plivo_async.testing import FakePlivo, SignedCallback, signed_hangup
from plivo_async.webhooks import CallStatus, HangupEvent, forwarded_url, public_url, verify


def headers_of_any_shape(environ: dict[str, object], raw: list[tuple[bytes, bytes]], body: bytes) -> None:
    url = "https://app.example.com/plivo/hangup"
    verify("POST", url, raw, body, auth_token="token")
    verify("POST", url, httpx.Headers(raw), body.decode(), auth_token=["old", "new"])
    verify("POST", url, environ, parse_qs(body.decode()), auth_token=("old", "new"), version="v2")
    verify("POST", url, {"Host": "app.example.com"}, parse_qsl(body.decode()), auth_token="token")
    verify("POST", url, raw, body, "token")  # type: ignore[call-arg]
    verify("POST", url, raw, 5, auth_token="token")  # type: ignore[arg-type]
    verify("POST", url, raw, auth_token=b"token")  # type: ignore[arg-type]
    assert_type(public_url("https://app.example.com", "/plivo/hangup"), str)
    assert_type(forwarded_url(url, raw), str)


def an_event(body: bytes, error: SignatureError) -> None:
    event = HangupEvent.from_form(body, zone=ZoneInfo("UTC"))
    assert_type(event.call_uuid, str)
    assert_type(event.call_status, CallStatus | None)
    assert_type(event.end_time, datetime | None)
    assert_type(event.total_amount, Decimal | None)
    assert_type(event.billed_duration, int | None)
    assert_type(event.hangup_cause_code, HangupCause | None)
    assert_type(error.reason, str)


def a_callback(fake: FakePlivo) -> None:
    assert_type(fake.signed_hangup("c1", "https://app.example.com"), SignedCallback)
    callback = signed_hangup({"CallUUID": "c1"}, "https://app.example.com", auth_token="token")
    httpx.post(callback.url, headers=callback.headers, content=callback.body)
