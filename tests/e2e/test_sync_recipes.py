"""The recipes for a synced database: each block is run on a database of the fake."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from plivo_async.cli.app import run
from plivo_async.cli.fake import generate
from plivo_async.testing import FakePlivo
from tests.docs.outputs import is_shown
from tests.e2e.installed_command import PATIENCE_SECONDS

PAGES = [Path(__file__).parents[2] / "docs" / "how-to" / name for name in ("sync-recipes.md", "dlt.md")]
BLOCKS = [
    (token.info.strip(), token.content)
    for page in PAGES
    for token in MarkdownIt("commonmark").parse(page.read_text())
    if token.type == "fence"
]
PYTHON = [(text, printed) for (language, text), (_, printed) in pairwise(BLOCKS) if language == "python"]
# dlt is large, so the tests use it only where it is installed anyway.
RUN = [(text, printed) for text, printed in PYTHON if "import dlt" not in text or find_spec("dlt")]
SQL = [text for language, text in BLOCKS if language == "sql"]
JSON = [text for language, text in BLOCKS if language == "json"]
NOW = datetime.now(UTC).replace(microsecond=0)


@contextmanager
def serving() -> Generator[tuple[FakePlivo, dict[str, str]], None, None]:
    """A fake with the calls of the page, and the environment that selects it."""
    fake = FakePlivo((), rate_limit=None)
    # The calls of `plivo-async fake`.
    generate(fake, 1000, 0, timedelta(days=30), 0)
    with fake.serve() as url:
        environ = {"PLIVO_AUTH_ID": fake.auth_id, "PLIVO_AUTH_TOKEN": fake.auth_token}
        yield fake, {**environ, "PLIVO_ASYNC_BASE_URL": url, "NO_PROXY": "127.0.0.1"}


@pytest.fixture(scope="module")
def environ() -> Iterator[dict[str, str]]:
    with serving() as (_, found):
        yield found


@pytest.fixture(scope="module")
def synced(environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with calls.db."""
    folder = tmp_path_factory.mktemp("synced")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        assert run(["sync", "--rate", "none", "-q", str(folder / "calls.db")]) == 0
    return folder


def ask(synced: Path, query: str) -> list[Any]:
    begin, end = (int((NOW - timedelta(days=days)).timestamp() * 1000) for days in (90, 0))
    query = query.replace("$__from", str(begin)).replace("$__to", str(end))
    with closing(sqlite3.connect(synced / "calls.db")) as database:
        return database.execute(query).fetchall()


def run_python(source: str, folder: Path, environ: dict[str, str]) -> str:
    (folder / "recipe.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-W", "error", "recipe.py"],
        cwd=folder,
        # dlt keeps its state in a folder of the user, and reports its use.
        env={
            **os.environ,
            **environ,
            "DLT_DATA_DIR": str(folder / "dlt"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_block_of_the_pages_is_run() -> None:
    # tests/pasted runs those of a console.
    assert {language for language, _ in BLOCKS} == {"python", "sql", "json", "text", "console"}
    assert (len(PYTHON), len(SQL), len(JSON)) == (3, 5, 1)


@pytest.mark.parametrize("query", SQL, ids=lambda text: text.partition("\n")[0][:40])
def test_a_query_returns_rows(query: str, synced: Path) -> None:
    assert ask(synced, query)


def test_the_queries_add_up(synced: Path) -> None:
    [(program, _), *_] = PYTHON
    rows = ask(synced, program.split('"""')[1])
    assert sum(row[1] for row in rows) == 1000
    assert round(sum(row[4] for row in rows), 5) == 205.16133


def test_the_metadata_of_datasette_names_what_there_is(synced: Path) -> None:
    [database] = json.loads(JSON[0])["databases"].values()
    for name, facts in database["tables"].items():
        columns = ", ".join([*facts["facets"], facts.get("sort_desc", "call_uuid")])
        assert len(ask(synced, f"SELECT {columns} FROM {name}")) == 1000
    for query in database["queries"].values():
        assert ask(synced, query["sql"])


@pytest.mark.parametrize(("source", "printed"), RUN, ids=lambda text: text.partition("\n")[0])
def test_a_python_recipe_prints_the_documented_output(
    source: str, printed: str, synced: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    shutil.copy(synced / "calls.db", tmp_path)
    assert is_shown(printed, run_python(source, tmp_path, environ))


if find_spec("dlt"):

    def test_the_dlt_source_merges_records_that_are_late_or_corrected(tmp_path: Path) -> None:
        [source] = [text for text, _ in PYTHON if "import dlt" in text]
        end = (NOW - timedelta(hours=3)).isoformat(" ")
        late = {"call_uuid": "late", "call_direction": "inbound", "end_time": end}
        with serving() as (fake, environ):
            run_python(source, tmp_path, environ)
            before = len(fake.requests)
            fake.add({**late, "total_amount": "1.00000"})
            assert run_python(source, tmp_path, environ).startswith("inbound 468 71.00410\n")
            fake.add({**late, "total_amount": "2.00000"})
            assert run_python(source, tmp_path, environ).startswith("inbound 468 72.00410\n")

            # A page or two of the last hours, not the 90 days.
            assert len(fake.requests) - before <= 4
