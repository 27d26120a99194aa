"""Text for messages: printable and short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.text import message_of, printable, short_repr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\tc  d", "a b c d"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("nul\0", "nul\\x00"),
        ("\u202eevil", "\\u202eevil"),
        ("\u2028line\x85", "line"),
        ("\ud800", "\\ud800"),
        ("über", "über"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_characters_that_are_not_printable_are_escaped(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_text_is_cut_after_200_characters() -> None:
    assert printable("x" * 200) == "x" * 200
    assert printable("x" * 201) == "x" * 200 + "…"


@given(st.text())
def test_any_text_becomes_one_printable_line(text: str) -> None:
    line = printable(text)
    assert line.isprintable()
    assert len(line) <= 201


def test_a_repr_is_cut_after_80_characters() -> None:
    assert short_repr("x" * 78) == f"'{'x' * 78}'"
    assert short_repr("x" * 79) == f"'{'x' * 79}…"


def test_an_int_with_too_many_digits_has_a_repr() -> None:
    assert short_repr(10**5000) == "a value of type int"


def test_a_value_whose_repr_fails_is_named_by_its_type() -> None:
    class Row:
        def __repr__(self) -> str:
            raise RuntimeError("the session is closed")

    assert short_repr(Row()) == "a value of type Row"


def test_an_error_without_a_text_is_named_by_its_type() -> None:
    assert message_of(ValueError("a\nb")) == "a b"
    assert message_of(LookupError()) == "LookupError"
