"""Settings that hold for every test."""

from __future__ import annotations

import gc
import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator

import coverage
import pytest
from hypothesis import HealthCheck, settings

from tests import loop_styles

# The same few examples in each run.
settings.register_profile(
    "tests",
    deadline=None,
    derandomize=True,
    max_examples=25,
    # A busy machine makes a check of the speed fail.
    suppress_health_check=[HealthCheck.too_slow],
)
# `pytest --hypothesis-profile=search` tries many more, and others in each run.
settings.register_profile(
    "search",
    deadline=None,
    max_examples=2000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")

# httpx tries to import this for each request to an ASGI app, and Python searches all of sys.path in vain:
# that took a quarter of the time of the tests in virtual time.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the nox session `loops`."""
    parser.addoption("--loop-style", choices=["plain", "eager", "anyio"], default="plain")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Have one worker more than cores with `-n auto`: a quarter of the time, the tests wait for sockets."""
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Note how asynchronous tests are to run."""
    loop_styles.chosen.append(config.option.loop_style)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run asynchronous tests in the style that was chosen; those in virtual time do so themselves."""
    if config.option.loop_style == "plain":
        return
    for item in items:
        if not isinstance(item, pytest.Function) or not inspect.iscoroutinefunction(item.function):
            continue
        hypothesis_test = getattr(item.obj, "hypothesis", None)
        if hypothesis_test is None:
            item.obj = loop_styles.styled(item.obj)
        else:
            hypothesis_test.inner_test = loop_styles.styled(hypothesis_test.inner_test)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over the thousands of tests, which it would visit in each collection."""
    gc.collect()
    gc.freeze()


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
