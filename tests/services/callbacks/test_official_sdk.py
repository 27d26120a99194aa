"""Plivo's own SDK agrees on every request that it gets right; the others are named here."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from plivo.exceptions import ValidationError  # pyright: ignore[reportMissingTypeStubs]
from plivo.utils import (  # pyright: ignore[reportMissingTypeStubs]
    validate_signature,
    validate_v3_signature,
)

from plivo_async import SignatureError
from plivo_async.testing import signed_hangup
from plivo_async.webhooks import verify
from tests.webhooks.requests import NONCE, TOKEN, URL, V3, Vector, signed, v2, v3


def sdk(method: str, url: str, signature: str, params: dict[str, Any] | None = None) -> bool:
    accepted: bool = validate_v3_signature(method, url, NONCE, TOKEN, signature, params)
    return accepted


def ours(method: str, url: str, signature: str, body: str | bytes = b"") -> bool:
    try:
        verify(method, url, v3(signature), body, auth_token=TOKEN)
    except SignatureError:
        return False
    return True


@pytest.mark.parametrize("vector", V3.values(), ids=V3)
def test_both_accept_each_vector_and_refuse_it_changed(vector: Vector) -> None:
    params = parse_qs(vector.body, keep_blank_values=True)
    for url, expected in ((vector.url, True), (vector.url.replace("hangup", "ringing"), False)):
        assert sdk(vector.method, url, vector.signature, dict(params)) is expected
        assert ours(vector.method, url, vector.signature, vector.body) is expected


@pytest.mark.parametrize("url", [URL, f"{URL}?a=1", "https://a.example:8443/h?b=2&a=1&a=0"])
@pytest.mark.parametrize("form", [{"CallUUID": "c1"}, {"CallUUID": "c1", "X": ["b", "a", ""], "Y": "é 😀"}])
def test_the_sdk_accepts_what_the_fake_signs(url: str, form: dict[str, Any]) -> None:
    callback = signed_hangup(form, url, auth_token=TOKEN)
    nonce, signature = (callback.headers[f"X-Plivo-Signature-V3{end}"] for end in ("-Nonce", ""))
    params = parse_qs(callback.body.decode(), keep_blank_values=True)
    assert validate_v3_signature("POST", callback.url, nonce, TOKEN, signature, params)
    nonce, signature = (callback.headers[f"X-Plivo-Signature-V2{end}"] for end in ("-Nonce", ""))
    assert validate_signature(callback.url, nonce, signature, TOKEN)


def test_both_agree_on_version_2() -> None:
    signature = signed(f"{URL}{NONCE}")
    assert validate_signature(f"{URL}?a=1", NONCE, signature, TOKEN)
    verify("POST", f"{URL}?a=1", v2(signature), auth_token=TOKEN, version="v2")


def test_both_read_a_method_in_any_letter_case() -> None:
    for vector in V3.values():
        assert sdk(vector.method.lower(), vector.url, vector.signature, parse_qs(vector.body, True))
        assert ours(vector.method.lower(), vector.url, vector.signature, vector.body)


class TestTheSDKGetsWrong:
    def test_a_query_that_is_not_ascii(self) -> None:
        signature = signed(f"{URL}?name=é.{NONCE}")
        with pytest.raises(UnicodeEncodeError):
            sdk("GET", f"{URL}?name=%C3%A9", signature)
        assert ours("GET", f"{URL}?name=%C3%A9", signature)

    def test_escapes_that_are_no_text(self) -> None:
        body = "x=%FF"
        signature = signed(f"{URL}?x".encode() + b"\xff" + f".{NONCE}".encode())
        assert not sdk("POST", URL, signature, parse_qs(body))
        assert ours("POST", URL, signature, body)
        # Two bodies are one to it.
        replaced = signed(f"{URL}?x\ufffd.{NONCE}")
        assert sdk("POST", URL, replaced, parse_qs("x=%FE"))
        assert sdk("POST", URL, replaced, parse_qs("x=%FF"))
        assert not ours("POST", URL, replaced, body)

    def test_a_body_cut_in_another_place(self) -> None:
        signature = signed(f"{URL}?HangupCauseNameNormal Hangup.{NONCE}")
        body = "HangupCauseName&Normal+Hangup"
        assert sdk("POST", URL, signature, parse_qs(body, keep_blank_values=True))
        assert not ours("POST", URL, signature, body)

    def test_a_parameter_of_the_path(self) -> None:
        signature = signed(f"{URL};v=1.{NONCE}")
        assert not sdk("POST", f"{URL};v=1", signature)
        assert ours("POST", f"{URL};v=1", signature)

    def test_a_space_between_two_signatures(self) -> None:
        signature = V3["nothing"].signature
        assert sdk("POST", URL, f"{signed('x')},{signature}")
        assert not sdk("POST", URL, f"{signed('x')}, {signature}")
        assert ours("POST", URL, f"{signed('x')}, {signature}")

    def test_a_key_that_is_in_the_parameters_and_in_the_query_of_a_get(self) -> None:
        # Whatever the parameters have, the query decides.
        assert sdk("GET", f"{URL}?job=7", signed(f"{URL}?job=7.{NONCE}"), {"job": "8"})

    def test_a_websocket(self) -> None:
        signature = signed(f"{URL}.{NONCE}")
        url = URL.replace("https", "wss")
        with pytest.raises(ValidationError):
            sdk("GET", url, signature)
        assert ours("GET", url, signature)
