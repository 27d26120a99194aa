from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.cli.export.record_format import (
    CSV_COLUMNS,
    CSV_HEADER,
    csv_row,
    encoder,
    header,
    ndjson_line,
    record_in_line,
    record_in_row,
    safe_csv_row,
)
from plivo_async.errors import DecodeError
from plivo_async.record.model import CallDetailRecord

_FIXTURES = Path(__file__).parents[2] / "fixtures"
_DOCUMENTED = CallDetailRecord.from_json((_FIXTURES / "call_documented.json").read_bytes())


def record(**sent: Any) -> CallDetailRecord:
    return CallDetailRecord.from_json(json.dumps({"call_uuid": "c", **sent}))


def cells(of: CallDetailRecord) -> dict[str, str]:
    [row] = csv.DictReader(io.StringIO((CSV_HEADER + csv_row(of)).decode(), newline=""))
    return row


def test_a_line_of_ndjson_is_what_plivo_sent() -> None:
    line = ndjson_line(_DOCUMENTED)

    assert line == _DOCUMENTED.to_json().encode() + b"\n"
    assert record_in_line(line) == _DOCUMENTED


def test_the_columns_are_all_documented_fields_and_extra() -> None:
    assert CSV_HEADER.startswith(b"call_uuid,api_id,parent_call_uuid,")
    assert CSV_HEADER.endswith(b",cnam_lookup,resource_uri,extra\n")
    assert len(CSV_COLUMNS) == 26


def test_a_row_has_the_values_of_the_record() -> None:
    row = cells(_DOCUMENTED)

    assert row["call_uuid"] == "5607532d-5037-4066-befc-a8b40218dd4f"
    assert row["initiation_time"] == "2022-10-12 21:57:40+05:30"
    assert row["call_duration"] == "1"
    assert row["hangup_cause_code"] == "8011"
    assert row["stir_attestation"] == "A"
    assert row["total_amount"] == "0.01667"


def test_money_keeps_its_digits() -> None:
    assert cells(record(total_amount="0.0000000100"))["total_amount"] == "0.0000000100"


def test_null_is_an_empty_cell_and_an_empty_string_is_quoted() -> None:
    row = csv_row(record(from_number=None, to_number="")).decode()

    assert row == "c,,,,,,," + '""' + "," * 18 + "\n"


def test_undocumented_keys_are_json_in_the_last_column() -> None:
    row = cells(record(mood="fine", hops=[1, {"a": None}]))

    assert json.loads(row["extra"]) == {"mood": "fine", "hops": [1, {"a": None}]}


def test_a_number_under_an_undocumented_key_keeps_its_digits() -> None:
    sent = CallDetailRecord.from_json('{"call_uuid":"c","fee":0.10}')

    assert cells(sent)["extra"] == '{"fee":0.10}'
    assert record_in_row(csv_row(sent)).extra["fee"] == Decimal("0.10")


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_a_word(value: bool) -> None:
    assert cells(record(cnam_lookup=value))["cnam_lookup"] == str(value).lower()


@pytest.mark.parametrize("text", ["a,b", 'a"b', "a\nb", "a\r\nb", "a\rb", " a", "a ", "\n", '"'])
def test_any_character_survives_the_round_trip(text: str) -> None:
    assert record_in_row(csv_row(record(from_number=text))[:-1]).from_number == text


def test_an_unpaired_surrogate_is_escaped() -> None:
    assert cells(record(from_number="\ud800"))["from_number"] == "\\ud800"


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(st.fixed_dictionaries({}, optional={"from_number": _TEXT, "hangup_cause_name": _TEXT, "new": _TEXT}))
def test_any_row_is_read_back_unchanged(sent: dict[str, str]) -> None:
    assert record_in_row(csv_row(record(**sent))[:-1]) == record(**sent)


@given(st.fixed_dictionaries({}, optional={"from_number": _TEXT, "hangup_cause_name": _TEXT, "new": _TEXT}))
def test_any_safe_row_is_read_back_unchanged(sent: dict[str, str]) -> None:
    assert record_in_row(safe_csv_row(record(**sent))[:-1], is_safe=True) == record(**sent)


def test_a_safe_row_has_no_formula_and_its_numbers_are_numbers() -> None:
    row = safe_csv_row(record(from_number="+49", to_number="=1", total_amount="-0.50000", k=";@a")).decode()

    assert row.startswith("c,")
    assert ",'+49,'=1," in row
    assert ",-0.50000," in row
    assert row.endswith(""","{""k"":"";'@a""}"\n""")


def test_the_documented_record_is_read_back() -> None:
    again = record_in_row(csv_row(_DOCUMENTED)[:-1])

    assert again.total_amount == _DOCUMENTED.total_amount
    assert again.end_time == _DOCUMENTED.end_time
    assert again.hangup_cause_code is _DOCUMENTED.hangup_cause_code


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (b"c,d", ValueError),
        (b"c" + b"," * 10 + b"x" + b"," * 15, DecodeError),
        (b"c" + b"," * 11 + b"x" + b"," * 14, ValueError),
        (b"," * 25, DecodeError),
        (b"c" + b"," * 24 + b",{", ValueError),
        (b"c" + b"," * 24 + b",[]", ValueError),
        (b"\xff" + b"," * 25, ValueError),
    ],
)
def test_an_invalid_row_is_refused(row: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        record_in_row(row)


def test_the_format_decides_header_and_lines() -> None:
    assert (header("csv"), header("ndjson")) == (CSV_HEADER, b"")
    assert (encoder("csv"), encoder("ndjson")) == (csv_row, ndjson_line)
