"""Bytes are split into lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.cli.inputs.lines import MAX_LINE_BYTES, InputError, LineSplitter


def split(*chunks: bytes) -> list[tuple[int, bytes]]:
    splitter = LineSplitter()
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*lines, *splitter.close()]


def test_lines_are_numbered_from_1_and_the_last_newline_is_optional() -> None:
    assert split(b"a\nb\n\nc") == [(1, b"a"), (2, b"b"), (3, b""), (4, b"c")]


def test_a_newline_at_the_end_starts_no_line() -> None:
    assert split(b"a\n") == [(1, b"a")]


@given(st.binary(max_size=50), st.integers(0, 50))
def test_the_size_of_the_chunks_does_not_matter(text: bytes, at: int) -> None:
    assert split(text[:at], text[at:]) == split(text)


def test_crlf_ends_a_line() -> None:
    assert split(b"a\r\nb\r\n") == [(1, b"a"), (2, b"b")]


def test_a_byte_order_mark_is_dropped_even_across_chunks() -> None:
    assert split(b"\xef", b"\xbb", b"\xbfa\n") == [(1, b"a")]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_that_is_too_long_is_reported_with_its_number(end: bytes) -> None:
    with pytest.raises(InputError, match="line 3: longer than 1,048,576 bytes"):
        split(b"a\nb\n" + b"x" * (MAX_LINE_BYTES + 1) + end)


def test_an_endless_line_is_refused_early() -> None:
    splitter = LineSplitter()
    with pytest.raises(InputError):
        for _ in range(20):
            list(splitter.feed(b"x" * (1 << 16)))


@pytest.mark.parametrize("text", [b"a\rb\r\rc", b"\xef\xbb\xbfa\rb\r\nc\r", b"a\r"])
def test_a_lone_cr_ends_a_line_if_it_ends_the_first_one(text: bytes) -> None:
    expected = [line for line in text.removeprefix(b"\xef\xbb\xbf").splitlines() if line]

    assert [line for _, line in split(text) if line] == expected
    assert split(*(text[at : at + 1] for at in range(len(text)))) == split(text)


def test_a_lone_cr_in_a_file_with_other_line_ends_is_text() -> None:
    assert split(b"a\nb\rc\r\r\n") == [(1, b"a"), (2, b"b\rc")]
