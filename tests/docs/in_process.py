"""Runs the examples of a page in this process, in their order: quick, and installs nothing.

tests/pasted runs them as a reader does.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import io
import logging
import os
import re
import runpy
import socket
import sys
import threading
import tomllib
import traceback
from collections.abc import Generator, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import httpx
import pytest
import uvicorn

from plivo_async.base_url import BASE_URL_VARIABLE, DEFAULT_BASE_URL
from plivo_async.cli.app import run as plivo_async_command
from tests.docs.doc_examples import (
    INCLUDED,
    ROOT,
    Block,
    PythonExample,
    commands_of,
    pasted_blocks,
    python_examples,
    words,
)
from tests.docs.outputs import difference, is_shown

# Only tests/pasted runs a block with one of these: they need servers, or programs that may not be installed.
PASTED_ONLY = [
    *(
        "celery",
        "docker",
        "hypercorn",
        "procrastinate",
        "psql",
        "redis-cli",
        "redis-server",
        "streaq",
        "taskiq",
    ),
    *("cat", "git", "jq", "kill", "ls", "openssl", "pytest", "sleep", "sqlite3"),
]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


class Reader:
    """Runs the blocks of a page. The commands of the package run in this process."""

    def __init__(self, page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._page = page
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._exit_code = 0
        self._service = ""
        self._stack = contextlib.ExitStack()

    def read(self) -> None:
        """Run all blocks, in their order."""
        examples = {example.block: example for example in python_examples(self._page)}
        with self._stack:
            for block in pasted_blocks(self._page):
                try:
                    if block.language == "console":
                        self._console(block)
                    elif block in examples:
                        self._python(examples[block])
                    elif block.name is not None:
                        self._save(block)
                except BaseException as error:
                    error.add_note(f"in {block.where}")
                    raise

    def _save(self, block: Block) -> None:
        file = self._folder / block.file_name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text)

    def _python(self, example: PythonExample) -> None:
        file = example.save(self._folder)
        if example.is_test:
            return
        with functions_called_in(file) as never_called:
            printed = run_file(file)
        assert printed == "" or example.prints is not None, f"the page does not show:\n{printed}"
        assert_output(example.prints or "", printed)
        if not example.is_module:
            assert not never_called

    def _console(self, block: Block) -> None:
        commands = commands_of(block)
        parts = [part for command, _ in commands for part in words(command)]
        if any(self._needs_a_terminal(part) for part in parts):
            return
        for command, shown in commands:
            assert self._exit_code == 0 or command == "echo $?", f"exit code {self._exit_code}"
            printed = "".join(self._run(part) for part in words(command))
            # Without lines under it, a command only shows how it is called.
            if shown:
                assert_output(shown, printed)
        code, self._exit_code = self._exit_code, 0
        assert code == 0, f"exit code {code}"

    def _needs_a_terminal(self, command: Sequence[str]) -> bool:
        is_asked_of_nobody = command[0] == "curl" and not self._service
        is_job = command[-1] == "&" and command[0] != "uvicorn"
        # A program of docs/examples may need what is not installed.
        files = [block.file_name for block in pasted_blocks(self._page) if block.language == INCLUDED]
        runs_included = any(f"{re.split('[.:]', word)[0]}.py" in files for word in command)
        has_settings = "=" in command[0]
        return has_settings or command[0] in PASTED_ONLY or is_asked_of_nobody or is_job or runs_included

    def _modules(self, app: str) -> list[PythonExample]:
        name = f"{app.partition(':')[0]}.py"
        return [example for example in python_examples(self._page) if example.block.name == name]

    def _run(self, command: Sequence[str]) -> str:  # noqa: PLR0911 - a kind of command each
        match list(command):
            case ["echo", "$?"]:
                code, self._exit_code = self._exit_code, 0
                return f"{code}\n"
            case ["export", *assignments]:
                for name, _, value in (assignment.partition("=") for assignment in assignments):
                    self._monkeypatch.setenv(name, value)
            case ["plivo-async", *arguments, ">", name]:
                with (self._folder / name).open("w") as file:
                    return self._plivo_async(arguments, file)
            case ["plivo-async", *arguments] | ["python", "-m", "plivo_async", *arguments]:
                return self._plivo_async(arguments)
            case ["python", name, *arguments]:
                try:
                    return run_file(self._folder / name, *arguments)
                except Exception as error:  # noqa: BLE001
                    self._exit_code = 1
                    return "".join(traceback.format_exception(error))
            case ["uvicorn", app, *_, "&"]:
                self._serve(app)
            case ["curl", *arguments]:
                return self._curl(arguments)
            case _:
                check_development_command(command)
        return ""

    def _plivo_async(self, arguments: list[str], stdout: io.TextIOWrapper | None = None) -> str:
        screen = io.BytesIO()
        self._monkeypatch.setenv("TERM", "dumb")
        # As wide as rich takes a dumb terminal to be, whether or not LINES is set.
        self._monkeypatch.setenv("COLUMNS", "80")
        with Screen(screen, "utf-8", write_through=True) as text:
            with contextlib.redirect_stdout(stdout or text), contextlib.redirect_stderr(text):
                self._exit_code = plivo_async_command(arguments)
            return screen.getvalue().decode()

    def _serve(self, app: str) -> None:
        [example] = self._modules(app)
        called = self._stack.enter_context(functions_called_in(example.save(self._folder)))
        self._stack.callback(lambda: never_called_fails(called))
        module, _, name = app.partition(":")
        self._service = self._stack.enter_context(served(getattr(importlib.import_module(module), name)))

    def _curl(self, arguments: list[str]) -> str:
        parser = argparse.ArgumentParser()
        parser.add_argument("-s", "-S", "-sS", action="store_true")
        parser.add_argument("-X")
        parser.add_argument("-d", action="append")
        parser.add_argument("url")
        asked = parser.parse_args(arguments)
        here = re.sub(r"(localhost|127\.0\.0\.1):\d+", self._service, asked.url)
        form = dict(part.split("=", 1) for part in asked.d) if asked.d else None
        response = httpx.request(asked.X or ("POST" if form else "GET"), here, trust_env=False, data=form)
        assert response.status_code < 500, response.text
        return f"{response.text}\n"


def check_development_command(command: Sequence[str]) -> None:
    """What .ci/run runs, or installs something: here only whether it names what exists."""
    match list(command):
        case ["pip", "install", *arguments]:
            extras = PYPROJECT["project"]["optional-dependencies"]
            for wanted in re.findall(r"(?:plivo-async|\.)\[(.*)\]", " ".join(arguments)):
                assert set(wanted.split(",")) <= set(extras)
        case ["source", _] | ["python", "-m", "venv", _]:
            pass
        case ["pytest", "-n", "auto"]:
            pass
        case ["nox"] | ["bash", ".ci/run"]:
            pass
        case ["nox", "-s", name, *_]:
            sessions = ast.parse((ROOT / "noxfile.py").read_text()).body
            assert name.partition("-")[0] in {s.name for s in sessions if isinstance(s, ast.FunctionDef)}
        case _:
            pytest.fail(f"a command that nobody runs: {' '.join(command)}")


def run_file(file: Path, *arguments: str) -> str:
    """Run a file as a program; return what it prints."""
    screen = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        logging_of_a_new_program(),
        contextlib.redirect_stdout(screen),
        contextlib.redirect_stderr(screen),
    ):
        patch.setattr(sys, "argv", [str(file), *arguments])
        runpy.run_path(str(file), run_name="__main__")
    return screen.getvalue()


@contextlib.contextmanager
def logging_of_a_new_program() -> Generator[None, None, None]:
    """No handlers: pytest has some during a test, so that warnings would not get to stderr."""
    loggers = [logging.getLogger(), logging.getLogger("plivo_async")]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    for logger in loggers:
        logger.handlers[:] = []
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


class Screen(io.TextIOWrapper):
    """A terminal, to whoever asks."""

    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def served(app: Any) -> Generator[str, None, None]:
    """Serve an ASGI app on loopback; gives its host and port."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


@contextlib.contextmanager
def functions_called_in(file: Path) -> Generator[set[str], None, None]:
    """Which functions of a file are defined but never called, known when the context ends."""
    name = str(file)
    defined = functions_of(compile(file.read_text(), name, "exec"))
    called: set[tuple[str, int]] = set()
    never_called: set[str] = set()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename == name:
            called.add((frame.f_code.co_name, frame.f_code.co_firstlineno))

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield never_called
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        never_called.update(name for name, _ in defined - called)


def functions_of(code: CodeType) -> set[tuple[str, int]]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return {(c.co_name, c.co_firstlineno) for c in inner}.union(*map(functions_of, inner))


def never_called_fails(never_called: set[str]) -> None:
    assert not never_called


def assert_output(shown: str, printed: str) -> None:
    """Assert that a page shows what is printed."""
    printed = printed.replace(os.environ.get(BASE_URL_VARIABLE, DEFAULT_BASE_URL), DEFAULT_BASE_URL)
    if not is_shown(shown, printed):
        pytest.fail(difference(shown, printed))
