"""Lines of text are call UUIDs."""

from __future__ import annotations

import pytest

from plivo_async.cli.inputs.lines import InputError, Row
from plivo_async.cli.inputs.parser import InputParser
from plivo_async.cli.inputs.text_input import TextLines


def parsed(*lines: bytes) -> list[Row]:
    parse = TextLines()
    return [parse(number, line) for number, line in enumerate(lines, 1)]


def test_a_plain_line_is_an_id_without_surrounding_space() -> None:
    assert parsed(b"a", b" b\t", b"", b"  ") == ["a", "b", None, None]


def test_bytes_that_are_not_utf_8_are_escaped() -> None:
    assert parsed(b"a\xff") == ["a\\xff"]


def test_ndjson_without_a_key_is_recognised() -> None:
    with pytest.raises(InputError, match="line 1: this looks like NDJSON.* --key call_uuid"):
        parsed(b'{"call_uuid": "a"}')


@pytest.mark.parametrize("line", [b"id,x", b"id;x", b"id\tx"])
def test_csv_without_a_column_is_recognised(line: bytes) -> None:
    with pytest.raises(InputError, match="line 1: this looks like CSV.* --column NAME"):
        parsed(line)


def test_only_the_first_line_is_checked_for_another_format() -> None:
    assert parsed(b"a", b"a,b") == ["a", "a,b"]


def test_nested_quotes_are_removed_up_to_a_bound() -> None:
    assert parsed(b"x", b"{{{{a}}}}", b"{{{{{a}}}}}") == ["x", "a", "{{{{{a}}}}}"]


def test_a_line_of_64_kib_need_not_end_to_be_recognised() -> None:
    texts = InputParser("ids.txt")
    assert list(texts.feed(b"x" * 70_000)) == []
    assert list(texts.close()) == ["x" * 70_000]
    items = InputParser("ids.json")
    assert list(items.feed(b'["a", ' + b" " * 70_000)) == ["a"]
