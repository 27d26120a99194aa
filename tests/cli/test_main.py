"""The command group, its help and its usage errors, without a server."""

from __future__ import annotations

import os
import runpy
import signal
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

import plivo_async
from plivo_async.cli import app as app_module
from plivo_async.cli import main
from plivo_async.cli.app import commands, run

# By path: runpy cannot load a package that pytest has imported as a plugin.
MAIN = str(Path(plivo_async.__file__).with_name("__main__.py"))


class Without(MetaPathFinder):
    """Raises ModuleNotFoundError for the modules of a package."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def forget(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """Remove packages from the imported modules."""
    for name in list(sys.modules):
        if any(name == package or name.startswith(f"{package}.") for package in packages):
            monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("package", ["click", "rich"])
def test_without_the_extra_one_line_names_the_package_to_install(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    forget(monkeypatch, package, "plivo_async.cli.app", "plivo_async.cli.get", "plivo_async.cli.output")
    forget(monkeypatch, "plivo_async.cli.client", "plivo_async.cli.record_table")
    monkeypatch.setattr(sys, "meta_path", [Without(package), *sys.meta_path])

    assert main() == 1
    assert capsys.readouterr().err == (
        'plivo-async: the command line is an extra: pip install "plivo-async[cli]"\n'
    )


class Left(BaseException):
    """Raised in place of the end of the process."""


def leave(code: int) -> None:
    raise Left(code)


class Interrupting(MetaPathFinder):
    """Sends SIGINT when the command is imported."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname == "plivo_async.cli.app":
            signal.raise_signal(signal.SIGINT)
        return None


def test_ctrl_c_during_the_imports_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch, "plivo_async.cli.app")
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    monkeypatch.setattr(os, "_exit", leave)

    with pytest.raises(Left, match="130"):
        main()


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.default_int_handler])
def test_the_command_runs_with_the_handler_that_it_found_and_ends_undisturbed(
    handler: Callable[[int, object], None] | signal.Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[object] = []

    def command() -> int:
        found.append(signal.getsignal(signal.SIGINT))
        return 7

    monkeypatch.setattr(app_module, "run", command)
    signal.signal(signal.SIGINT, handler)

    assert main() == 7
    assert found == [handler]
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_ctrl_c_outside_the_command_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "run", lambda: signal.raise_signal(signal.SIGINT))

    assert main() == 130


def test_ctrl_c_while_arguments_are_parsed_exits_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "main", lambda *_, **__: signal.raise_signal(signal.SIGINT))

    assert run(["get"]) == 130
    assert capsys.readouterr().err == "\n"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(36, "File name too long", "x" * 9), "xxxxxxxxx: File name too long"),
        (OSError(24, "Too many open files"), "Too many open files"),
        (OSError("odd"), "odd"),
    ],
)
def test_an_error_of_the_system_that_no_command_expects_is_one_line(
    error: OSError, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(commands, "main", fail)

    assert run(["get"]) == 1
    assert capsys.readouterr().err == f"plivo-async: {message}\n"


def test_a_mistake_in_a_program_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise plivo_async.EventLoopError("the client belongs to another event loop")

    monkeypatch.setattr(commands, "main", fail)

    assert run(["get"]) == 1
    assert capsys.readouterr().err == "plivo-async: the client belongs to another event loop\n"


def test_another_missing_module_is_not_reported_as_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch, "plivo_async.cli.app")
    monkeypatch.setattr(sys, "meta_path", [Without("plivo_async"), *sys.meta_path])

    with pytest.raises(ModuleNotFoundError):
        main()


def test_python_m_runs_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["plivo-async", "--version"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(MAIN, run_name="__main__")

    assert caught.value.code == 0
    assert capsys.readouterr().out == f"plivo-async, version {plivo_async.__version__}\n"


def test_importing_the_main_module_runs_nothing() -> None:
    assert "main" in runpy.run_path(MAIN)


def test_without_a_command_the_help_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "plivo-async get --fake" in captured.err


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["get", "--help"], ["get", "-h"]])
def test_help_goes_to_stdout(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert "Exit codes:" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["export", "-h"], ["--version"], ["completion", "bash"]])
def test_a_full_or_closed_stdout_is_reported(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert run(arguments) == 1
    monkeypatch.setattr(sys, "stdout", None)
    assert run(arguments) == 1

    assert capsys.readouterr().err == (
        "plivo-async: cannot write to stdout: No space left on device\nplivo-async: stdout is closed\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["got"], "No such command"),
        (["--loud"], "--loud"),
        (["get", "--loud", "x"], "--loud"),
        (["get", "-o", "xml", "x"], "xml"),
        (["get", "--deadline", "soon", "x"], "soon"),
        (["get", "--fake", "--try", "x"], "--fake and --try"),
        (["get", "x"], "no credentials"),
        (["get"], "no credentials"),
    ],
)
def test_a_usage_error_is_one_line_and_exits_1(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--base-url", "http://plivo.example"], "base_url must be an https:// URL"),
        (["--timeout", "-1"], "timeout"),
        (["--deadline", "nan"], "deadline"),
        ([], "no CALL_UUID given"),
    ],
)
def test_an_invalid_client_option_is_one_line_and_exits_1(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLIVO_AUTH_ID", "MA1")
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "s3cr3t")

    assert run(["get", *arguments, *(["x"] if arguments else [])]) == 1

    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert "s3cr3t" not in captured.err


def test_no_command_takes_the_token() -> None:
    names = {
        name for command in commands.commands.values() for option in command.params for name in option.opts
    }

    assert not [name for name in names if "token" in name or "auth" in name]


@pytest.mark.parametrize("name", ["get", "export", "retry", "summarize", "fake", "demo", "completion"])
def test_the_help_of_every_command_has_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert f"  plivo-async {name}" in capsys.readouterr().out


def test_the_help_lists_the_commands_in_their_usual_order() -> None:
    names = ["get", "list", "export", "retry", "sync", "summarize", "fake", "demo", "completion"]
    assert list(commands.commands) == names
