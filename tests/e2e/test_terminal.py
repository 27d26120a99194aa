"""The installed command in a pseudo-terminal: its screen and its keys."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections import Counter

from plivo_async.testing import FakePlivo, FakeRateLimit
from tests.e2e.installed_command import PATIENCE_SECONDS, Installed, after_requests

_COLOUR = "\x1b["


def plain(screen: str) -> str:
    """Return the text on a screen, without colours and cursor movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen)


def ids_for(fake: FakePlivo, installed: Installed, size: int) -> list[str]:
    ids = list(fake.generate(size, seed=1))
    (installed.folder / "ids.txt").write_text("\n".join(ids) + "\n")
    return ids


def test_progress_is_one_line_that_is_removed_at_the_end(fake: FakePlivo, installed: Installed) -> None:
    ids = ids_for(fake, installed, 40)
    seen = threading.Event()
    fake.latency = lambda: 0.0 if seen.is_set() else 0.05
    terminal = installed.in_terminal("export", "-i", "ids.txt", "-o", "calls.ndjson", "--concurrency", "2")
    terminal.wait_for(" of 40 · 0 failed · ", "/s", "left", "━")
    seen.set()

    assert terminal.wait() == 0
    # The table follows after the line is removed.
    progress, _, table = terminal.screen.rpartition("\x1b[2K")
    assert " of 40" in plain(progress)
    assert " of 40" not in table
    assert re.search(r"Written +40 in", plain(table))
    assert _COLOUR in table
    lines = (installed.folder / "calls.ndjson").read_text().splitlines()
    assert Counter(json.loads(line)["call_uuid"] for line in lines) == Counter(ids)


def test_the_cursor_is_never_hidden_because_a_killed_export_could_not_show_it_again(
    fake: FakePlivo, installed: Installed
) -> None:
    ids_for(fake, installed, 40)
    fake.latency = 0.05
    terminal = installed.in_terminal("export", "-i", "ids.txt", "-o", "calls.ndjson", "--concurrency", "2")
    terminal.wait_for(" of 40 · ")
    terminal.process.kill()
    terminal.wait()

    assert "\x1b[?25l" not in terminal.screen


def test_a_wait_for_the_rate_limit_is_shown(fake: FakePlivo, installed: Installed) -> None:
    ids_for(fake, installed, 40)
    fake.rate_limit = FakeRateLimit(requests=30, per=2.0)
    terminal = installed.in_terminal("export", "-i", "ids.txt", "-o", "calls.ndjson", "--rate", "30/2")
    terminal.wait_for("waiting ", " s for the rate limit")

    assert terminal.wait() == 0


def test_progress_is_shown_on_the_terminal_while_records_go_to_a_pipe(
    fake: FakePlivo, installed: Installed
) -> None:
    ids = ids_for(fake, installed, 40)
    seen = threading.Event()
    fake.latency = lambda: 0.0 if seen.is_set() else 0.05
    terminal = installed.in_terminal("export", "-i", "ids.txt", "--concurrency", "2", stdout=subprocess.PIPE)
    terminal.wait_for(" of 40 · ")
    seen.set()
    assert terminal.process.stdout is not None
    with terminal.process.stdout as stdout:
        records = stdout.read()

    assert terminal.wait() == 0
    assert Counter(json.loads(line)["call_uuid"] for line in records.splitlines()) == Counter(ids)
    assert "call_uuid" not in terminal.screen


def test_no_progress_is_mixed_with_records_on_the_terminal(fake: FakePlivo, installed: Installed) -> None:
    ids_for(fake, installed, 10)
    fake.latency = 0.1
    terminal = installed.in_terminal("export", "-i", "ids.txt", "--concurrency", "2", "--summary", "none")

    assert terminal.wait() == 0
    assert len([json.loads(line) for line in terminal.screen.splitlines()]) == 10


def test_ctrl_c_ends_the_export_cleanly_and_prints_the_command_to_continue(
    fake: FakePlivo, installed: Installed
) -> None:
    ids = ids_for(fake, installed, 200)
    many = after_requests(fake, 60, latency=0.02)
    terminal = installed.in_terminal("export", "-i", "ids.txt", "-o", "calls.ndjson")
    assert many.wait(PATIENCE_SECONDS)
    terminal.type(b"\x03")

    assert terminal.wait() == 130
    fake.latency = 0.0
    assert "Traceback" not in terminal.screen
    assert re.search(r"(\n|\x1b\[2K|\^C)plivo-async: SIGINT: finishing", terminal.screen)
    assert "to continue: plivo-async export --resume -i ids.txt -o calls.ndjson" in plain(terminal.screen)
    assert installed.run("export", "-q", "-i", "ids.txt", "-o", "calls.ndjson", "--resume").returncode == 0
    lines = (installed.folder / "calls.ndjson").read_text().splitlines()
    assert Counter(json.loads(line)["call_uuid"] for line in lines) == Counter(ids)


def test_repeated_ctrl_c_ends_the_export_without_a_traceback(fake: FakePlivo, installed: Installed) -> None:
    ids_for(fake, installed, 50)
    arrived = after_requests(fake, 1, latency=3600.0)
    terminal = installed.in_terminal("export", "-i", "ids.txt", "-o", "calls.ndjson")
    assert arrived.wait(PATIENCE_SECONDS)
    terminal.type(b"\x03")
    terminal.wait_for("repeat it to stop immediately")
    terminal.type(b"\x03")
    terminal.type(b"\x03\x03")

    assert terminal.wait() == 130
    assert "Traceback" not in terminal.screen


def test_log_lines_and_the_progress_line_are_both_shown(fake: FakePlivo, installed: Installed) -> None:
    ids_for(fake, installed, 30)
    fake.script([503] * 3)
    seen = threading.Event()
    fake.latency = lambda: 0.0 if seen.is_set() else 0.05
    terminal = installed.in_terminal("export", "-v", "-i", "ids.txt", "-o", "c.ndjson", "--concurrency", "2")
    terminal.wait_for(" of 30 · ", "plivo_async.retry: attempt 1 failed")
    seen.set()

    assert terminal.wait() == 0
    logged = [line for line in terminal.screen.split("\n") if "plivo_async.retry" in line]
    # Each in a line of its own, above the progress.
    assert all(line.rpartition("\x1b[2K")[2].startswith("plivo_async.retry: ") for line in logged)
    assert len(logged) >= 3


def test_a_terminal_gets_a_table_from_summarize(fake: FakePlivo, installed: Installed) -> None:
    ids_for(fake, installed, 10)
    installed.run("export", "-q", "-i", "ids.txt", "-o", "calls.ndjson")
    terminal = installed.in_terminal("summarize", "calls.ndjson")

    assert terminal.wait() == 0
    assert re.search(r"Records +10", plain(terminal.screen))
    assert _COLOUR in terminal.screen


def test_demo_runs_get_export_and_summarize(installed: Installed) -> None:
    for name in [name for name in installed.environ if name.startswith("PLIVO_")]:
        del installed.environ[name]
    terminal = installed.in_terminal("demo", "--size", "60")

    assert terminal.wait() == 0
    screen = plain(terminal.screen)
    for shown in ("$ plivo-async get", "$ plivo-async export", "$ plivo-async summarize", "Hang-up cause"):
        assert shown in screen
