"""`summarize`, `fake`, `demo` and `completion`, in this process."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import click
import pytest

from plivo_async.cli import fake as fake_module
from plivo_async.cli.app import run
from plivo_async.testing import FakePlivo


def test_an_export_can_be_summed_up(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["export", "--rate", "none", "-q", "-o", "calls.ndjson", *served.call_uuids])
    run(["export", "--rate", "none", "-q", "-o", "calls.csv", *served.call_uuids])

    assert run(["summarize", "calls.ndjson"]) == 0
    of_ndjson = json.loads(capsys.readouterr().out)
    assert run(["summarize", "calls.csv", "-o", "json"]) == 0

    assert json.loads(capsys.readouterr().out) == of_ndjson
    assert of_ndjson["records"] == 61


def test_a_summary_can_be_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("calls.ndjson").write_text('{"call_uuid":"c","total_amount":"0.10000"}\n{"call_uuid":"d","tot')

    assert run(["summarize", "calls.ndjson", "-o", "table"]) == 0

    captured = capsys.readouterr()
    assert re.search(r"Amount +0\.10000", captured.out)
    assert captured.err == ("plivo-async: calls.ndjson: ignored an incomplete last line (21 bytes)\n")


def test_a_terminal_gets_the_table(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("calls.ndjson").write_text('{"call_uuid":"c"}\n')
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)

    assert run(["summarize", "calls.ndjson"]) == 0
    assert "Hang-up cause" in capsys.readouterr().out


def test_stdin_can_be_summed_up(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("calls.ndjson").write_text('{"call_uuid":"c"}\n')
    with open("calls.ndjson") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run(["summarize", "-"]) == 0

    assert json.loads(capsys.readouterr().out)["records"] == 1


@pytest.mark.parametrize("name", ["no.ndjson", "."])
def test_a_file_that_cannot_be_summed_up_is_told(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["summarize", name]) == 1

    assert capsys.readouterr().err.startswith(f"plivo-async: cannot read {name}: ")


def test_a_file_of_something_else_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("calls").write_text("hello\n")

    assert run(["summarize", "calls"]) == 1
    assert "calls, line 1: not a call detail record: " in capsys.readouterr().err


@pytest.fixture
def visited(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a visitor saw of a fake that `plivo-async fake` serves; it ends the fake with Ctrl-C."""
    seen: dict[str, Any] = {}
    announce = fake_module._announce

    def visit(exports: str, size: int) -> None:
        announce(exports, size)
        seen["environ"] = dict(word.split("=", 1) for word in shlex.split(exports)[1:])
        thread = threading.Thread(target=ask)
        seen["thread"] = thread
        thread.start()

    def ask() -> None:
        environ = seen["environ"]
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        url = environ["PLIVO_ASYNC_BASE_URL"]
        manager.add_password(None, url, environ["PLIVO_AUTH_ID"], environ["PLIVO_AUTH_TOKEN"])
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPBasicAuthHandler(manager)
        )
        sample = Path("ids.txt").read_text().split()[-1]
        with opener.open(f"{url}/v1/Account/{environ['PLIVO_AUTH_ID']}/Call/{sample}/") as answer:
            seen["record"] = json.load(answer)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    monkeypatch.setattr(fake_module, "_announce", visit)
    return seen


@pytest.mark.parametrize("more", [[], ["--limit", "none"], ["--limit-kind", "bucket", "--latency", "0.01"]])
def test_a_fake_says_what_to_export_serves_its_calls_and_ends_with_ctrl_c(
    more: list[str], folder: Path, visited: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fake", "--size", "3", "--seed", "7", "--ids", "ids.txt", *more]) == 0
    visited["thread"].join()

    captured = capsys.readouterr()
    assert captured.out.startswith("export PLIVO_AUTH_ID=MA2025RK4E639VJFZAGV PLIVO_AUTH_TOKEN=fake-token ")
    assert captured.out.count("\n") == 1
    assert captured.err == "plivo-async: serving a fake Plivo with 3 calls; press Ctrl-C to stop\n"
    ids = Path("ids.txt").read_text().split()
    assert ids == list(FakePlivo().generate(3, seed=7))
    assert visited["record"]["call_uuid"] == ids[-1]


def test_a_fake_can_have_bad_days(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[FakePlivo] = []
    real = FakePlivo

    def make(**options: Any) -> FakePlivo:
        made.append(real(**options))
        return made[0]

    monkeypatch.setattr("plivo_async.testing.FakePlivo", make)
    monkeypatch.setattr(
        fake_module,
        "_announce",
        lambda *_: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM),
    )

    assert run(["fake", "--faults", "0.25", "--seed", "3", "--limit", "100/5"]) == 0

    faults, limit = made[0].random_faults, made[0].rate_limit
    assert faults is not None
    assert limit is not None
    assert (faults.rate, faults.seed) == (0.25, 3)
    assert (limit.requests, limit.per, limit.kind) == (100, 5.0, "fixed")


def test_a_port_that_is_taken_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["fake", "--port", str(port)]) == 1

    assert capsys.readouterr().err == (f"plivo-async: cannot listen on port {port}: Address already in use\n")


def test_ids_that_cannot_be_written_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fake", "--ids", "no/ids.txt"]) == 1
    assert capsys.readouterr().err == "plivo-async: cannot write to no/ids.txt: No such file or directory\n"


def test_the_demo_shows_each_command_and_what_it_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLIVO_AUTH_ID", "mine")
    monkeypatch.setenv("PLIVO_ASYNC_PROXY", "http://127.0.0.1:9")

    assert run(["demo", "--size", "40"]) == 0

    captured = capsys.readouterr()
    commands = [line for line in captured.err.splitlines() if line.startswith("plivo-async: $ ")]
    assert [line.split()[3] for line in commands] == ["get", "export", "summarize"]
    assert "Call" in captured.out
    assert re.search(r"Records +40", captured.out)
    assert list(folder.iterdir()) == []
    assert os.environ["PLIVO_AUTH_ID"] == "mine"
    assert "PLIVO_AUTH_TOKEN" not in os.environ


def test_the_files_of_the_demo_can_be_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--size", "5", "--keep", "some/files"]) == 0

    assert len(Path("some/files/calls.ndjson").read_text().splitlines()) == 5


def test_a_folder_that_cannot_be_made_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").touch()

    assert run(["demo", "--keep", "file"]) == 1
    assert capsys.readouterr().err == "plivo-async: cannot create the folder file: File exists\n"


def test_a_demo_that_fails_ends_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLIVO_ASYNC_DEADLINE", "0.000001")

    assert run(["demo", "--size", "5"]) == 3
    assert "summarize" not in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_be_taught_to_complete(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0

    assert f"_PLIVO_ASYNC_COMPLETE={shell}_complete" in capsys.readouterr().out


def test_the_command_completes_its_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_PLIVO_ASYNC_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "plivo-async export --res")
    monkeypatch.setenv("COMP_CWORD", "2")
    with pytest.raises(SystemExit):
        run([])

    assert capsys.readouterr().out == "plain,--resume\n"


def test_no_command_takes_the_token() -> None:
    from plivo_async.cli.app import commands

    names = {
        name for command in commands.commands.values() for option in command.params for name in option.opts
    }

    assert not [name for name in names if "token" in name or "auth" in name]


@pytest.mark.parametrize("name", ["get", "export", "summarize", "fake", "demo", "completion"])
def test_the_help_of_every_command_teaches_with_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([name, "--help"]) == 0
    assert f"  plivo-async {name}" in capsys.readouterr().out


def test_the_commands_are_those() -> None:
    from plivo_async.cli.app import commands

    assert isinstance(commands, click.Group)
    assert list(commands.commands) == ["get", "export", "summarize", "fake", "demo", "completion"]
