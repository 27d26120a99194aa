"""The environments of the pages, and the figures at the end of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.docs.doc_examples import ROOT, pages_of_the_site
from tests.pasted.environments import base_environment
from tests.pasted.page import has_jobs, steps_of

RUN, ALL, SECONDS = "blocks run", "blocks", "seconds"


@pytest.fixture(scope="session")
def base() -> Path:
    """The environment of a reader who ran the README's install command."""
    return base_environment(ROOT / ".pytest_cache" / "pasted")


@pytest.fixture
def home() -> Generator[Path, None, None]:
    """The folder of a reader and the environment.

    For PostgreSQL, which root runs as another user, a page opens the folders above. Each start of pytest
    would close those of `tmp_path` again.
    """
    with tempfile.TemporaryDirectory(prefix="reader-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def ports_lock() -> Path:
    """The lock of the fixed ports, for all runs on this machine."""
    return Path(tempfile.gettempdir()) / "plivo-async-pasted" / "ports.lock"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test each page. With `--dist loadgroup` one worker has those with fixed ports."""
    if "page" in metafunc.fixturenames:
        pages = [
            pytest.param(
                page,
                id=_id(page),
                marks=[pytest.mark.xdist_group("ports")] if has_jobs(page) else [],
            )
            for page in pages_of_the_site()
            if steps_of(page)
        ]
        metafunc.parametrize("page", pages)


def _id(page: Path) -> str:
    return "/".join(page.parts[-2:]) if page.parent.parent.name == "docs" else page.name


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many blocks run as pasted."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    found = [dict(report.user_properties) for report in reports if report.when == "call"]
    pages = [properties for properties in found if ALL in properties]
    if not pages:
        return
    terminalreporter.section("pasted")
    run, blocks = (sum(properties[name] for properties in pages) for name in (RUN, ALL))
    terminalreporter.line(f"{run} of {blocks} blocks of {len(pages)} pages run as pasted")
    for properties in found:
        for name, value in properties.items():
            if name not in (RUN, ALL):
                terminalreporter.line(f"{name}: {value}")
