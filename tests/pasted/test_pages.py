"""Each page works as pasted, in its order."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.docs.doc_examples import ROOT, pages, pages_of_the_site, pasted_blocks
from tests.pasted.conftest import ALL, RUN
from tests.pasted.environments import environment_above, locked
from tests.pasted.page import (
    READ_ONLY,
    counted,
    first_terminal,
    has_jobs,
    installs_from_a_clone,
    paste_page,
    uses_postgres,
)
from tests.postgres_server import postgres_server

_NOT_IN_A_CLONE = shutil.ignore_patterns(".*", "__pycache__", "_build", "build", "dist")


def test_a_page_runs_as_pasted(
    page: Path,
    base: Path,
    ports_lock: Path,
    home: Path,
    record_property: Callable[[str, object], None],
) -> None:
    environment = environment_above(base, home / "environment")
    folder = home / "reader"
    if installs_from_a_clone(page):
        shutil.copytree(ROOT, folder, ignore=_NOT_IN_A_CLONE)
    else:
        folder.mkdir()

    with (
        locked(ports_lock) if has_jobs(page) else nullcontext(),
        postgres_server() if uses_postgres(page) else nullcontext() as postgres,
        first_terminal(environment, home) as exports,
    ):
        own = "" if postgres is None else "".join(f" {k}={v}" for k, v in postgres.environ.items())
        result = paste_page(page, environment, folder, exports + own)

    blocks = counted(page)
    record_property(ALL, len(blocks))
    record_property(RUN, len([block for block in blocks if block.where not in result.failures]))
    if result.failures:
        report = "\n\n".join(f"{where}\n{failure}" for where, failure in result.failures.items())
        pytest.fail(f"{report}\n\nThe terminal showed:\n{result.transcript}", pytrace=False)


def test_every_page_is_pasted() -> None:
    assert set(pages_of_the_site()) == set(pages())


def test_a_page_has_no_block_that_nobody_runs_or_reads(page: Path) -> None:
    run = set(counted(page))

    assert [
        block.where for block in pasted_blocks(page) if block not in run and block.language not in READ_ONLY
    ] == []
