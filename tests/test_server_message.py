"""The message in the body of an error, in every shape seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.server_message import server_message

FIXTURES = Path(__file__).with_name("fixtures")
API_ID = "97ceeb52-58b6-11e1-86da-77300b68f8bb"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("error_404.json", ("CDR for call uuid not found", None)),
        ("error_envelope.json", ("answer_url parameter is missing", API_ID)),
        (
            "error_capital_key.json",
            ("Trunk details for 00000000000000000 not found", "00000000-0000-0000-0000-000000000000"),
        ),
        ("async_spawned.json", ("async api spawned", "63f0761a-e0ed-11e1-8ea7-12313924e3a6")),
    ],
)
def test_reads_the_documented_bodies(name: str, expected: tuple[str, str | None]) -> None:
    assert server_message(FIXTURES.joinpath(name).read_bytes()) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"error": "no"}, "no"),
        ({"Error": "no"}, "no"),
        ({"message": "no"}, "no"),
        ({"error": {"error": "no"}}, "no"),
        ({"error": {"Error": {"message": "no"}}}, "no"),
        ({"error": {"message": "no", "code": 7}}, "no"),
        ({"api_id": API_ID, "error_code": 1001, "message": "no"}, "no"),
        ({"error_code": 1001}, "1001"),
        ({"error_code": 0}, "0"),
        ({"error": 5}, "5"),
        ({"error": "", "message": "no"}, "no"),
        ({"error": None, "Error": {}, "message": "no"}, "no"),
        ({"error": True, "message": "no"}, "no"),
        ({"error": ["a", "b"], "message": "no"}, "no"),
        ({"error": {}, "error_code": 5}, "5"),
        ({"detail": "no"}, '{"detail": "no"}'),
        ({"error": ["a", "b"]}, '{"error": ["a", "b"]}'),
        ({"error": {"error": {"error": {"error": "no"}}}}, "no"),
        (
            {"error": {"error": {"error": {"error": {"error": 1}}}}},
            '{"error": {"error": {"error": {"error": {"error": 1}}}}}',
        ),
        ({"api_id": API_ID}, None),
        ({}, None),
        ([], "[]"),
        (["no"], '["no"]'),
        ("no", '"no"'),
        (None, "null"),
        (5, "5"),
    ],
    ids=str,
)
def test_finds_the_message_in_every_shape(value: Any, expected: str | None) -> None:
    assert server_message(json.dumps(value).encode())[0] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", None),
        (b" \r\n", None),
        (b"Bad Gateway", "Bad Gateway"),
        (b"<html>\r\n<h1>502 Bad Gateway</h1>\r\n</html>", "<html> <h1>502 Bad Gateway</h1> </html>"),
        (b'{"error": "cut', '{"error": "cut'),
        (b'{"error": "a"} b', '{"error": "a"} b'),
        (b'\xff{"error": "no"}', '\ufffd{"error": "no"}'),
    ],
    ids=str,
)
def test_a_body_that_is_not_json_is_its_own_message(body: bytes, expected: str | None) -> None:
    assert server_message(body) == (expected, None)


def test_a_byte_order_mark_is_skipped() -> None:
    assert server_message(b'\xef\xbb\xbf{"error": "no"}') == ("no", None)


@pytest.mark.parametrize("api_id", [None, 5, "", {}, ["x"]])
def test_an_api_id_that_is_not_text_is_ignored(api_id: Any) -> None:
    assert server_message(json.dumps({"error": "no", "api_id": api_id}).encode()) == ("no", None)


@pytest.mark.parametrize("depth", [50, 450, 900, 5_000, 50_000, 1_000_000])
@pytest.mark.parametrize(("opens", "closes"), [('{"error":', "}"), ("[", "]"), ('{"a":[', "]}")])
def test_accepts_any_depth(opens: str, closes: str, depth: int) -> None:
    message, api_id = server_message((opens * depth + "1" + closes * depth).encode())
    assert message is not None
    assert message.startswith(opens)
    assert api_id is None


def test_accepts_a_number_with_too_many_digits() -> None:
    assert server_message(b'{"error": %s}' % (b"9" * 5000))[0] == '{"error": ' + "9" * 190 + "…"
    assert server_message(b'{"error": %s}' % (b"9" * 4300))[0] == "9" * 200 + "…"


def test_a_large_body_is_not_parsed() -> None:
    body = b'{"error": "no", "rest": "' + b"x" * 70_000 + b'"}'
    message, api_id = server_message(body)
    assert message is not None
    assert message.startswith('{"error": "no", "rest": "xxx')
    assert api_id is None


def test_the_api_id_is_bounded() -> None:
    assert server_message(json.dumps({"error": "no", "api_id": "x\n" * 1000}).encode())[1] == (
        "x " * 100 + "…"
    )


@given(
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["error", "Error", "message", "api_id", "x"]), inner)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_the_message_of_any_body_is_one_bounded_printable_line(body: bytes) -> None:
    for text in server_message(body):
        assert text is None or (text.isprintable() and 0 < len(text) <= 201)
