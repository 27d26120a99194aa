"""`plivo-async fake`, run in this process."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import signal
import socket
import threading
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plivo_async.cli import fake as fake_module
from plivo_async.cli.app import run
from plivo_async.testing import FakePlivo
from tests.testing.asking import ask


@pytest.fixture
def visited(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Requests a record from the fake once it is served, then ends it with Ctrl-C; holds what was seen."""
    seen: dict[str, Any] = {}
    announce = fake_module.announce

    def visit(exports: str, *more: Any) -> None:
        announce(exports, *more)
        seen["environ"] = dict(word.split("=", 1) for word in shlex.split(exports)[1:])
        thread = threading.Thread(target=request_record)
        seen["thread"] = thread
        thread.start()

    def request_record() -> None:
        environ = seen["environ"]
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        url = environ["PLIVO_ASYNC_BASE_URL"]
        manager.add_password(None, url, environ["PLIVO_AUTH_ID"], environ["PLIVO_AUTH_TOKEN"])
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPBasicAuthHandler(manager)
        )
        try:
            sample = Path("ids.txt").read_text().split()[-1]
            path = f"/v1/Account/{environ['PLIVO_AUTH_ID']}/Call/{sample}/"
            with opener.open(url + path, timeout=30) as response:
                seen["record"] = json.load(response)
        finally:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    monkeypatch.setattr(fake_module, "announce", visit)
    return seen


@pytest.mark.parametrize("more", [[], ["--limit", "none"], ["--limit-kind", "bucket", "--latency", "0.01"]])
def test_fake_prints_its_settings_serves_its_calls_and_ends_on_ctrl_c(
    more: list[str], folder: Path, visited: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fake", "--size", "3", "--seed", "7", "--ids", "ids.txt", *more]) == 0
    visited["thread"].join(30)

    captured = capsys.readouterr()
    assert captured.out.startswith("export PLIVO_AUTH_ID=MA2025RK4E639VJFZAGV PLIVO_AUTH_TOKEN=fake-token ")
    assert captured.out.count("\n") == 1
    # The client sends its credentials only after a 401.
    assert re.fullmatch(
        "plivo-async: serving a fake Plivo with 3 calls; press Ctrl-C to stop\n"
        r"plivo-async: 2 requests \(call: 2\); statuses 200: 1, 401: 1; 1 record in [0-9,]+ bytes sent\n",
        captured.err,
    )
    ids = Path("ids.txt").read_text().split()
    assert ids == list(FakePlivo().generate(3, seed=7))
    assert visited["record"]["call_uuid"] == ids[-1]


def test_beyond_loopback_it_warns_and_exports_the_opt_in(
    folder: Path,
    visited: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "localhost")

    assert run(["fake", "--host", "0.0.0.0", "--size", "3", "--ids", "ids.txt"]) == 0
    visited["thread"].join(30)

    environ = visited["environ"]
    assert re.fullmatch(r"http://localhost:\d+", environ["PLIVO_ASYNC_BASE_URL"])
    assert (environ["NO_PROXY"], environ["PLIVO_ASYNC_ALLOW_HTTP"]) == ("localhost", "1")
    assert visited["record"]["call_uuid"]
    assert capsys.readouterr().err.startswith(
        "plivo-async: warning: it listens on 0.0.0.0, beyond loopback: anybody who reaches this machine "
        "can use it, and clients send their credentials unencrypted. Give them no real ones\n"
    )


@pytest.mark.parametrize(
    ("host", "url", "exported"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080", {"PLIVO_ASYNC_BASE_URL": "http://127.0.0.1:8080"}),
        ("::1", "http://[::1]:8080", {"PLIVO_ASYNC_BASE_URL": "http://[::1]:8080", "NO_PROXY": "::1"}),
        ("localhost", "http://localhost:8080", {"PLIVO_ASYNC_BASE_URL": "http://localhost:8080"}),
        (
            "::",
            "http://[::1]:8080",
            {"PLIVO_ASYNC_BASE_URL": "http://box:8080", "NO_PROXY": "box", "PLIVO_ASYNC_ALLOW_HTTP": "1"},
        ),
        (
            "192.0.2.7",
            "http://192.0.2.7:8080",
            {"PLIVO_ASYNC_BASE_URL": "http://192.0.2.7:8080", "PLIVO_ASYNC_ALLOW_HTTP": "1"},
        ),
    ],
)
def test_the_export_line_fits_the_host(
    host: str, url: str, exported: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "box")

    line = fake_module.export_line(FakePlivo(), host, url)

    environ = dict(word.split("=", 1) for word in shlex.split(line)[1:])
    assert exported.items() <= environ.items()
    assert ("PLIVO_ASYNC_ALLOW_HTTP" in environ) == ("PLIVO_ASYNC_ALLOW_HTTP" in exported)


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("", "host must not be empty"),
        ("192.0.2.7", "cannot listen on 192.0.2.7, port 0: Cannot assign requested address"),
        ("no-such-host.invalid", "cannot listen on no-such-host.invalid, port 0: "),
    ],
)
def test_a_host_that_cannot_be_listened_on_is_reported(
    host: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fake", "--host", host]) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"plivo-async: {message}")
    assert captured.err.count("\n") == 1


def test_faults_and_limit_reach_the_fake(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[FakePlivo] = []
    real = FakePlivo

    def make(**options: Any) -> FakePlivo:
        made.append(real(**options))
        return made[0]

    monkeypatch.setattr("plivo_async.testing.FakePlivo", make)

    def announce(*_: object) -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    monkeypatch.setattr(fake_module, "announce", announce)

    assert run(["fake", "--faults", "0.25", "--seed", "3", "--limit", "100/5"]) == 0

    faults, limit = made[0].random_faults, made[0].rate_limit
    assert faults is not None
    assert limit is not None
    assert (faults.rate, faults.seed) == (0.25, 3)
    assert (limit.requests, limit.per, limit.kind) == (100, 5.0, "fixed")


def test_some_calls_of_the_last_days_are_late() -> None:
    now, passed = datetime(2026, 11, 28, tzinfo=UTC), [0.0]
    fake = FakePlivo((), now=now, clock=lambda: passed[0])

    calls = fake_module.generate(fake, 40, 0, timedelta(days=2), 3)

    with_status = asyncio.run(statuses(fake, calls))
    assert with_status == [404 if index in (0, 13, 26) else 200 for index in range(40)]
    passed[0] = 100.0
    assert asyncio.run(statuses(fake, calls)).count(404) == 2
    assert len(fake.trunk_calls.names) == 4


async def statuses(fake: FakePlivo, calls: list[str]) -> list[int]:
    return [(await ask(fake, call_uuid=call_uuid)).status_code for call_uuid in calls]


def test_without_requests_the_statistics_say_so() -> None:
    assert fake_module.statistics_line(FakePlivo().statistics) == "0 requests"


def test_a_port_in_use_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["fake", "--port", str(port)]) == 1

    assert capsys.readouterr().err == (f"plivo-async: cannot listen on port {port}: Address already in use\n")


def test_ids_that_cannot_be_written_are_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fake", "--ids", "no/ids.txt"]) == 1
    assert capsys.readouterr().err == "plivo-async: cannot write to no/ids.txt: No such file or directory\n"


def test_a_file_with_other_content_is_not_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.txt").write_text("mine\n")

    assert run(["fake", "--size", "3", "--ids", "mine.txt"]) == 1

    assert Path("mine.txt").read_text() == "mine\n"
    assert capsys.readouterr().err == (
        "plivo-async: mine.txt already exists: name another file, or remove it first\n"
    )


@pytest.mark.parametrize("text", ["", "a\nb\n"])
def test_an_empty_file_or_one_with_the_same_ids_is_no_obstacle(text: str, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text(text)

    fake_module.write_ids(tmp_path / "ids.txt", ["a", "b"])

    assert (tmp_path / "ids.txt").read_text() == "a\nb\n"


def test_ids_may_be_written_to_a_device() -> None:
    fake_module.write_ids(Path("/dev/null"), ["a"])


@pytest.mark.parametrize("days", ["nan", "inf", "1e300", "800000", "0", "1e-300"])
def test_days_that_have_no_times_are_refused(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fake", "--days", days]) == 1
    assert "Invalid value for '--days'" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["two..dots", "long" * 16], ids=["two dots", "a long label"])
def test_a_host_that_no_name_server_can_know_is_refused(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fake", "--size", "1", "--host", host]) == 1
    assert f"cannot listen on {host}, port 0: Name or service not known" in capsys.readouterr().err
