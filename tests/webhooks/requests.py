"""Callbacks with their signatures: the published vectors, and requests that are signed here, by hand."""

from __future__ import annotations

import hmac
from base64 import b64encode

from attrs import frozen

TOKEN = "NotARealTokenJustForTests0123456789abcd"
NONCE = "10000000000000000001"
URL = "https://app.example.com/plivo/hangup"
FORM = (
    "CallUUID=11111111-2222-4333-8444-555555555555&CallStatus=completed&Event=Hangup"
    "&From=%2B12025550100&To=12025550199&HangupCauseName=Normal+Hangup"
)
_SORTED = (
    "CallStatuscompletedCallUUID11111111-2222-4333-8444-555555555555EventHangup"
    "From+12025550100HangupCauseNameNormal HangupTo12025550199"
)


@frozen
class Vector:
    method: str
    url: str
    body: str
    message: str
    signature: str


V3 = {
    "a form": Vector("POST", URL, FORM, f"{URL}?{_SORTED}", "WdUHMV0bDGQjTsOdEwSEIxL2WnNK6ia/XcGBnZu3eQg="),
    "a query and a form": Vector(
        "POST",
        "https://app.example.com:8443/plivo/hangup?job=7&b=%20x",
        FORM,
        f"https://app.example.com:8443/plivo/hangup?b= x&job=7.{_SORTED}",
        "qNZdv6kXVjhNWdTfsUNirB3HqNHxBN3AN74wfB8RJWA=",
    ),
    "a blank value": Vector(
        "POST",
        URL,
        f"{FORM}&AnswerTime=",
        f"{URL}?AnswerTime{_SORTED}",
        "14Q9ufVnmpm1vurxrItaVWo30NWtOCVfWFPpM3mWc7Q=",
    ),
    "a repeated key": Vector(
        "POST", URL, "x=2&x=1", f"{URL}?x1x2", "LzqtJBHA5JhvBdVNdbJXl1YtieewSgpI95849nu4L1g="
    ),
    "a query alone": Vector(
        "POST", f"{URL}?job=7", "", f"{URL}?job=7", "xmDFcnMVWve7bsdd8bwVM287V+6ErX2J/F+sL0t5czM="
    ),
    "nothing": Vector("POST", URL, "", URL, "9pyzfKhaqPfR6hXy0bOirzbuonxd1RHI7BKd8m99XQU="),
    "GET": Vector(
        "GET",
        f"{URL}?job=7&{FORM}",
        "",
        f"{URL}?CallStatus=completed&CallUUID=11111111-2222-4333-8444-555555555555&Event=Hangup"
        "&From=+12025550100&HangupCauseName=Normal Hangup&To=12025550199&job=7",
        "5innaUhdLvEDaXc/LfRSZADCEbYEZJaQPUyOe6si17I=",
    ),
}


def signed(message: str | bytes, token: str = TOKEN) -> str:
    """The signature of a message, written down again rather than imported."""
    encoded = message.encode() if isinstance(message, str) else message
    return b64encode(hmac.new(token.encode(), encoded, "sha256").digest()).decode()


def v3(signature: str, nonce: str = NONCE) -> dict[str, str]:
    return {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": nonce}


def v2(signature: str, nonce: str = NONCE) -> dict[str, str]:
    return {"X-Plivo-Signature-V2": signature, "X-Plivo-Signature-V2-Nonce": nonce}
