"""No cell of a safe CSV begins like a formula, and every text comes back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.cli.export.safe_cell import armed, disarmed


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"),
        ("+4915550100", "'+4915550100"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1+1", "'\uff1d1+1"),
        (" \t=1", " \t'=1"),
        ("a;=1\n+2", "a;'=1\n'+2"),
        ("'=1", "''=1"),
        ("4915550100", "4915550100"),
        ("a=b-c@d", "a=b-c@d"),
        ("", ""),
    ],
)
def test_an_apostrophe_disarms_what_may_begin_a_cell(text: str, safe: str) -> None:
    assert disarmed(text) == safe
    assert armed(safe) == text


@given(st.text(st.sampled_from("=+-@'; \t\r\na\uff0b\u200b")))
def test_any_text_is_disarmed_wherever_it_is_split_and_comes_back(text: str) -> None:
    safe = disarmed(text)

    assert not [part for part in re.split("[;\t\r\n]", safe) if re.match("[\\s\u200b]*[=+@\uff0b-]", part)]
    assert armed(safe) == text
