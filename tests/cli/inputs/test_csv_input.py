"""A column of CSV has call UUIDs."""

from __future__ import annotations

import pytest

from plivo_async.cli.inputs.csv_input import CsvColumn
from plivo_async.cli.inputs.lines import InputError, LineSplitter


def column(text: bytes, name: str = "id") -> list[str | None]:
    parse = CsvColumn(name)
    splitter = LineSplitter()
    lines = [*splitter.feed(text), *splitter.close()]
    found = [parse(number, line) for number, line in lines]
    parse.close()
    return found


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


def test_a_header_that_is_no_csv_is_reported() -> None:
    with pytest.raises(InputError, match="line 2: not CSV: "):
        column(b'"a\nb"c,id\n1,a\n')


def test_a_column_by_number_may_have_no_header() -> None:
    assert column(b"Report\nx,id0\ny,id1\n", "2") == [None, "id0", "id1"]


def test_a_header_is_searched_for_in_the_first_30_rows_only() -> None:
    parse = CsvColumn("id")
    rows = [parse(number, b"x,y") for number in range(1, 30)]
    assert rows == [None] * 29
    with pytest.raises(InputError, match="line 1: no column 'id'; the columns are: x, y"):
        parse(30, b"x,y")


def test_a_row_with_backslashes_that_does_not_fit_the_header_is_read_as_it_is() -> None:
    assert column(b'x,id\n"C:\\",a\n"\\" x",b,,\n') == [None, "a", "b"]


@pytest.mark.parametrize("name", ["-1", "1.", "no 1"])
def test_a_row_with_a_call_uuid_is_no_header(name: str) -> None:
    call_uuid = b"6e406b45-f523-4166-81d1-000000000000"
    with pytest.raises(InputError, match=f"no column '{name}'; the columns are: a, id"):
        column(b"a,id\n1," + call_uuid + b"\nNo 1," + call_uuid, name)
