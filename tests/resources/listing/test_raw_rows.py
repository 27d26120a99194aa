"""The exact JSON of each row of a page."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.resources.listing.raw_rows import split_page

# Everything that could be taken for the end of a value.
TEXT = st.text(alphabet='a"\\[]{},: é', max_size=5)
VALUES = (
    st.none()
    | TEXT
    | st.lists(TEXT, max_size=2)
    | st.dictionaries(TEXT, st.lists(TEXT, max_size=2), max_size=2)
)


@given(rows=st.lists(VALUES, max_size=3), around=st.dictionaries(TEXT, VALUES, max_size=2))
def test_a_page_is_split(rows: list[object], around: dict[str, object]) -> None:
    for indent in (None, 2):
        body = json.dumps({**around, "objects": rows, "api_id": "x"}, indent=indent).encode()
        others, found = split_page(b"\xef\xbb\xbf " + body)
        assert [json.loads(row) for row in found] == rows
        assert others == {**around, "api_id": "x"}


def test_a_row_keeps_every_character() -> None:
    rows = b'{"a": 1.50 ,"a":2}', b" NaN", b"[ ]"
    assert split_page(b'{"objects" : [' + b" , ".join(rows) + b"\n] }")[1] == [row.strip() for row in rows]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"a" 1}',
        b'{"a": 1',
        b'{"a": 1 "b"',
        b'{"objects": [1',
        b'{"objects": [1]} 2',
        b"{1: 2}",
        b'{"a": \xff}',
        b'{"a": ' + b"[" * 20_000,
        b'{"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"objects": [' + b"[" * 20_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_page_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="."):
        split_page(body)
