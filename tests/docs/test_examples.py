"""Every example of README.md and docs/ is run, against the fake Plivo on loopback."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from plivo_async.base_url import BASE_URL_VARIABLE
from plivo_async.cli.fake import generate
from plivo_async.testing import FakePlivo
from tests.docs.doc_examples import ROOT, blocks, pages, python_examples
from tests.docs.in_process import Reader, assert_output

# The recipes need an export or a database to begin with, and more than Python: tests/e2e runs them.
# The steps of a lesson last half a minute: tests/pasted runs them.
# The official SDK is not among the packages of contributors: tests/pasted installs it.
ELSEWHERE = {
    *("recipes.md", "sync-recipes.md", "dlt.md", "migrating.md"),
    *("first-batch.md", "first-sync.md", "first-service.md"),
}
# These need servers, and frameworks and job queues that may not be installed: so does tests/services.
SERVERS = {
    *("fastapi.md", "starlette.md", "litestar.md", "quart.md", "aiohttp.md", "django.md", "webhooks.md"),
    *("celery.md", "streaq.md", "taskiq.md", "procrastinate.md", "aws-lambda.md"),
}
PAGES = [page for page in pages() if page.name not in ELSEWHERE | SERVERS]
# Languages of blocks that are only read; test_containers.py reads those of containers.
NOT_RUN = {"text", "toml", "ini", "yaml", "dockerfile"}
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
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_run_in_its_order(
    page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Reader(page, folder, monkeypatch).read()


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_has_no_block_that_is_not_run(page: Path) -> None:
    languages = {block.language: block.line for block in blocks(page)}

    assert {k: v for k, v in languages.items() if k not in {"python", "console", *NOT_RUN}} == {}


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
