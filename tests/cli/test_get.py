"""`plivo-async get`, run in this process against the fake over a socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TextIO

import pytest

import plivo_async.testing
from plivo_async.cli.app import run
from plivo_async.testing import DOCUMENTED_CALL, Drop, FakePlivo, StubResponse

_DOCUMENTED = DOCUMENTED_CALL["call_uuid"]
_NO_RETRY = {"Retry-After": "3600"}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer may have a proxy for http:// URLs."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakePlivo:
    """The fake that the command uses."""
    fake = FakePlivo()
    monkeypatch.setattr(plivo_async.testing, "FakePlivo", lambda: fake)
    return fake


@contextmanager
def account(
    monkeypatch: pytest.MonkeyPatch, token: str | None = None
) -> Generator[tuple[FakePlivo, str], None, None]:
    """A served fake and its URL; its credentials, or a wrong token, are in the environment."""
    fake = FakePlivo()
    with fake.serve() as url:
        monkeypatch.setenv("PLIVO_AUTH_ID", fake.auth_id)
        monkeypatch.setenv("PLIVO_AUTH_TOKEN", token or fake.auth_token)
        yield fake, url


def messages(captured: str) -> list[str]:
    """Return the lines of stderr without the one that names the fake."""
    return [line for line in captured.splitlines() if "using the built-in fake" not in line]


def test_fake_returns_the_documented_record(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["get", "--fake"]) == 0

    captured = capsys.readouterr()
    assert json.loads(captured.out) == DOCUMENTED_CALL
    assert captured.err.startswith("plivo-async: using the built-in fake Plivo at http://127.0.0.1:")
    assert captured.err.count("\n") == 1


def test_json_has_every_key_and_digit_as_sent(capsys: pytest.CaptureFixture[str]) -> None:
    run(["get", "--fake", "-o", "json"])

    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert list(json.loads(out)) == list(DOCUMENTED_CALL)
    assert '"total_amount":"0.01667"' in out


def test_a_table_can_be_requested(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["get", "--fake", "-o", "table", _DOCUMENTED]) == 0

    out = capsys.readouterr().out
    assert "8011 Invalid Answer XML" in out
    assert _DOCUMENTED in out


def test_try_without_credentials_uses_the_fake_and_gives_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["get", "--try", _DOCUMENTED]) == 0

    captured = capsys.readouterr()
    assert json.loads(captured.out)["call_uuid"] == _DOCUMENTED
    assert captured.err.startswith("plivo-async: no credentials set: using the built-in fake Plivo at http")


def test_try_with_credentials_uses_plivo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with account(monkeypatch) as (_, url):
        monkeypatch.setattr("plivo_async.cli.client.DEFAULT_BASE_URL", url)
        assert run(["get", "--try", _DOCUMENTED]) == 0

    captured = capsys.readouterr()
    assert json.loads(captured.out)["call_uuid"] == _DOCUMENTED
    assert (
        captured.err == f"plivo-async: credentials found in PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN: using {url}\n"
    )


def test_try_with_credentials_uses_the_url_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with account(monkeypatch) as (_, url):
        monkeypatch.setenv("PLIVO_ASYNC_BASE_URL", url)
        assert run(["get", "--try", _DOCUMENTED]) == 0

    captured = capsys.readouterr()
    assert json.loads(captured.out)["call_uuid"] == _DOCUMENTED
    assert captured.err.endswith(f": using {url}\n")


def test_with_credentials_only_the_record_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with account(monkeypatch) as (_, url):
        assert run(["get", "--base-url", url, _DOCUMENTED]) == 0

    assert capsys.readouterr().err == ""


def test_the_option_goes_before_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    with account(monkeypatch) as (_, url):
        monkeypatch.setenv("PLIVO_ASYNC_BASE_URL", "https://nobody.invalid")
        assert run(["get", "--base-url", url, _DOCUMENTED]) == 0


@pytest.mark.parametrize(("option", "switch"), [("--allow-http", ""), (None, "1")])
def test_plain_http_beyond_loopback_works_by_an_opt_in(
    option: str | None,
    switch: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake = FakePlivo()
    monkeypatch.setenv("PLIVO_AUTH_ID", fake.auth_id)
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", fake.auth_token)
    with fake.serve(host="0.0.0.0") as url:
        # On Linux and macOS this address reaches the machine itself; the client cannot know that.
        elsewhere = url.replace("127.0.0.1", "0.0.0.0")
        assert run(["get", "--base-url", elsewhere, _DOCUMENTED]) == 1
        assert "PLIVO_ASYNC_ALLOW_HTTP=1" in capsys.readouterr().err
        assert not fake.requests
        monkeypatch.setenv("PLIVO_ASYNC_ALLOW_HTTP", switch)
        options = [] if option is None else [option]
        assert run(["get", *options, "--base-url", elsewhere, _DOCUMENTED]) == 0


def test_the_variable_goes_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    with account(monkeypatch) as (_, url):
        monkeypatch.setenv("PLIVO_ASYNC_BASE_URL", url)
        assert run(["get", _DOCUMENTED]) == 0


def test_records_keep_the_order_of_the_arguments_even_if_the_first_is_slow(
    fake: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    requested = list(fake.generate(20, seed=1))
    fake.script([StubResponse(200, delay=0.1)], call_uuid=requested[0])

    assert run(["get", "--fake", *requested]) == 0

    assert [json.loads(line)["call_uuid"] for line in capsys.readouterr().out.splitlines()] == requested


def test_an_unknown_call_is_reported_and_the_others_are_written(
    fake: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["get", "--fake", "no-such-call", _DOCUMENTED]) == 1

    captured = capsys.readouterr()
    assert json.loads(captured.out)["call_uuid"] == _DOCUMENTED
    (line,) = messages(captured.err)
    assert line.startswith("plivo-async: no-such-call: NotFoundError: HTTP 404: CDR for call uuid not found")


def test_an_invalid_id_is_reported_and_exits_1(fake: FakePlivo, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["get", "--fake", "a b/../c"]) == 1

    (line,) = messages(capsys.readouterr().err)
    assert line.startswith("plivo-async: 'a b/../c': InvalidCallUUIDError: ")
    assert fake.requests == ()


def test_refused_credentials_exit_2_and_end_the_requests(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requested = [f"call-{number}" for number in range(40)]
    with account(monkeypatch, "s3cr3t") as (fake, url):
        assert run(["get", "--base-url", url, *requested]) == 2

    captured = capsys.readouterr()
    *lines, last = captured.err.splitlines()
    assert 1 <= len(lines) <= 16
    assert [line.split(": ")[1] for line in lines] == requested[: len(lines)]
    assert all("AuthenticationError" in line for line in lines)
    assert "check PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN" in lines[0]
    assert last == f"plivo-async: {40 - len(lines)} calls not requested: the credentials were refused"
    assert 1 <= len(fake.requests) <= 8
    assert captured.out == ""
    assert "s3cr3t" not in captured.err


def test_refused_credentials_are_reported_once_for_one_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with account(monkeypatch, "s3cr3t") as (_, url):
        assert run(["get", "--base-url", url, _DOCUMENTED]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"plivo-async: {_DOCUMENTED}: AuthenticationError: HTTP 401")


def test_a_repeated_id_is_fetched_once_and_written_twice(
    fake: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["get", "--fake", _DOCUMENTED, _DOCUMENTED]) == 0

    first, second = capsys.readouterr().out.splitlines()
    assert first == second
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("fault", "code", "name"),
    [
        (StubResponse(403), 2, "PermissionDeniedError"),
        (StubResponse(500, headers=_NO_RETRY), 3, "ServerError"),
        (StubResponse(503, headers=_NO_RETRY), 3, "ServerError"),
        (StubResponse(429, headers=_NO_RETRY), 4, "RateLimitError"),
        (StubResponse(400), 1, "BadRequestError"),
        (StubResponse(302), 3, "RedirectError"),
        (StubResponse(200, "[]"), 3, "DecodeError"),
        (StubResponse(200, {"call_uuid": "another"}), 3, "RecordMismatchError"),
    ],
)
def test_the_error_decides_the_exit_code(
    fault: StubResponse, code: int, name: str, fake: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.script([fault])

    assert run(["get", "--fake", _DOCUMENTED]) == code

    captured = capsys.readouterr()
    (line,) = messages(captured.err)
    assert line.startswith(f"plivo-async: {_DOCUMENTED}: {name}: ")
    assert captured.out == ""


def test_json_of_a_record_that_cannot_be_read_is_printed_as_sent_with_a_warning(
    fake: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    sent = {**DOCUMENTED_CALL, "total_amount": "0,01667"}
    fake.script([StubResponse(200, sent)])

    assert run(["get", "--fake", "-o", "json", _DOCUMENTED]) == 0

    captured = capsys.readouterr()
    assert json.loads(captured.out) == sent
    (line,) = messages(captured.err)
    assert line.startswith(f"plivo-async: {_DOCUMENTED}: warning: printed as sent: the call detail record")


def test_a_table_of_a_record_that_cannot_be_read_is_a_failure(
    fake: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.script([StubResponse(200, {**DOCUMENTED_CALL, "total_amount": "0,01667"})])

    assert run(["get", "--fake", "-o", "table", _DOCUMENTED]) == 3

    assert capsys.readouterr().out == ""


def test_a_deadline_that_ends_the_wait_for_the_limit_exits_4(
    fake: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.script([StubResponse(429, headers={"Retry-After": "30"})])

    assert run(["get", "--fake", "--deadline", "20"]) == 4

    assert "RateLimitTimeoutError" in capsys.readouterr().err


def test_a_timeout_exits_3(fake: FakePlivo, capsys: pytest.CaptureFixture[str]) -> None:
    fake.script([StubResponse(200, delay=3600.0)] * 3)

    assert run(["get", "--fake", "--timeout", "0.2", "--deadline", "0.3"]) == 3

    assert "DeadlineExceededError" in capsys.readouterr().err


def test_the_most_urgent_error_decides_the_exit_code(fake: FakePlivo) -> None:
    fake.script([StubResponse(503, headers=_NO_RETRY)], call_uuid="a")
    fake.script([StubResponse(403)], call_uuid="b")

    assert run(["get", "--fake", "a", "b", "c", _DOCUMENTED]) == 2


def test_verbose_logs_a_retry(fake: FakePlivo, capsys: pytest.CaptureFixture[str]) -> None:
    fake.script([StubResponse(503, headers={"Retry-After": "0"})])

    assert run(["get", "--fake", "--verbose"]) == 0

    assert "plivo_async.retry: attempt 1 failed (HTTP 503)" in capsys.readouterr().err


def test_a_dropped_connection_is_retried_silently(
    fake: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.script([Drop()])

    assert run(["get", "--fake"]) == 0

    captured = capsys.readouterr()
    assert messages(captured.err) == []
    assert json.loads(captured.out)["call_uuid"] == _DOCUMENTED


@pytest.fixture
def closed_pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[], TextIO]:
    def replace_stdout() -> TextIO:
        reading, writing = os.pipe()
        os.close(reading)
        stdout = open(writing, "w")  # noqa: SIM115 - the test closes it
        monkeypatch.setattr(sys, "stdout", stdout)
        return stdout

    return replace_stdout


def test_a_closed_pipe_ends_the_command_without_a_message(
    fake: FakePlivo, closed_pipe: Callable[[], TextIO], capsys: pytest.CaptureFixture[str]
) -> None:
    requested = list(fake.generate(40, seed=1))
    fake.script([StubResponse(200, delay=3600.0)] * 8, call_uuid=requested[1])

    with closed_pipe():
        assert run(["get", "--fake", *requested]) == 141

    assert messages(capsys.readouterr().err) == []


def test_ctrl_c_during_a_call_exits_130_without_a_traceback(
    fake: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    def press_ctrl_c() -> float:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return 3600.0

    fake.latency = press_ctrl_c

    assert run(["get", "--fake"]) == 130

    captured = capsys.readouterr()
    assert (captured.out, messages(captured.err)) == ("", [""])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_during_a_call_ends_the_command_without_a_message(
    number: signal.Signals, code: int, fake: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    def press() -> float:
        signal.pthread_kill(threading.main_thread().ident or 0, number)
        return 3600.0

    fake.latency = press
    before = signal.getsignal(number)

    assert run(["get", "--fake"]) == code
    assert messages(capsys.readouterr().err) == []
    assert signal.getsignal(number) is before


def test_an_ignored_hangup_does_not_end_a_call(fake: FakePlivo) -> None:
    def press() -> float:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGHUP)
        return 0.0

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    fake.latency = press

    assert run(["get", "--fake"]) == 0


def test_python_m_prints_only_the_record() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PLIVO_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "plivo_async", "get", "--try", _DOCUMENTED],
        capture_output=True,
        text=True,
        check=False,
        env=environ,
        timeout=60,
    )

    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert json.loads(done.stdout) == DOCUMENTED_CALL
