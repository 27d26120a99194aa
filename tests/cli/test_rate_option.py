from __future__ import annotations

import click
import pytest

from plivo_async.cli.export.command import export
from plivo_async.cli.rate_option import to_rate
from plivo_async.rate_limit import RateLimit

_CONTEXT = click.Context(export)
_PARAMETER = export.params[0]


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("300/5", RateLimit(300, 5.0)),
        ("1/0.5", RateLimit(1, 0.5)),
        ("60", RateLimit(300, 5.0)),
        ("2.5", RateLimit(12, 5.0)),
        ("0.1", RateLimit(1, 10.0)),
        (" 60 ", RateLimit(300, 5.0)),
        ("none", None),
    ],
)
def test_a_rate_is_requests_per_seconds_or_a_number_per_second(text: str, limit: RateLimit | None) -> None:
    assert to_rate(_CONTEXT, _PARAMETER, text) == limit


@pytest.mark.parametrize(
    "text", ["", "0", "0/5", "300/0", "1.5/5", "fast", "-1", "1/2/3", "nan", "inf", "1e9"]
)
def test_an_invalid_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected REQUESTS/SECONDS such as 300/5"):
        to_rate(_CONTEXT, _PARAMETER, text)
