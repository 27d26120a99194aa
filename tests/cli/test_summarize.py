"""`plivo-async summarize`, run in this process."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from plivo_async.cli.app import run
from plivo_async.testing import FakePlivo


def test_ndjson_and_csv_have_the_same_sums(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["export", "--rate", "none", "-q", "-o", "calls.ndjson", *served.call_uuids])
    run(["export", "--rate", "none", "-q", "-o", "calls.csv", *served.call_uuids])

    assert run(["summarize", "calls.ndjson"]) == 0
    of_ndjson = json.loads(capsys.readouterr().out)
    assert run(["summarize", "calls.csv", "-o", "json"]) == 0

    assert json.loads(capsys.readouterr().out) == of_ndjson
    assert of_ndjson["records"] == 61


def test_a_table_can_be_requested_and_an_incomplete_last_line_is_ignored(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("calls.ndjson").write_text('{"call_uuid":"c","total_amount":"0.10000"}\n{"call_uuid":"d","tot')

    assert run(["summarize", "calls.ndjson", "-o", "table"]) == 0

    captured = capsys.readouterr()
    assert re.search(r"Amount +0\.10000", captured.out)
    assert captured.err == ("plivo-async: calls.ndjson: ignored an incomplete last line (21 bytes)\n")


def test_a_terminal_gets_a_table(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("calls.ndjson").write_text('{"call_uuid":"c"}\n')
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert run(["summarize", "calls.ndjson"]) == 0
    assert "Hang-up cause" in capsys.readouterr().out


def test_a_dash_reads_stdin(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("calls.ndjson").write_text('{"call_uuid":"c"}\n')
    with open("calls.ndjson") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run(["summarize", "-"]) == 0

    assert json.loads(capsys.readouterr().out)["records"] == 1


@pytest.mark.parametrize("name", ["no.ndjson", "."])
def test_an_unreadable_file_is_reported(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["summarize", name]) == 1

    assert capsys.readouterr().err.startswith(f"plivo-async: cannot read {name}: ")


def test_a_file_that_is_not_an_export_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("calls").write_text("hello\n")

    assert run(["summarize", "calls"]) == 1
    assert "calls, line 1: not a call detail record: " in capsys.readouterr().err


@pytest.mark.parametrize("text", ['[{"call_uuid": "c"}]', '{"meta": {}, "objects": []}', "hello"])
def test_a_value_without_a_newline_that_is_no_record_is_reported(
    text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("calls").write_text(text)

    assert run(["summarize", "calls"]) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("plivo-async: calls, line 1: not a call detail record, nor the beginning")


def test_a_closed_stdin_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)

    assert run(["summarize", "-"]) == 1
    assert capsys.readouterr().err == "plivo-async: stdin is closed\n"


def test_an_input_that_cannot_be_read_is_reported(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with os.fdopen(os.open("written", os.O_CREAT | os.O_WRONLY), "w") as written:
        reader = os.fdopen(os.dup(written.fileno()), "rb")
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=reader))
        with reader:
            assert run(["summarize", "-"]) == 1

    assert capsys.readouterr().err == "plivo-async: cannot read -: Bad file descriptor\n"


def line(call_uuid: str, end: str = "2026-01-31 23:30:00+00:00", **sent: object) -> str:
    facts = {"call_uuid": call_uuid, "end_time": end, "total_amount": "0.10000", "call_direction": "outbound"}
    return json.dumps({**facts, **sent}) + "\n"


def test_a_call_in_several_files_is_counted_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.ndjson").write_text(line("c") + line("d"))
    Path("b.csv").write_text(
        "call_uuid;total_amount;api_id;end_time\nC;0,10000;;\ne;0,20000;;\nTotal;0,3;;\n"
    )

    assert run(["summarize", "a.ndjson", "b.csv", "a.ndjson", "-o", "json"]) == 0
    sums = json.loads(capsys.readouterr().out)
    assert (sums["records"], sums["amount"], sums["repeated"], sums["without_id"]) == (3, "0.40000", 3, 1)

    assert run(["summarize", "a.ndjson", "b.csv", "-o", "table"]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"Files +2\b", shown)
    assert re.search(r"Repeated +1 record, not counted again", shown)
    assert re.search(r"Without id +1 row\b", shown)


def test_groups_are_shown_with_bars_in_the_zone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("calls.ndjson").write_text(line("c", from_number="1") + line("d", "2026-02-02 23:30:00+00:00"))
    command = ["summarize", "calls.ndjson", "--by", "day", "--by", "number", "--zone", "Europe/Berlin"]

    assert run([*command, "-o", "table"]) == 0
    shown = capsys.readouterr().out
    assert "Day (Europe/Berlin)" in shown
    assert re.search(r"2026-02-01 +░+ +1 .*\n.*2026-02-02 +0 .*\n.*2026-02-03 +░+ +1 ", shown)
    assert "2026-02-01 00:30+01:00 to 2026-02-03 00:30+01:00" in shown
    assert "Hang-up cause" not in shown

    assert run([*command, "-o", "json"]) == 0
    sums = json.loads(capsys.readouterr().out)
    assert [(row["day"], row["records"]) for row in sums["by_day"]] == [
        ("2026-02-01", 1), ("2026-02-02", 0), ("2026-02-03", 1)
    ]  # fmt: skip
    assert [row["number"] for row in sums["by_number"]] == ["", "1"]


def test_a_time_at_the_end_of_the_calendar_keeps_its_zone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("calls.ndjson").write_text(line("c", "9999-12-31 23:30:00+00:00"))

    assert run(["summarize", "calls.ndjson", "--zone", "+05:30", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["last_end_time"] == "9999-12-31 23:30:00+00:00"
    Path("calls.ndjson").write_text('{"call_uuid":"c"}\n')
    assert run(["summarize", "calls.ndjson", "--zone", "+05:30", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["last_end_time"] is None


@pytest.mark.parametrize(("form", "start"), [("html", "<!DOCTYPE html>"), ("svg", "<svg ")])
def test_a_report_is_written_to_stdout(
    form: str, start: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("calls.ndjson").write_text(line("c"))

    assert run(["summarize", "calls.ndjson", "--by", "cause", "-o", form]) == 0
    assert capsys.readouterr().out.startswith(start)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-", "-"], "stdin (-) is named twice"),
        ([], "Missing argument"),
        (["calls.ndjson", "--zone", "Mars"], "'Mars': no such time zone; expected"),
        (["calls.ndjson", "other"], "cannot read other: "),
    ],
)
def test_wrong_arguments_are_refused(
    more: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("calls.ndjson").write_text(line("c"))

    assert run(["summarize", *more]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
