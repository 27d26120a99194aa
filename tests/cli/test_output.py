from __future__ import annotations

import io
import logging
import os
import sys
from pathlib import Path

import click
import pytest
from rich.table import Table

from plivo_async.cli.exit_codes import ExitCode
from plivo_async.cli.output import (
    default_format,
    json_as_sent,
    logging_to_stderr,
    print_table,
    record_writer,
    report,
    write,
)
from plivo_async.cli.streams import flush_or_discard
from plivo_async.record.model import CallDetailRecord

_DOCUMENTED = Path(__file__).parent.parent.joinpath("fixtures", "call_documented.json").read_text()
_RECORD = CallDetailRecord.from_json(_DOCUMENTED)


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    record_writer(default_format())(_RECORD)

    assert "Hang-up" in terminal.getvalue()


def test_a_pipe_gets_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    record_writer(default_format())(_RECORD)

    assert capsys.readouterr().out == _RECORD.to_json() + "\n"


def test_json_can_be_requested_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    record_writer("json")(_RECORD)

    assert terminal.getvalue() == _RECORD.to_json() + "\n"


def test_a_table_can_be_requested_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    record_writer("table")(_RECORD)

    out = capsys.readouterr().out
    assert "Hang-up" in out
    assert "\x1b" not in out


def test_without_a_known_width_a_table_has_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    record_writer("table")(_RECORD)

    assert {len(line) for line in capsys.readouterr().out.splitlines()} == {70}


def test_a_closed_pipe_ends_the_command_without_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(click.exceptions.Exit) as caught:
            write("a line\n")

    assert caught.value.exit_code == ExitCode.BROKEN_PIPE


def test_a_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(click.ClickException, match="cannot write to stdout: No space left on device"):
            write("a line\n")


def test_a_closed_stdout_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(click.ClickException, match="stdout is closed"):
        record_writer(default_format())(_RECORD)


def test_a_report_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    report("first\nsecond\r\n  third")

    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "plivo-async: first second third\n")


def test_a_table_is_dropped_if_stderr_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)

    print_table(Table("never shown"))


def test_a_table_is_dropped_if_stderr_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/null", "w") as null, open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        report("a message")
        print_table(Table())
        # Else the end of the block would flush the message.
        os.dup2(null.fileno(), full.fileno())


@pytest.mark.parametrize("state", ["full", "unread"])
def test_a_table_is_dropped_if_stderr_cannot_be_written_and_stdout_is_as_before(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    target = "/dev/full" if state == "full" else writing
    with open(target, "w", buffering=1) as stderr, open(tmp_path / "stdout", "w") as stdout:
        monkeypatch.setattr(sys, "stderr", stderr)
        monkeypatch.setattr(sys, "stdout", stdout)
        report("never seen")
        print_table(Table("never seen"))
        write("a record\n")
        flush_or_discard()

    assert (tmp_path / "stdout").read_text() == "a record\n"


def test_log_records_go_to_stderr_within_the_block(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("plivo_async.some")
    with logging_to_stderr(2):
        logger.debug("logged")
    logger.debug("not logged")

    assert capsys.readouterr().err == "plivo_async.some: logged\n"


def test_log_records_below_info_are_not_shown_unless_asked_for_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logging_to_stderr(1):
        logging.getLogger("plivo_async.some").debug("not logged")
        logging.getLogger("plivo_async.some").info("logged")

    assert capsys.readouterr().err == "plivo_async.some: logged\n"


def test_log_records_are_not_shown_unless_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # As in a program, without the handlers of pytest: Python would show the warning.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with logging_to_stderr(0):
        logging.getLogger("plivo_async.some").warning("not logged")

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b'{"call_uuid": "A-1",\n "x": 1.10, "y": "\xc3\xbc"}', '{"call_uuid":"A-1","x":1.10,"y":"\\u00fc"}'),
        (b'{"call_uuid": "b-2"}', None),
        (b'{"call_uuid": 5}', None),
        (b"{}", None),
        (b"[]", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_a_body_of_the_call_is_a_line_as_sent(body: bytes, line: str | None) -> None:
    assert json_as_sent(body, "a-1") == line


def test_a_body_that_is_nested_too_deeply_is_no_line() -> None:
    deep = [b'{"call_uuid":"a","x":%s1.5%s}' % (b"[" * n, b"]" * n) for n in (63, 64, 1000, 10**6)]

    assert [json_as_sent(body, "a") for body in deep] == [deep[0].decode(), None, None, None]
