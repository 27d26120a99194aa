from __future__ import annotations

from typing import Any

import click
import pytest

from plivo_async.cli.max_wait_option import to_patience

UNUSED: Any = None


@pytest.mark.parametrize(("text", "seconds"), [("900", 900.0), ("0.5", 0.5), ("none", None)])
def test_a_number_of_seconds_or_none_is_read(text: str, seconds: float | None) -> None:
    assert to_patience(UNUSED, UNUSED, text) == seconds


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "a minute", ""])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a number of seconds above 0, or none"):
        to_patience(UNUSED, UNUSED, text)
