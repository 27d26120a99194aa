"""The advice for a format that is not read."""

from __future__ import annotations

import pytest

from plivo_async.cli.inputs.lines import InputError
from plivo_async.cli.inputs.parser import InputParser


@pytest.mark.parametrize(
    ("name", "head", "command"),
    [
        ("-b z.bz2", b"BZh9", "bzcat './-b z.bz2'"),
        ("o'b", b"PAR1", """duckdb -noheader -list -c 'select "a""b" from '"'"'o'"'"''"'"'b'"'"''"""),
    ],
)
def test_the_advice_is_a_command_whatever_the_name_of_the_file_is(
    name: str, head: bytes, command: str
) -> None:
    parser = InputParser(name, column='a"b')
    with pytest.raises(InputError) as caught:
        list(parser.feed(head + b"\n"))

    assert f"; use: {command} | plivo-async export -i - " in caught.value.message
