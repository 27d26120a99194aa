from __future__ import annotations

import traceback
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from plivo_async import CallDetailRecord, ConfigurationError, SignatureError
from plivo_async.testing import FakePlivo, SignedCallback, signed_hangup
from plivo_async.webhooks import CallStatus, HangupEvent, verify

URL = "https://app.example.com/plivo/hangup?job=7"
TOKEN = "NotARealTokenJustForTests0123456789abcd"
INDIA = ZoneInfo("Asia/Kolkata")


def check(callback: SignedCallback, auth_token: str = TOKEN, version: Any = "v3") -> None:
    verify(
        callback.method,
        callback.url,
        callback.headers,
        callback.body,
        auth_token=auth_token,
        version=version,
    )


def form_of(callback: SignedCallback) -> bytes | str:
    return callback.body or callback.url.partition("?")[2]


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_callback_of_a_fake_verifies_and_has_the_values_of_the_record(method: Any) -> None:
    fake = FakePlivo()
    call_uuid = fake.call_uuids[0]
    callback = fake.signed_hangup(call_uuid, f"{URL}#rt=2000", method=method)
    check(callback, fake.auth_token)
    check(callback, fake.auth_token, "v2")
    with pytest.raises(SignatureError):
        check(callback, "another")

    event = HangupEvent.from_form(form_of(callback), zone=INDIA)
    record = CallDetailRecord.from_json(fake._account.calls.body(call_uuid) or b"")
    for name in ("call_uuid", "initiation_time", "answer_time", "end_time", "billed_duration", "total_rate"):
        assert getattr(event, name) == getattr(record, name), name
    assert (event.session_start, event.parent_auth_id) == (record.initiation_time, fake.auth_id)
    assert event.call_status is CallStatus.COMPLETED
    assert callback.url.startswith(f"{URL}&" if method == "GET" else URL)
    assert "#" not in callback.url


def test_an_unanswered_inbound_call_has_no_answer_and_no_request() -> None:
    record = {"call_uuid": "c1", "call_direction": "inbound", "answer_time": None}
    record["initiation_time"] = "2026-11-27 16:27:40"
    callback = signed_hangup(record, "https://app.example.com", auth_token=TOKEN, method="GET")
    check(callback)
    event = HangupEvent.from_form(form_of(callback), zone=INDIA)
    assert (event.is_answered, event.call_status, event.request_uuid) == (False, "no-answer", None)
    assert event.parent_auth_id is None
    assert event.wire_values["SessionStart"] == "2026-11-27 16:27:40.000000"


def test_a_record_and_a_form_are_accepted() -> None:
    form = {"CallUUID": "c1", "X-PH-A": ["2", "1"]}
    callback = signed_hangup(form, URL, auth_token=TOKEN)
    check(callback)
    assert callback.body == b"CallUUID=c1&X-PH-A=2&X-PH-A=1"
    check(signed_hangup(CallDetailRecord(call_uuid="c1"), URL, auth_token=TOKEN))


def test_the_main_account_signs_beside_the_subaccount() -> None:
    callback = signed_hangup({"CallUUID": "c1"}, URL, auth_token=TOKEN, main_auth_token="main")
    check(callback, TOKEN)
    check(callback, "main")
    assert callback.headers["X-Plivo-Signature-V3"] != callback.headers["X-Plivo-Signature-Ma-V3"]


def test_every_callback_has_a_nonce_of_its_own() -> None:
    callbacks = {signed_hangup({"CallUUID": "c1"}, URL, auth_token=TOKEN) for _ in range(3)}
    assert len({callback.headers["X-Plivo-Signature-V3-Nonce"] for callback in callbacks}) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"call": 5},
        {"url": "/plivo/hangup"},
        {"method": "PUT"},
        {"auth_token": "two words"},
        {"main_auth_token": ""},
    ],
    ids=str,
)
def test_an_argument_that_cannot_be_used_is_refused_and_no_token_is_shown(changes: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"call": {"CallUUID": "c1"}, "url": URL, "auth_token": TOKEN, **changes}
    call, url = arguments.pop("call"), arguments.pop("url")
    with pytest.raises(ConfigurationError) as caught:
        signed_hangup(call, url, **arguments)
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [
        frame.locals
        for frame in trace.stack
        if "plivo_async/" in frame.filename and "/tests/" not in frame.filename
    ]
    assert ours
    assert "two words" not in f"{caught.value} {ours}"
    assert TOKEN not in f"{caught.value} {ours}"


def test_a_fake_has_no_callback_of_a_call_that_it_does_not_have() -> None:
    with pytest.raises(ConfigurationError, match="the fake has no call 'c1'"):
        FakePlivo().signed_hangup("c1", URL)
