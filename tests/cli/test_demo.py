"""`plivo-async demo`, run in this process."""

from __future__ import annotations

import os
import re
import signal
import tempfile
from pathlib import Path

import pytest

from plivo_async.cli import demo as demo_module
from plivo_async.cli.app import run


def test_demo_shows_each_command_and_its_output(
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


def test_keep_keeps_the_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--size", "5", "--keep", "some/files"]) == 0

    assert len(Path("some/files/calls.ndjson").read_text().splitlines()) == 5


@pytest.mark.parametrize("name", ["ids.txt", "calls.ndjson", "calls.ndjson.failed"])
def test_keep_replaces_no_file(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(name).write_text("mine\n")

    assert run(["demo", "--size", "5", "--keep", "."]) == 1

    assert Path(name).read_text() == "mine\n"
    assert [path.name for path in folder.iterdir()] == [name]
    assert capsys.readouterr().err == (
        f"plivo-async: {name} already exists: name a folder without it with --keep\n"
    )


def test_keep_leaves_links_alone(folder: Path) -> None:
    Path("calls.ndjson").symlink_to("elsewhere")

    assert run(["demo", "--size", "5", "--keep", "."]) == 1
    assert not Path("elsewhere").exists()


def test_a_folder_that_cannot_be_created_is_reported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").touch()

    assert run(["demo", "--keep", "file"]) == 1
    assert capsys.readouterr().err == "plivo-async: cannot create the folder file: File exists\n"


def test_demo_ends_at_the_first_command_that_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo_module, "_FAULT_SHARE", 1.0)
    # Shorter than the backoff, so that the first failure is final.
    monkeypatch.setenv("PLIVO_ASYNC_DEADLINE", "0.1")

    assert run(["demo", "--size", "5"]) == 3
    assert "summarize" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_before_the_first_command_ends_the_demo_and_removes_its_folder(
    number: signal.Signals, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(demo_module, "write_ids", lambda *_: signal.raise_signal(number))

    assert run(["demo", "--size", "5"]) == code
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_for_temporary_files_one_line_names_the_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))

    assert run(["demo", "--size", "5"]) == 1
    reason = "cannot create a temporary folder: No such file or directory"
    assert capsys.readouterr().err == f"plivo-async: {reason}; name a folder with --keep\n"
