"""The recipes of the documentation: each block is run on an export of the fake."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from markdown_it import MarkdownIt

from plivo_async import CallDetailRecord
from plivo_async.cli.app import run
from plivo_async.cli.export.safe_cell import disarmed
from plivo_async.cli.fake import generate
from plivo_async.testing import FakePlivo
from tests.e2e.installed_command import PATIENCE_SECONDS
from tests.postgres_server import postgres_programs, postgres_server

# The package has no type hints.
jq: Any = import_module("jq")

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "recipes.md"
BLOCKS = [
    (token.info.strip(), token.content)
    for token in MarkdownIt("commonmark").parse(PAGE.read_text())
    if token.type == "fence"
]
PYTHON = [(text, printed) for (language, text), (_, printed) in pairwise(BLOCKS) if language == "python"]
# pandas is large, so the tests use it only where it is installed anyway.
RUN = [(text, printed) for text, printed in PYTHON if "import pandas" not in text or find_spec("pandas")]
CONSOLE = [text for language, text in BLOCKS if language == "console"]
COMMANDS = [
    tuple(found)
    for text in CONSOLE
    for found in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    # How the reader gets the exports and the packages: tests/pasted runs that too.
    if not found[0].startswith(("plivo-async ", "pip install "))
]
JQ = [command for command in COMMANDS if command[0].startswith("jq ")]
PSQL = [command for command in COMMANDS if command[0].startswith("psql ")]
SQL = [text for language, text in BLOCKS if language == "sql" and text.startswith("-- ")]
EXPRESSIONS = [text for language, text in BLOCKS if language == "sql" and not text.startswith("-- ")]


POSTGRES = postgres_programs()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with calls.ndjson and calls.csv, the exports that the page uses."""
    folder = tmp_path_factory.mktemp("exported")
    fake = FakePlivo(rate_limit=None)
    # The calls of `plivo-async fake`.
    (folder / "ids.txt").write_text("\n".join(generate(fake, 1000, 0, timedelta(days=30), 0)))
    with fake.serve() as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLIVO_AUTH_ID", fake.auth_id)
        patch.setenv("PLIVO_AUTH_TOKEN", fake.auth_token)
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.delenv("PLIVO_ASYNC_PROXY", raising=False)
        arguments = ["--base-url", url, "--rate", "none", "-q"]
        for name in ("calls.ndjson", "calls.csv"):
            assert run(["export", *arguments, "-i", str(folder / "ids.txt"), "-o", str(folder / name)]) == 0
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    for name in ("calls.ndjson", "calls.csv"):
        shutil.copy(exported / name, tmp_path)
    return tmp_path


@pytest.fixture
def totals(exported: Path) -> str:
    """The expected output of the recipes: direction, calls, seconds and exact amount."""
    sums: dict[str, list[Any]] = defaultdict(lambda: [0, 0, Decimal(0)])
    for line in (exported / "calls.ndjson").read_text().splitlines():
        record = CallDetailRecord.from_json(line)
        row = sums[str(record.call_direction)]
        row[0] += 1
        row[1] += record.billed_duration
        row[2] += record.total_amount
    return "".join(f"{direction} {' '.join(map(str, row))}\n" for direction, row in sorted(sums.items()))


def test_every_block_of_the_page_is_run() -> None:
    assert {language for language, _ in BLOCKS} <= {"python", "console", "sql", "text"}
    assert len(JQ) + len(PSQL) == len(COMMANDS)
    assert len(PYTHON) == 6
    assert (len(JQ), len(PSQL), len(SQL), len(EXPRESSIONS)) == (4, 1, 1, 1)


@pytest.mark.parametrize(("source", "printed"), RUN, ids=lambda text: text.partition("\n")[0])
def test_a_python_recipe_prints_the_documented_output_twice(
    source: str, printed: str, folder: Path, totals: str
) -> None:
    (folder / "recipe.py").write_text(source)

    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "error", "recipe.py"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == printed == totals


@pytest.mark.parametrize("text", ["4915", "=1+1", "'=1", "a;+1;'b", " \t@x\n-y", "it's", ""])
def test_the_expression_undoes_a_safe_csv(text: str) -> None:
    [expression] = EXPRESSIONS

    found = duckdb.execute(f"SELECT {expression.replace('from_number', '?::VARCHAR')}", [disarmed(text)])
    assert found.fetchall() == [(text,)]


def ask_jq(command: str, text: str) -> str:
    """Return the output of jq, which is called as a library."""
    _, *words = shlex.split(command)
    options, (program, _) = words[:-2], words[-2:]
    given = jq.compile(program).input_text(text, slurp="-s" in options)
    return "".join(
        f"{value if '-r' in options else json.dumps(value, separators=(',', ':'))}\n" for value in given
    )


def assert_shown(shown: str, printed: str) -> None:
    if shown == "...\n":
        assert len(printed.splitlines()) == 209
    else:
        assert printed == shown


@pytest.mark.parametrize(("command", "shown"), JQ)
def test_a_jq_recipe_prints_the_documented_output(command: str, shown: str, exported: Path) -> None:
    assert_shown(shown, ask_jq(command, (exported / "calls.ndjson").read_text()))


if shutil.which("jq"):

    @pytest.mark.parametrize(("command", "shown"), JQ)
    def test_a_jq_recipe_prints_the_documented_output_with_the_jq_program(
        command: str, shown: str, exported: Path
    ) -> None:
        done = subprocess.run(
            shlex.split(command),
            cwd=exported,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_SECONDS,
        )

        assert_shown(shown, done.stdout)


def test_the_sum_of_jq_is_exact(exported: Path, totals: str) -> None:
    amount = sum(Decimal(line.split()[-1]) for line in totals.splitlines())
    [(command, _)] = [command for command in JQ if "tonumber" in command[0]]

    printed = ask_jq(command, (exported / "calls.ndjson").read_text())
    assert Decimal(printed).scaleb(-5) == amount


if POSTGRES is not None:

    @pytest.fixture(scope="module")
    def database() -> Iterator[dict[str, str]]:
        """The environment of psql for a PostgreSQL server on a Unix socket."""
        with postgres_server() as server:
            yield server.environ

    def test_the_postgresql_recipe_prints_the_documented_output_twice(
        database: dict[str, str], folder: Path, totals: str
    ) -> None:
        assert POSTGRES is not None
        [source], [(command, shown)] = SQL, PSQL
        (folder / "load_calls.sql").write_text(source)
        words = [str(POSTGRES / "psql"), "-X", *shlex.split(command)[1:]]

        for _ in range(2):
            done = subprocess.run(
                words,
                cwd=folder,
                env={**os.environ, **database},
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE_SECONDS,
            )
            assert "ERROR" not in done.stderr
            assert done.returncode == 0, done.stderr
            assert done.stdout == shown == totals

    def test_postgresql_returns_the_record_as_plivo_sent_it(
        database: dict[str, str], exported: Path, folder: Path
    ) -> None:
        assert POSTGRES is not None
        (folder / "load_calls.sql").write_text(SQL[0])
        line = (exported / "calls.ndjson").read_text().splitlines()[0]
        call_uuid = CallDetailRecord.from_json(line).call_uuid
        query = f"select record from calls where call_uuid = '{call_uuid}'"
        psql = [str(POSTGRES / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        environ = {**os.environ, **database}
        subprocess.run(
            [*psql, "-f", "load_calls.sql"],
            cwd=folder,
            env=environ,
            check=True,
            capture_output=True,
            timeout=PATIENCE_SECONDS,
        )

        done = subprocess.run(
            [*psql, "-c", query],
            env=environ,
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )

        assert CallDetailRecord.from_json(done.stdout).to_dict() == CallDetailRecord.from_json(line).to_dict()
