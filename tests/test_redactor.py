"""The redactor by itself; that every error goes through it is in `faults/test_fault_reflections.py`."""

from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.redactor import Redactor

USER = "MAXXXXXXXXXXXXXXXXXX"
TOKEN = "a/b+c<d>&'\"\\%_long-enough"
BASIC = b64encode(f"{USER}:{TOKEN}".encode()).decode()
REDACTOR = Redactor([(USER, TOKEN)])
REQUEST = httpx.Request("GET", "https://api.plivo.com/")


@pytest.mark.parametrize(
    "form",
    [
        TOKEN,
        TOKEN.upper(),
        quote(TOKEN, safe=""),
        quote(TOKEN, safe="").lower(),
        quote(TOKEN),
        html.escape(TOKEN),
        json.dumps(TOKEN)[1:-1],
        json.dumps(TOKEN)[1:-1].replace("/", "\\/"),
        repr(TOKEN)[1:-1],
        BASIC,
        BASIC.rstrip("="),
        quote(BASIC, safe=""),
        urlsafe_b64encode(f"{USER}:{TOKEN}".encode()).decode(),
        b64encode(TOKEN.encode()).decode(),
    ],
)
def test_every_form_of_a_secret_is_blanked(form: str) -> None:
    text = REDACTOR.text(f"x{form}y")
    assert text == "x***y"
    assert REDACTOR.body(f"x{form}y".encode()) == text.encode()


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=64),
    st.text(),
    st.text(),
)
def test_a_long_token_is_blanked_wherever_it_is(token: str, before: str, after: str) -> None:
    assert token not in Redactor([("MA", token)]).text(f"{before}{token}{after}").replace("***", "\0")


def test_a_short_token_is_blanked_as_a_word() -> None:
    redactor = Redactor([("MA", "t0ken")])
    assert redactor.text("t0ken, MA:t0ken. T0KEN t0kens") == "***, MA:***. *** t0kens"


def test_a_tiny_token_is_blanked_in_its_basic_value_only() -> None:
    basic = b64encode(b"MA:t").decode()
    assert Redactor([("MA", "t")]).text(f"t Basic {basic}") == "t Basic ***"


def test_a_password_need_not_be_ascii() -> None:
    redactor = Redactor([("user", "pässword-für-proxy")])
    assert redactor.text("x pässword-für-proxy") == "x ***"
    assert redactor.body("x pässword-für-proxy".encode()) == b"x ***"


def test_text_without_a_secret_stays() -> None:
    assert REDACTOR.text("no such call") == "no such call"


def test_a_response_without_a_secret_stays() -> None:
    response = httpx.Response(404, content=b"{}", headers={"Server": "nginx"}, request=REQUEST)
    clean = REDACTOR.response(response)
    assert clean is response
    assert (clean.headers["server"], clean.content) == ("nginx", b"{}")


def test_the_response_of_an_exception_is_blanked_though_its_body_is_not_read() -> None:
    async def chunks() -> object:
        yield b""

    response = httpx.Response(
        400,
        content=chunks(),  # type: ignore[arg-type]
        headers={"Via": BASIC},
        request=REQUEST,
        extensions={"reason_phrase": BASIC.encode()},
    )
    failure = httpx.HTTPStatusError(f"refused {BASIC}", request=REQUEST, response=response)
    REDACTOR.failure(failure)
    assert (str(failure), failure.response.headers["via"], failure.response.reason_phrase) == (
        "refused ***",
        "***",
        "***",
    )


def test_its_repr_shows_nothing() -> None:
    assert TOKEN not in repr(REDACTOR)
    assert not hasattr(REDACTOR, "__dict__")
