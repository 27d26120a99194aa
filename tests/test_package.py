from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import pytest

import plivo_async


def after(statement: str, expression: str) -> Any:
    """The value of an expression in a new interpreter."""
    script = f"import json, sys\n{statement}\nprint(json.dumps({expression}))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        check=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", plivo_async.__all__)
def test_every_exported_name_can_be_imported(name: str) -> None:
    assert getattr(plivo_async, name) is not None


def test_every_name_is_exported_once() -> None:
    assert len(set(plivo_async.__all__)) == len(plivo_async.__all__)


def test_a_star_import_brings_the_exported_names() -> None:
    names = after("from plivo_async import *", "[name for name in dir() if name[:2] != '__']")
    listed = {name for name in plivo_async.__all__ if name[:2] != "__"}
    assert set(names) == listed | {"json", "sys"}


def test_dir_lists_the_exported_names() -> None:
    assert set(plivo_async.__all__) <= set(dir(plivo_async))
    assert after("import plivo_async", "'AsyncClient' in dir(plivo_async)")


def test_an_unknown_name_raises_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Client'"):
        getattr(plivo_async, "Client")  # noqa: B009 - a type checker would object


def test_the_fake_can_be_imported() -> None:
    assert after("from plivo_async.testing import FakePlivo", "FakePlivo.__name__") == "FakePlivo"


def test_the_version_equals_the_one_in_the_metadata() -> None:
    assert plivo_async.__version__ == version("plivo-async")


def test_the_types_are_published() -> None:
    assert files("plivo_async").joinpath("py.typed").is_file()


def is_class_or_function(name: str) -> bool:
    value = getattr(plivo_async, name)
    return inspect.isclass(value) or inspect.isfunction(value)


@pytest.mark.parametrize("name", [name for name in plivo_async.__all__ if is_class_or_function(name)])
def test_every_exported_class_and_function_has_a_docstring(name: str) -> None:
    assert inspect.getdoc(getattr(plivo_async, name))


OPTIONAL = [
    "aiohttp",
    "click",
    "httpx2",
    "hypothesis",
    "pytest",
    "redis",
    "respx",
    "rich",
    "sphinx",
    "trustme",
    "uvicorn",
]


@pytest.mark.parametrize("statement", ["import plivo_async", "from plivo_async import *"])
def test_the_import_brings_in_no_extra(statement: str) -> None:
    # httpx brings in click and rich itself, where it finds them.
    loaded = after(
        f"import httpx, cattrs; before = set(sys.modules)\n{statement}", "sorted(set(sys.modules) - before)"
    )
    assert "plivo_async" in loaded
    assert [name for name in loaded if name.partition(".")[0] in OPTIONAL] == []


def test_the_webhooks_need_no_httpx() -> None:
    assert after(
        "from plivo_async.webhooks import HangupEvent, verify\nHangupEvent.from_form('CallUUID=c1')",
        "['plivo_async.errors' in sys.modules, 'httpx' in sys.modules]",
    ) == [True, False]


def test_the_import_starts_nothing() -> None:
    # A thread, an event loop or a file left open would each be a surprise in a web service.
    assert after(
        "import asyncio, threading, plivo_async",
        "[threading.active_count(), 'plivo_async.testing' in sys.modules, 'plivo_async.cli' in sys.modules]",
    ) == [1, False, False]


def test_the_import_sets_up_no_logging() -> None:
    assert after(
        "import logging, plivo_async",
        "[logging.root.handlers, logging.getLogger('plivo_async').handlers, "
        "logging.getLogger('plivo_async').level]",
    ) == [[], [], 0]
