"""An export is read as it was written, as a spreadsheet saved it, and as an older version wrote it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import click
import pytest

from plivo_async.cli.export.export_reader import Left, read_export
from plivo_async.cli.export.record_format import CSV_COLUMNS, CSV_HEADER, csv_row, ndjson_line, safe_csv_row
from plivo_async.cli.export.record_format import SAFE_CSV_HEADER as SAFE_HEADER
from plivo_async.record.model import CallDetailRecord

_RECORDS = [
    CallDetailRecord.from_json(
        json.dumps(
            {
                "call_uuid": f"5607532d-5037-4066-befc-a8b40218dd4{number}",
                "from_number": text,
                "billed_duration": 60 * number,
                "total_amount": f"{number}.01667",
                "end_time": "2022-10-12 21:57:40+05:30",
                "new": "x, y",
            }
        )
    )
    for number, text in enumerate(["4915", "=1+1", 'a "b"\nc'])
]
_OWN = CSV_HEADER + b"".join(map(csv_row, _RECORDS))
_NDJSON = b"".join(map(ndjson_line, _RECORDS))
_ROWS = list(csv.reader(io.StringIO(_OWN.decode(), newline="")))
_STRAY = b'5607532d-5037-4066-befc-a8b40218dd4f,"b\n'


def facts(records: list[CallDetailRecord]) -> list[tuple[object, ...]]:
    return [(each.call_uuid, each.from_number, each.billed_duration, each.total_amount) for each in records]


def read(text: bytes) -> tuple[Left, list[CallDetailRecord]]:
    records: list[CallDetailRecord] = []
    return read_export(io.BytesIO(text), "calls", records.append), records


def saved(rows: Sequence[Sequence[str]], end: str = "\r\n", **how: Any) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=end, **how).writerows(rows)
    return file.getvalue().encode()


def in_europe() -> list[list[str]]:
    at = CSV_COLUMNS.index("total_amount")
    return [[*row[:at], row[at].replace(".", ","), *row[at + 1 :]] for row in _ROWS]


def test_every_form_of_an_export_has_the_same_records() -> None:
    semicolons = saved(in_europe(), delimiter=";")
    kept = [CSV_COLUMNS.index(name) for name in ("end_time", "total_amount", "from_number", "call_uuid")]
    kept.append(CSV_COLUMNS.index("billed_duration"))
    forms = {
        "own": _OWN,
        "NDJSON": _NDJSON,
        "NDJSON with BOM and CRLF": b"\xef\xbb\xbf" + _NDJSON.replace(b"\n", b"\r\n"),
        "NDJSON in gzip": gzip.compress(_NDJSON),
        "gzip": gzip.compress(_OWN),
        "safe": SAFE_HEADER + b"".join(map(safe_csv_row, _RECORDS)),
        "safe, saved": b"\xef\xbb\xbf"
        + saved([[f"'{cell}" if cell.startswith("=") else cell for cell in row] for row in _ROWS]),
        "BOM and CRLF": b"\xef\xbb\xbf" + saved(_ROWS),
        "all quoted": saved(_ROWS, quoting=csv.QUOTE_ALL),
        "semicolons and decimal commas": semicolons,
        "sep=;": b"sep=;\r\n" + semicolons,
        "tabs in UTF-16": saved(in_europe(), delimiter="\t").decode().encode("utf-16"),
        "an older layout": saved([[row[at] for at in kept] for row in _ROWS]),
        "a newer layout": saved([[*row, "x"] for row in _ROWS]),
        "upper case": saved([[name.upper() for name in _ROWS[0]], *_ROWS[1:]]),
        "files joined": _OWN + CSV_HEADER,
        "rows of commas": saved([*_ROWS, [""] * 26, [""] * 30, []]),
        "no newline at the end": saved([[*row, "x"] for row in _ROWS])[:-2],
        "cells missing at the end": saved([_ROWS[0], *(row[:-1] for row in _ROWS[1:])]),
    }
    for name, text in forms.items():
        left, records = read(text)
        assert facts(records) == facts(_RECORDS), name
        assert left == Left(), name


def test_a_row_of_totals_is_counted() -> None:
    left, records = read(_OWN + b"Total," + b"," * 24 + b"\n" + b"," * 24 + b"5\n")

    assert (left, len(records)) == (Left(without_id=2), 3)


def test_a_spreadsheet_may_write_an_amount_with_an_exponent() -> None:
    _, [record] = read(b"call_uuid;total_amount;api_id;end_time\na;8,5E-03;;\n")

    assert record.total_amount == Decimal("0.0085")


@pytest.mark.parametrize(
    ("text", "torn"),
    [
        (_OWN[:-1], len(csv_row(_RECORDS[-1])) - 1),
        (_OWN + b"5607", 4),
        (_OWN + b'5607,"x\ny', 9),
        (_OWN + b'5607,"x\n', 8),
        (CSV_HEADER[:20], 20),
        (b"call_uuid,api_id,end_time,from_number,x\na,b", 3),
        (_NDJSON[:-5], len(ndjson_line(_RECORDS[-1])) - 5),
    ],
)
def test_an_incomplete_last_line_is_left_out(text: bytes, torn: int) -> None:
    assert read(text)[0].torn == torn


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'call_uuid,total_amount,end_time,api_id\na,"0,5",,\n', "calls, line 2: not a call detail record: "),
        (b"call_uuid;end_time;api_id;x_id\na;12.10.2022 21:57;;\n", "calls, line 1: not the header"),
        (b"call_uuid;end_time;api_id;to_number\na;12.10.2022 21:57;;\n", "calls, line 2: not a call detail"),
        (b"call_uuid,end_time,api_id,to_number\n\na,,,,x\n", "calls, line 3: .*: 5 cells, expected 4"),
        (b"call_uuid,call_uuid,end_time,api_id,to_number\na,a,,,\n", "calls, line 1: not the header"),
        (_OWN + _STRAY + csv_row(_RECORDS[0]) + b'c",d\n', "line 6: .*: a stray quote joins it and the"),
        (_OWN + b"a," + b"\xff" + b"," * 24 + b"\n", "line 6: not a call detail record: "),
        (b"Call UUID,From\na,b\n", "calls, line 1: not a call detail record: "),
        (b'[{"call_uuid": "a"}]\n', "calls, line 1: not a call detail record: "),
        (b'{"call_uuid":"a","kind":"x","status":1,"message":"","attempts":1}\n', "calls: .* the failed file"),
        (b"PK\x03\x04" + bytes(600), "calls: this is a zip archive, not an export"),
        (gzip.compress(_OWN)[:-9], "calls: the gzip data ends early"),
    ],
)
def test_what_is_no_export_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(click.ClickException, match=message):
        read(text)
