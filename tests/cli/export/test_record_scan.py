from __future__ import annotations

import io
import json
from pathlib import Path

import click
import pytest

from plivo_async.cli.export.record_format import (
    CSV_HEADER,
    SAFE_CSV_HEADER,
    csv_row,
    ndjson_line,
    safe_csv_row,
)
from plivo_async.cli.export.record_scan import NotAnExportError, Scan, scan
from plivo_async.record.model import CallDetailRecord

_RECORDS = [
    CallDetailRecord.from_json(json.dumps({"call_uuid": f"c{number}", "from_number": text, "new": number}))
    for number, text in enumerate(["plain", 'a "quoted"\nline', "\n", '"', "+1"])
]
_NDJSON = [ndjson_line(record) for record in _RECORDS]
_CSV = [CSV_HEADER, *map(csv_row, _RECORDS)]


def found(text: bytes) -> tuple[Scan, list[str]]:
    ids: list[str] = []
    return scan(io.BytesIO(text), "calls", lambda record: ids.append(record.call_uuid)), ids


def test_an_empty_file_has_no_records() -> None:
    assert found(b"") == (Scan("ndjson"), [])


def test_the_format_is_recognised_by_the_first_line() -> None:
    assert found(b"".join(_NDJSON)) == (
        Scan("ndjson", sum(map(len, _NDJSON))),
        ["c0", "c1", "c2", "c3", "c4"],
    )
    assert found(b"".join(_CSV)) == (Scan("csv", sum(map(len, _CSV))), ["c0", "c1", "c2", "c3", "c4"])


def test_safe_csv_truncated_anywhere_has_its_complete_rows() -> None:
    rows = [SAFE_CSV_HEADER, *map(safe_csv_row, [*_RECORDS, CallDetailRecord(call_uuid="-c5")])]
    complete = b"".join(rows)
    ends = [sum(map(len, rows[: number + 1])) for number in range(len(rows))]
    for cut in range(1, len(complete) + 1):
        report, ids = found(complete[:cut])
        whole = [end for end in ends if end <= cut]
        end = whole[-1] if whole else 0
        assert report == Scan("safe-csv", end, torn=cut - end)
        assert ids == ["c0", "c1", "c2", "c3", "c4", "-c5"][: max(len(whole) - 1, 0)]


def test_ndjson_truncated_anywhere_has_its_complete_lines() -> None:
    complete = b"".join(_NDJSON)
    for cut in range(len(complete)):
        text = complete[:cut]
        report, ids = found(text)
        lines = text.split(b"\n")
        whole = len(lines) - 1
        if report.lacks_newline:
            assert (report.end, report.torn, ids) == (cut, 0, [f"c{n}" for n in range(whole + 1)]), text
            assert text + b"\n" == complete[: cut + 1]
        else:
            assert ids == [f"c{n}" for n in range(whole)], text
            assert (report.end, report.torn) == (cut - len(lines[-1]), len(lines[-1])), text


def test_csv_truncated_anywhere_has_its_complete_rows() -> None:
    complete = b"".join(_CSV)
    ends = [sum(map(len, _CSV[: number + 1])) for number in range(len(_CSV))]
    for cut in range(1, len(complete)):
        text = complete[:cut]
        report, ids = found(text)
        whole = [end for end in ends if end <= cut]
        end = max(whole, default=0)
        assert report == Scan("csv", end, torn=cut - end), text
        assert ids == [f"c{n}" for n in range(len(whole) - 1)], text


def test_blank_lines_are_skipped() -> None:
    assert found(b"\n" + _NDJSON[0] + b"\n")[1] == ["c0"]
    assert found(CSV_HEADER + b"\n" + _CSV[1])[1] == ["c0"]


@pytest.mark.parametrize("line", [b"hello\n", b'{"x": 1}\n', b"[]\n", b"\xff\n"])
def test_a_line_that_is_not_a_record_is_reported_with_its_number(line: bytes) -> None:
    with pytest.raises(click.ClickException, match="^calls, line 2: not a call detail record: "):
        found(_NDJSON[0] + line + _NDJSON[1])


def test_a_row_that_is_not_a_record_is_reported_with_its_number() -> None:
    with pytest.raises(click.ClickException, match="^calls, line 3: not a call detail record: 2 cells"):
        found(_CSV[0] + _CSV[1] + b"a,b\n")


def test_a_stray_quote_that_joins_a_line_and_records_is_damage() -> None:
    damaged = _CSV[1] + b'c9,"stray\n'
    plain = csv_row(CallDetailRecord(call_uuid="c8"))
    closing = plain.rstrip() + b'"\n'
    for text in (_CSV[1] + plain * 2, plain + b"torn", plain + closing, b"x" * 1023 * 1025 + b"\n"):
        with pytest.raises(NotAnExportError, match="^calls, line 3: (a stray|the) quote ") as raised:
            found(CSV_HEADER + damaged + text)
        assert raised.value.damaged == 3


def test_nul_bytes_before_a_row_are_damage() -> None:
    with pytest.raises(NotAnExportError, match="^calls, line 2: not a call detail record: NUL bytes"):
        found(CSV_HEADER + b"\0\0" + _CSV[1])


def test_a_file_with_another_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="line 1"):
        found(b"call_uuid,amount\n1,2\n")


@pytest.mark.parametrize(
    "last",
    [
        b"a note without a newline",
        b'{"api_id": "x", "meta": {}, "objects": []}',
        b'[{"call_uuid": "c0"}]',
        b'{"note": "cut',
        b'{"api_id": "x", "meta": {"lim',
        b'{"api_id":"x","note":"mine',
        b"\x1f\x8b\x08\x00",
        b"\0\0\0",
    ],
)
def test_a_file_without_a_record_is_not_torn_unless_it_begins_like_one(last: bytes) -> None:
    with pytest.raises(NotAnExportError, match="^calls, line 1: not a call detail record, nor the beginning"):
        found(last)


@pytest.mark.parametrize("last", [b"a note", b'{"x": 1}', b"[1", b'{"a": 1, note'])
def test_a_last_line_after_records_is_not_torn_unless_it_begins_like_a_record(last: bytes) -> None:
    with pytest.raises(NotAnExportError, match="^calls, line 2: not a call detail record, nor the beginning"):
        found(_NDJSON[0] + last)


@pytest.mark.parametrize("last", [b"Total: 5 calls", b'c9,"a"b', b'"note'])
def test_a_last_row_is_not_torn_unless_it_begins_like_a_record(last: bytes) -> None:
    with pytest.raises(NotAnExportError, match="^calls, line 4: not a call detail record, nor the beginning"):
        found(b"".join(_CSV[:2]) + _CSV[1] + last)


def test_nul_bytes_after_a_record_are_torn() -> None:
    # A power cut may leave them.
    assert found(_NDJSON[0] + b"\0" * 9)[0] == Scan("ndjson", len(_NDJSON[0]), torn=9)
    assert found(CSV_HEADER + b"\0" * 9)[0] == Scan("csv", len(CSV_HEADER), torn=9)


@pytest.mark.parametrize(
    "header", [b"\xef\xbb\xbf" + CSV_HEADER, b"api_id;call_uuid\r\n", b'"x","call_uuid"\n']
)
def test_a_header_of_another_layout_is_reported(header: bytes) -> None:
    with pytest.raises(NotAnExportError, match="line 1: not the header that this version writes; a"):
        found(header)
