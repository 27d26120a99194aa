"""Every example of README.md and docs/ is run, against the fake Plivo on loopback."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import logging
import os
import re
import runpy
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Generator, Iterator, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import httpx
import pytest
import uvicorn

from plivo_async.base_url import BASE_URL_VARIABLE, DEFAULT_BASE_URL
from plivo_async.cli.app import run as plivo_async_command
from plivo_async.cli.fake import generate
from plivo_async.testing import FakePlivo
from tests.docs.doc_examples import (
    ROOT,
    Block,
    ConsoleExample,
    PythonExample,
    blocks,
    console_examples,
    pages,
    python_examples,
    words,
)
from tests.docs.outputs import difference, is_shown

# The recipes need an export or a database to begin with, and more than Python: tests/e2e runs them.
# The steps of a lesson need each other, and last half a minute: tests/pasted runs them.
ELSEWHERE = {"recipes.md", "sync-recipes.md", "first-batch.md", "first-sync.md", "first-service.md"}
PAGES = [page for page in pages() if page.name not in ELSEWHERE]
PYTHON = [example for page in PAGES for example in python_examples(page)]
# Commands that only tests/pasted runs: they need more packages, or files of the page.
_OTHERS = re.compile(r'pip install (?!-e|nox|"?plivo-async|"?\.)|pytest -q |python \w+\.py|[A-Z_]+=|openssl ')
CONSOLE = [
    example
    for page in PAGES
    for example in console_examples(page)
    if not any(_OTHERS.match(command) for command, _ in example.commands)
]
# Languages of blocks that are only read; test_containers.py reads those of containers.
NOT_RUN = {"text", "toml", "ini", "yaml", "dockerfile"}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
# Without the plugins that only the tests of this project need: they take as long to import as all else.
WITHOUT = ["cacheprovider", "xdist", "xdist.looponfail", "hypothesispytest", "randomly"]
PYTEST = [sys.executable, "-W", "error", "-m", "pytest", "-q", *(f"-pno:{name}" for name in WITHOUT)]
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlivo]:
    """The fake of `plivo-async fake`, which a client without a `base_url` uses; no credentials set."""
    fake = FakePlivo()
    generate(fake, 1000, seed=0, span=timedelta(days=30), late=0)
    for name in ("PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN", *PROXY_VARIABLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with fake.serve() as url:
        monkeypatch.setenv(BASE_URL_VARIABLE, url)
        yield fake


@pytest.fixture
def credentials(fake: FakePlivo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIVO_AUTH_ID", fake.auth_id)
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", fake.auth_token)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the files of an example are, and what they import from each other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


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


@pytest.fixture
def orders_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """ORDERS_URL: another service, which fails at first."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OrdersHandler) as server:
        server.failures = 2  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("ORDERS_URL", f"http://127.0.0.1:{server.server_address[1]}")
        yield
        server.shutdown()
        thread.join(30)
        assert not thread.is_alive()


class OrdersHandler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        failing = self.server.failures > 0
        self.server.failures -= 1
        body = b"" if failing else b'{"order": 7}'
        self.send_response(503 if failing else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002
        """Write nothing to stderr."""


@pytest.mark.usefixtures("credentials", "orders_url")
@pytest.mark.parametrize("example", [e for e in PYTHON if not e.is_test], ids=lambda e: e.block.where)
def test_a_python_example_runs_and_prints_the_text_of_the_page(example: PythonExample, folder: Path) -> None:
    screen = io.StringIO()
    with (
        logging_of_a_new_program(),
        functions_called_in(example.save(folder)) as never_called,
        contextlib.redirect_stdout(screen),
        contextlib.redirect_stderr(screen),
    ):
        runpy.run_path(str(folder / example.block.file_name), run_name="__main__")

    printed = screen.getvalue()
    assert printed == "" or example.prints is not None, f"the page does not show what is printed:\n{printed}"
    assert_output(example.prints or "", printed)
    if not example.is_module:
        assert not never_called


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(e.is_test for e in python_examples(page))],
    ids=lambda page: page.name,
)
def test_the_examples_of_tests_on_a_page_pass(page: Path, folder: Path) -> None:
    examples = [example for example in python_examples(page) if example.is_test]
    for example in examples:
        example.save(folder)
    settings = [block.text for block in blocks(page) if block.language == "toml"]
    (folder / "pyproject.toml").write_text("\n".join(settings))
    tests = [
        node
        for example in examples
        for node in ast.walk(ast.parse(example.block.text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]

    # All in one run, because the start of pytest takes longer than the tests.
    done = subprocess.run(
        [*PYTEST, *(example.block.file_name for example in examples)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(tests)} passed in" in done.stdout


@pytest.mark.parametrize("example", [e for e in PYTHON if e.is_module], ids=lambda e: e.block.where)
def test_a_file_is_used_by_a_later_block_of_its_page(example: PythonExample) -> None:
    later = [block.text for block in blocks(example.block.page) if block.line > example.block.line]
    module = Path(example.block.file_name).stem

    assert [text for text in later if f"from {module} import" in text or f"uvicorn {module}:" in text]


@pytest.mark.parametrize("example", CONSOLE, ids=lambda e: e.where)
def test_a_console_example_runs_and_prints_the_text_of_the_page(
    example: ConsoleExample, folder: Path, fake: FakePlivo, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal(example.block, fake, folder, monkeypatch)
    with contextlib.ExitStack() as stack:
        terminal.stack = stack
        for command, shown in example.commands:
            assert terminal.exit_code == 0 or command == "echo $?", f"exit code {terminal.exit_code}"
            printed = "".join(terminal.run(part) for part in words(command))
            # Without lines under it, a command only shows how it is called.
            if shown:
                assert_output(shown, printed)
        assert terminal.exit_code == 0, f"exit code {terminal.exit_code}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_no_block_that_is_not_run(page: Path) -> None:
    languages = {block.language: block.line for block in blocks(page)}

    assert {k: v for k, v in languages.items() if k not in {"python", "console", *NOT_RUN}} == {}


class Terminal:
    """Runs the commands of one console example. Those of the package run in this process."""

    def __init__(self, block: Block, fake: FakePlivo, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.exit_code = 0
        self.stack = contextlib.ExitStack()
        self._block = block
        self._fake = fake
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._service = ""

    def run(self, command: Sequence[str]) -> str:
        match list(command):
            case ["echo", "$?"]:
                code, self.exit_code = self.exit_code, 0
                return f"{code}\n"
            case ["export", *assignments]:
                self._export(assignments)
            case ["plivo-async", *arguments] | ["python", "-m", "plivo_async", *arguments]:
                return self._plivo_async(arguments)
            case ["uvicorn", name, "&"]:
                self._serve(*name.split(":"))
            case ["curl", url]:
                return self._curl("GET", url)
            case ["curl", "-d", form, url]:
                return self._curl("POST", url, data=dict([form.split("=")]))
            case _:
                self._check_development_command(command)
        return ""

    def _export(self, assignments: Sequence[str]) -> None:
        values = {"PLIVO_AUTH_ID": self._fake.auth_id, "PLIVO_AUTH_TOKEN": self._fake.auth_token}
        for name in (assignment.partition("=")[0] for assignment in assignments):
            # Whatever the page shows in its place.
            self._monkeypatch.setenv(name, values[name])

    def _plivo_async(self, arguments: list[str]) -> str:
        screen = io.BytesIO()
        self._monkeypatch.setenv("TERM", "dumb")
        # As wide as rich takes a dumb terminal to be, whether or not LINES is set.
        self._monkeypatch.setenv("COLUMNS", "80")
        with Screen(screen, "utf-8", write_through=True) as text:
            with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
                self.exit_code = plivo_async_command(arguments)
            return screen.getvalue().decode()

    def _serve(self, module: str, app: str) -> None:
        example = next(
            example
            for example in python_examples(self._block.page)
            if example.block.file_name == f"{module}.py"
        )
        self._export(["PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN"])
        called = self.stack.enter_context(functions_called_in(example.save(self._folder)))
        self.stack.callback(lambda: never_called_fails(called))
        self._service = self.stack.enter_context(served(getattr(importlib.import_module(module), app)))

    def _curl(self, method: str, url: str, **body: Any) -> str:
        here = url.replace("localhost:8000", self._service)
        response = httpx.request(method, here, trust_env=False, **body)
        assert response.status_code < 500, response.text
        return f"{response.text}\n"

    def _check_development_command(self, command: Sequence[str]) -> None:
        """What .ci/run runs, or installs something: here only whether it names what exists."""
        match list(command):
            case ["pip", "install", *arguments]:
                extras = PYPROJECT["project"]["optional-dependencies"]
                for wanted in re.findall(r"\[(.*)\]", " ".join(arguments)):
                    assert set(wanted.split(",")) <= set(extras)
                assert arguments[-1].startswith((".", "plivo-async", "nox"))
            case ["pytest", "-n", "auto"]:
                pass
            case ["nox"] | ["bash", ".ci/run"]:
                pass
            case ["nox", "-s", name, *_]:
                sessions = ast.parse((ROOT / "noxfile.py").read_text()).body
                assert name.partition("-")[0] in {s.name for s in sessions if isinstance(s, ast.FunctionDef)}
            case ["pytest", path]:
                assert (ROOT / path).exists()
            case _:
                pytest.fail(f"a command that nobody runs: {' '.join(command)}")


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


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("due in 30.00 s, the deadline is in 10.00 s\n", "due in 29.99 s, the deadline is in 9.98 s\n"),
        ("| 0 in 0.0 s     |\n", "| 0 in 12.3 s    |\n"),
        ("after 1... s in all\n", "after 2.4 s in all\n"),
        ("... for 0.01667\n", "1 s for 0.01667\n"),
    ],
)
def test_an_output_that_differs_by_a_measured_time_is_accepted(shown: str, printed: str) -> None:
    assert_output(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [("1 s for 0.01667\n", "2 s for 0.01667\n"), ("30.00\n", "29.99\n"), ("a 1.0 s\n", "b 1.0 s\n")],
)
def test_an_output_that_differs_otherwise_is_refused(shown: str, printed: str) -> None:
    with pytest.raises(pytest.fail.Exception):
        assert_output(shown, printed)
