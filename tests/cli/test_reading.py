from __future__ import annotations

import io
import os
import sys

import pytest

from plivo_async.cli.reading import reading_back


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that advances whenever it is read."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def read(records: int, step: float, *, name: str = "calls.ndjson", quiet: bool = False) -> None:
    with reading_back(name, quiet=quiet, clock=Clock(step)) as count:
        for _ in range(records):
            count()


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (80, ["Reading back calls.ndjson: 2,000 records", "Reading back calls.ndjson: 4,000 records"]),
        (40, ["Reading back: 2,000 records", "Reading back: 4,000 records"]),
    ],
)
def test_a_terminal_shows_the_count_in_place(
    width: int, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    read(5999, 0.2)

    assert terminal.getvalue().split("\r\x1b[2K") == ["", *lines, ""]
    assert sys.stderr is terminal


def test_elsewhere_a_line_appears_from_time_to_time(capsys: pytest.CaptureFixture[str]) -> None:
    read(4000, 4.5, name="a\x1bb")

    assert capsys.readouterr().err == "plivo-async: Reading back a\\x1bb: 3,000 records\n"


def test_a_short_file_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    read(999, 100.0)

    assert capsys.readouterr().err == ""


def test_nothing_is_shown_if_that_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    read(4000, 100.0, quiet=True)

    assert capsys.readouterr().err == ""


def test_a_terminal_that_is_gone_does_not_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with open("/dev/full", "w", buffering=1) as gone:
        monkeypatch.setattr(gone, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys, "stderr", gone)
        read(4000, 1.0)

        assert sys.stderr is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), gone.fileno())
