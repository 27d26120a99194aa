"""The JSON of a page, and the outcome of each row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plivo_async import DecodeError
from plivo_async.resources.listing.page import Envelope, decode_page
from tests.offline import FIXTURES

NO_TOTALS = (True, -1, 7.0, "", "x", "-1", "\u0667", [7], 10**12, "9" * 5000, None)


def page(**members: Any) -> bytes:
    return json.dumps(members).encode()


def test_the_documented_page_is_read() -> None:
    envelope = decode_page((FIXTURES / "call_list.json").read_bytes())
    assert (len(envelope.rows), envelope.total, envelope.goes_on) == (2, 4, False)
    assert envelope.api_id == "8299d094-dc72-11e5-b56c-22000ae90795"


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (page(meta={}, objects=[]), []),
        (page(meta={}, objects=None), []),
        (page(meta={}), []),
        (page(objects=[1]), [1]),
        (page(meta=5, objects=[{}]), [{}]),
        (b"\xef\xbb\xbf" + page(meta={}, objects=[2]), [2]),
    ],
)
def test_a_page_may_lack_what_is_no_row(body: bytes, rows: list[Any]) -> None:
    assert decode_page(body) == Envelope(rows, None, goes_on=False, api_id=None)


@pytest.mark.parametrize(
    ("count", "total"),
    [(0, 0), (7, 7), ("7", 7), ("0", 0), *((wrong, None) for wrong in NO_TOTALS)],
)
def test_a_total_may_be_text(count: object, total: int | None) -> None:
    assert decode_page(page(meta={"total_count": count}, objects=[])).total == total


@pytest.mark.parametrize(
    ("following", "goes_on"),
    [
        (None, False),
        (False, False),
        ("", False),
        (True, True),
        ("/v1/x", True),
        ("https://other.invalid/", True),
    ],
)
def test_another_page_may_follow(following: object, goes_on: bool) -> None:
    assert decode_page(page(meta={"next": following}, objects=[])).goes_on == goes_on


@pytest.mark.parametrize(
    "body",
    [
        page(api_id="x", message="async api spawned"),
        page(api_id="x", calls=["a"]),
        page(call_uuid="a"),
        page(error="no"),
        page(meta={}, objects={}),
        page(meta={}, objects="none"),
        page(meta=[]),
        b"[]",
        b"null",
        b'"text"',
        b'[{"a": NaN}]',
        b'{"a": NaN}',
    ],
)
def test_what_is_no_page_is_a_decode_error_that_is_not_tried_again(body: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_page(body)
    assert (caught.value.body, caught.value.retryable) == (body, False)


@pytest.mark.parametrize("body", [b"", b"<html>", page(meta={}, objects=[])[:-1], b"\xff"])
def test_a_damaged_page_is_tried_again(body: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_page(body)
    assert caught.value.retryable


@pytest.mark.parametrize(
    "row",
    [
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"1e9999999999999999999",
        b'{"a":' + b"[" * 9999 + b"]" * 9999 + b"}",
    ],
)
def test_a_row_that_is_no_strict_json_leaves_the_page_readable(row: bytes) -> None:
    envelope = decode_page(
        b'{"api_id": "x", "meta": {"total_count": 2}, "objects": [' + row + b', {"b": 1}]}'
    )
    assert envelope == Envelope([row, b'{"b": 1}'], 2, goes_on=False, api_id="x", is_split=True)
