from __future__ import annotations

import asyncio
import io
import re
import sys

import pytest
from attrs import evolve
from rich.console import Console

from plivo_async.cli.export.progress import (
    LiveDisplay,
    PaceMeter,
    PlainDisplay,
    RateMeter,
    Snapshot,
    cause_text,
    choose_display,
    long_pause,
    progress_bar,
    short_waiting_text,
    show_progress,
    waiting_text,
)
from plivo_async.cli.output import report
from plivo_async.errors import NetworkError, RateLimitError
from plivo_async.resources.holding import Holding


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("snapshot", "text"),
    [
        (Snapshot(done=0), "0 · 0 failed · 0.0/s"),
        (Snapshot(done=1220, failed=3, rate=58.34), "1,220 · 3 failed · 58.3/s"),
        (Snapshot(done=20, left=80), "20 of 100 · 0 failed · 0.0/s"),
        (Snapshot(done=20, left=80, rate=10.0), "20 of 100 · 0 failed · 10.0/s · 8.0 s left"),
        (Snapshot(done=1, left=5999, rate=60.0), "1 of 6,000 · 0 failed · 60.0/s · 0:01:40 left"),
        (Snapshot(done=1, waiting="waiting"), "1 · 0 failed · 0.0/s · waiting"),
    ],
)
def test_a_snapshot_is_one_line(snapshot: Snapshot, text: str) -> None:
    assert snapshot.text() == text


def test_the_rate_covers_the_last_15_seconds() -> None:
    meter = RateMeter()

    assert meter.rate(0.0, 0) == 0.0
    assert meter.rate(10.0, 300) == 30.0
    assert meter.rate(20.0, 300) == 15.0
    assert meter.rate(25.0, 300) == 0.0


def test_the_pace_is_the_rate_outside_of_long_pauses() -> None:
    meter = PaceMeter()

    assert meter.rates(1000.0, 0) == (0.0, 0.0)
    assert meter.rates(1010.0, 600) == (60.0, 60.0)
    assert meter.rates(1040.0, 600, is_paused=True) == (0.0, 60.0)
    assert meter.rates(1070.0, 600, is_paused=True) == (0.0, 60.0)
    assert meter.rates(1071.0, 660)[1] == 60.0


@pytest.mark.parametrize(
    ("holding", "pause"),
    [
        (None, None),
        (Holding("rate limit", 90.0), None),
        (Holding("rate limit", 90.0, 104.9), None),
        (Holding("rate limit", 90.0, 160.0), 60.0),
        (Holding("throttled", 90.0, 102.0), 2.0),
        (Holding("outage", 90.0), 0.0),
    ],
)
def test_the_waits_of_every_window_are_no_long_pause(holding: Holding | None, pause: float | None) -> None:
    assert long_pause(holding, 100.0) == pause


def test_the_time_left_includes_a_known_pause() -> None:
    assert Snapshot(done=20, left=600, rate=0.0, pace=60.0, pause=110.8).seconds_left == 120.8


def test_the_time_left_does_not_expect_more_than_the_rate_limit_allows() -> None:
    assert Snapshot(done=300, left=600, rate=400.0, max_rate=60.0).seconds_left == 10.0


def bar(snapshot: Snapshot, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as captured:
        console.print(progress_bar(snapshot, width))
    return captured.get()


_BUSY = Snapshot(
    done=123_456,
    failed=12,
    left=76_544,
    rate=60.0,
    pause=85.0,
    waiting="waiting 85.0 s after HTTP 429",
    short_waiting="waiting 85.0 s",
)
_OUTAGE = Snapshot(
    done=900,
    left=2100,
    pace=60.0,
    waiting="no success for 20.0 s, next probe in 3.2 s (NetworkError)",
    short_waiting="next probe in 3.2 s",
)


@pytest.mark.parametrize(
    ("snapshot", "width", "lines"),
    [
        (
            _BUSY,
            160,
            ["123,456 of 200,000 · 12 failed · 60.0/s · 0:22:41 left · waiting 85.0 s after HTTP 429"],
        ),
        (_BUSY, 80, ["123,456 of 200,000 · 12 failed · 60.0/s · 0:22:41 left · waiting 85.0 s"]),
        (_BUSY, 69, ["123,456 of 200,000 · 12 failed · 0:22:41 left · waiting 85.0 s"]),
        (_BUSY, 56, ["123,456 of 200,000 · 12 failed · 60.0/s · 0:22:41 left"]),
        (_BUSY, 48, ["123,456 of 200,000 · 12 failed · 0:22:41 left"]),
        (_BUSY, 39, ["123,456 of 200,000 · 12 failed", "60.0/s · 0:22:41 left · waiting 85.0 s"]),
        (_BUSY, 29, ["123,456 of 200,000", "60.0/s · 0:22:41 left"]),
        (_BUSY, 12, ["", "0:22:41 left"]),
        (_OUTAGE, 39, ["900 of 3,000 · 0 failed", "0.0/s · 35.0 s left"]),
    ],
)
def test_a_narrow_terminal_shows_less_but_cuts_no_number(
    snapshot: Snapshot, width: int, lines: list[str]
) -> None:
    assert snapshot.lines(width) == lines


@pytest.mark.parametrize("width", [39, 58, 59, 79, 98, 99, 159])
def test_the_text_beside_a_bar_fits_and_the_bar_does_not_depend_on_it(width: int) -> None:
    shown = [bar(snapshot, width) for snapshot in (_BUSY, _OUTAGE, Snapshot(done=0, left=0))]

    assert all(len(line) <= width for text in shown for line in text.splitlines())
    assert not any("…" in text for text in shown)
    assert {text.index(" of ") - len(text.split(" of ")[0].split()[-1]) for text in shown} == {
        21 if width >= 99 else 11 if width >= 59 else 0
    }


def test_an_ascii_terminal_gets_commas() -> None:
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=100)
    with console.capture() as captured:
        console.print(progress_bar(Snapshot(done=5, left=5), 100, ascii_only=True))

    assert captured.get().encode("ascii").split(None, 1)[1] == b"5 of 10, 0 failed, 0.0/s\n"


def test_a_bar_is_as_long_as_the_share_done() -> None:
    assert [bar(Snapshot(done=n, left=10 - n)).count("━") for n in (0, 5, 10)] == [0, 10, 20]
    assert "5 of 10" in bar(Snapshot(done=5, left=5))


def test_a_bar_needs_no_total() -> None:
    assert "7 · 0 failed" in bar(Snapshot(done=7))


def test_the_bar_of_an_empty_export_is_full() -> None:
    assert "0 of 0" in bar(Snapshot(done=0, left=0))


def test_a_terminal_gets_a_live_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    # Without colours the rest of the bar is blank.
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    shown = choose_display(quiet=False)
    assert isinstance(shown, LiveDisplay)
    shown.show(Snapshot(done=3, left=4))
    report("a message")
    shown.show(Snapshot(done=4, left=3))
    shown.close()

    assert sys.stderr is terminal
    text = re.sub(r"\x1b\[[0-9;]*m|[━╸╺]", "", terminal.getvalue())
    assert text.split("\r\x1b[2K") == [
        "",
        " 3 of 7 · 0 failed · 0.0/s",
        "plivo-async: a message\n 3 of 7 · 0 failed · 0.0/s",
        " 4 of 7 · 0 failed · 0.0/s",
        "",
    ]


@pytest.mark.parametrize("term", ["dumb", "xterm"])
def test_plain_lines_are_chosen_without_a_capable_terminal(
    term: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", term)
    if term == "dumb":
        monkeypatch.setattr(sys, "stderr", Terminal())
    shown = choose_display(quiet=False)

    assert isinstance(shown, PlainDisplay)


def test_plain_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    shown = PlainDisplay(1.0)
    shown.show(Snapshot(done=3, left=4))
    shown.close()

    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "plivo-async: 3 of 7 · 0 failed · 0.0/s\n")


@pytest.mark.parametrize("options", [{"quiet": True}, {"quiet": False, "shares_terminal": True}])
def test_no_display_if_quiet_or_if_records_share_the_terminal(options: dict[str, bool]) -> None:
    assert choose_display(**options) is None


def test_no_display_if_stderr_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)

    assert choose_display(quiet=False) is None


class Recording:
    """A display that records what it is shown."""

    interval = 0.0

    def __init__(self, *, broken: bool = False) -> None:
        self.shown: list[int] = []
        self.closed = 0
        self.broken = broken
        self.several = asyncio.Event()

    def show(self, snapshot: Snapshot) -> None:
        self.shown.append(snapshot.done)
        if len(self.shown) >= 3 or self.broken:
            self.several.set()
        if self.broken:
            raise BrokenPipeError

    def close(self) -> None:
        self.closed += 1
        if self.broken:
            raise BrokenPipeError


async def test_progress_is_shown_repeatedly_until_the_end() -> None:
    recording = Recording()
    async with show_progress(recording, lambda: Snapshot(done=7)):
        await asyncio.wait_for(recording.several.wait(), 30)

    assert set(recording.shown) == {7}
    assert recording.closed == 1


async def test_a_broken_stderr_does_not_stop_the_export() -> None:
    recording = Recording(broken=True)
    async with show_progress(recording, lambda: Snapshot(done=7)):
        await asyncio.wait_for(recording.several.wait(), 30)
        await asyncio.sleep(0)

    assert recording.shown == [7]


async def test_without_a_display_no_task_is_started() -> None:
    async with show_progress(None, lambda: Snapshot(done=7)):
        assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize(
    ("holding", "expected", "short"),
    [
        (None, "", ""),
        (Holding("rate limit", 90.0, 102.34), "waiting 2.3 s for the rate limit", "waiting 2.3 s"),
        (Holding("rate limit", 90.0, 100.05), "", ""),
        (Holding("rate limit", 90.0), "waiting for the rate limit", "waiting"),
        (
            Holding("throttled", 90.0, 185.0, RateLimitError("x", status=429)),
            "waiting 85.0 s after HTTP 429",
            "waiting 85.0 s",
        ),
        (
            Holding("outage", 80.0, 103.2),
            "no success for 20.0 s, next probe in 3.2 s",
            "next probe in 3.2 s",
        ),
        (
            Holding("outage", 80.0, None, NetworkError("x")),
            "no success for 20.0 s, probing (NetworkError)",
            "probing",
        ),
    ],
)
def test_the_progress_says_why_it_waits(holding: Holding | None, expected: str, short: str) -> None:
    assert waiting_text(holding, 100.0) == expected
    assert short_waiting_text(holding, 100.0) == short


@pytest.mark.parametrize(
    ("holding", "expected"),
    [
        (None, ""),
        (Holding("outage", 80.0, 103.2), ""),
        (
            Holding("outage", 80.0, 103.2, NetworkError("connecting to 127.0.0.1:9")),
            "connecting to 127.0.0.1:9",
        ),
        (Holding("throttled", 90.0, 185.0, RateLimitError("x", status=429)), ""),
    ],
)
def test_the_cause_of_an_outage_names_the_server(holding: Holding | None, expected: str) -> None:
    assert cause_text(holding) == expected


def test_the_cause_is_in_a_log_and_on_a_wide_terminal() -> None:
    snapshot = evolve(_OUTAGE, cause="connecting to 127.0.0.1:9")
    assert snapshot.text() == f"{_OUTAGE.text()} · connecting to 127.0.0.1:9"
    assert snapshot.lines(160) == [snapshot.text()]
    assert snapshot.lines(len(snapshot.text()) - 1) == [_OUTAGE.text()]
