"""Settings that hold for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import coverage
import pytest
from hypothesis import settings

# The same few examples in each run.
settings.register_profile("tests", deadline=None, derandomize=True, max_examples=25)
# `pytest --hypothesis-profile=search` tries many more, and others in each run.
settings.register_profile("search", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def subprocesses_are_not_measured() -> None:
    """Keep coverage in this process: tests read the whole stderr of those they start, and kill some."""
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


@pytest.fixture
def unmeasured() -> Iterator[None]:
    """Pause coverage for a test that repeats what others cover: it would take twice as long."""
    measuring = coverage.Coverage.current()
    if measuring is None:
        yield
    else:
        measuring.stop()
        yield
        measuring.start()
        # Coverage has set it again.
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
