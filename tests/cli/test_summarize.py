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
