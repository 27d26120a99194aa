from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.cli.export.id_parser import (
    MAX_LINE_BYTES,
    CsvColumn,
    InputError,
    LineSplitter,
    NdjsonKey,
    plain_line,
)


def split(*chunks: bytes) -> list[tuple[int, bytes]]:
    splitter = LineSplitter()
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [*lines, *splitter.close()]


def column(text: bytes, name: str = "id") -> list[str | None]:
    parse = CsvColumn(name)
    found = [parse(number, line) for number, line in split(text)]
    parse.close()
    return found


def test_lines_are_numbered_from_1_and_the_last_newline_is_optional() -> None:
    assert split(b"a\nb\n\nc") == [(1, b"a"), (2, b"b"), (3, b""), (4, b"c")]


def test_a_newline_at_the_end_starts_no_line() -> None:
    assert split(b"a\n") == [(1, b"a")]


@given(st.binary(max_size=50), st.integers(0, 50))
def test_the_size_of_the_chunks_does_not_matter(text: bytes, at: int) -> None:
    if not text.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert split(text[:at], text[at:]) == split(text)


def test_crlf_ends_a_line() -> None:
    assert split(b"a\r\nb\r\n") == [(1, b"a"), (2, b"b")]


def test_a_byte_order_mark_is_dropped_even_across_chunks() -> None:
    assert split(b"\xef", b"\xbb", b"\xbfa\n") == [(1, b"a")]


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf_16_is_refused(mark: bytes) -> None:
    with pytest.raises(InputError, match="line 1: this is UTF-16; save it as UTF-8"):
        split(mark + b"a\x00\n\x00")


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_that_is_too_long_is_reported_with_its_number(end: bytes) -> None:
    with pytest.raises(InputError, match="line 3: longer than 1,048,576 bytes"):
        split(b"a\nb\n" + b"x" * (MAX_LINE_BYTES + 1) + end)


def test_an_endless_line_is_refused_early() -> None:
    splitter = LineSplitter()
    with pytest.raises(InputError):
        for _ in range(20):
            list(splitter.feed(b"x" * (1 << 16)))


def test_a_plain_line_is_an_id_without_surrounding_space() -> None:
    assert [plain_line(2, line) for line in (b"a", b" b\t", b"", b"  ")] == ["a", "b", None, None]


def test_bytes_that_are_not_utf_8_are_escaped() -> None:
    assert plain_line(2, b"a\xff") == "a\\xff"


def test_ndjson_without_a_key_is_recognised() -> None:
    with pytest.raises(InputError, match="line 1: this looks like NDJSON.* --key call_uuid"):
        plain_line(1, b'{"call_uuid": "a"}')


@pytest.mark.parametrize("line", [b"id,x", b"id;x", b"id\tx"])
def test_csv_without_a_column_is_recognised(line: bytes) -> None:
    with pytest.raises(InputError, match="line 1: this looks like CSV.* --column NAME"):
        plain_line(1, line)


def test_only_the_first_line_is_checked_for_another_format() -> None:
    assert plain_line(2, b"a,b") == "a,b"


def test_the_key_of_an_ndjson_line_has_the_id() -> None:
    parse = NdjsonKey("call_uuid")
    lines = [b'{"call_uuid": "a", "x": 1}', b"", b'{"call_uuid": " "}', b'{"call_uuid": " b "}']

    assert [parse(1, line) for line in lines] == ["a", None, "", "b"]


@pytest.mark.parametrize("line", [b"a", b"{", b"\xff", b"[" * 100_000])
def test_a_line_that_is_not_json_is_reported_with_its_number(line: bytes) -> None:
    with pytest.raises(InputError, match="line 7: not JSON: "):
        NdjsonKey("id")(7, line)


@pytest.mark.parametrize("line", [b"{}", b"[]", b"null", b'{"id": null}', b'{"ID": "a"}', b'"a"'])
def test_a_value_without_the_key_is_a_row_without_an_id(line: bytes) -> None:
    assert NdjsonKey("id")(7, line) == ""


@pytest.mark.parametrize(
    ("value", "call_uuid"), [("1", "1"), ('{"a": 1}', '{"a": 1}'), ("[]", "[]"), ("true", "true")]
)
def test_another_value_than_a_string_is_an_id_that_fails(value: str, call_uuid: str) -> None:
    assert NdjsonKey("id")(7, f'{{"id": {value}}}'.encode()) == call_uuid
    assert len(NdjsonKey("id")(7, b'{"id": [' + b"1," * 999 + b"1]}") or "") == 80


def test_a_key_that_no_line_has_is_reported() -> None:
    parse = NdjsonKey("uuid")
    parse.close()
    parse(1, b'{"id": "a"}')
    with pytest.raises(InputError, match="no line has the key 'uuid': name another one with --key"):
        parse.close()
    parse(2, b'{"uuid": null}')
    parse.close()


def test_a_message_quotes_a_short_excerpt() -> None:
    with pytest.raises(InputError) as caught:
        NdjsonKey("id")(7, b"x" * 1000)

    assert len(caught.value.message) < 120


def test_the_column_of_a_csv_row_has_the_id() -> None:
    assert column(b"x,id\n1,a\n2,b\n") == [None, "a", "b"]


@pytest.mark.parametrize("delimiter", [b",", b";", b"\t"])
def test_the_delimiter_is_recognised_by_the_header(delimiter: bytes) -> None:
    assert column(b"x,id,y\n1,a,2\n".replace(b",", delimiter)) == [None, "a"]


def test_a_row_may_span_lines_within_quotes() -> None:
    assert column(b'note,id\n"one\ntwo ""three""\n",a\nx,b\n') == [None, None, None, "a", "b"]


def test_a_blank_cell_is_a_row_without_an_id_and_a_blank_line_is_no_row() -> None:
    assert column(b"id,x\n\n,1\n,\na,2\n") == [None, None, "", "", "a"]


def test_a_stray_quote_does_not_swallow_rows() -> None:
    with pytest.raises(InputError, match="line 4: not CSV: "):
        column(b'id,x\na,"Bob\nb,ok\nc,"Al\nd,ok\n')


def test_quoted_and_padded_column_names_are_found() -> None:
    assert column(b'"x, y", id \n1,a\n') == [None, "a"]


def test_a_missing_column_is_reported_with_the_existing_ones() -> None:
    with pytest.raises(InputError, match="line 1: no column 'uuid'; the columns are: x, id"):
        column(b"x,id\n", "uuid")


def test_a_row_that_ends_before_the_column_has_no_id() -> None:
    assert column(b"x,id\n1,a\nTotal: 1 call\n") == [None, "a", ""]


def test_an_unclosed_quote_is_reported_with_its_line() -> None:
    with pytest.raises(InputError, match="line 2: the quote opened in this line is never closed"):
        column(b'x,id\n"1,a\n2,b\n')


def test_an_unclosed_quote_does_not_fill_the_memory() -> None:
    parse = CsvColumn("id")
    parse(1, b"x,id")
    parse(2, b'"')
    with pytest.raises(InputError, match="line 2"):
        for number in range(3, 30):
            parse(number, b"x" * (1 << 16))


def test_invalid_csv_is_reported_with_its_line() -> None:
    with pytest.raises(InputError, match="line 2: not CSV: "):
        column(b"x,id\na\rb,c\n")


def test_a_large_cell_is_read() -> None:
    assert column(b"x,id\n" + b"y" * 200_000 + b",a\n") == [None, "a"]
