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

# What users may import from the package itself.
PUBLIC = {
    "InvalidResponseError",
    "AsyncClient",
    "AuthenticationError",
    "BadRequestError",
    "CallDetailRecord",
    "CallDirection",
    "CallNext",
    "CallsResource",
    "ClientClosedError",
    "ConfigurationError",
    "ConnectionPool",
    "DeadlineExceededError",
    "DecodeError",
    "EventLoopError",
    "ForkedError",
    "HangupCause",
    "HangupSource",
    "InvalidCallUUIDError",
    "LifetimeError",
    "Middleware",
    "MiddlewareTransport",
    "NetworkError",
    "NotFoundError",
    "PermissionDeniedError",
    "PlivoError",
    "RateLimitError",
    "RecordMismatchError",
    "RedirectError",
    "RequestOptions",
    "RequestTimeoutError",
    "ResponseTooLargeError",
    "RetryMiddleware",
    "RetryBudget",
    "RetryPolicy",
    "ServerError",
    "StatusError",
    "StirAttestation",
    "StirVerification",
    "TLSError",
    "UnexpectedStatusError",
    "make_converter",
}


def after(statement: str, expression: str) -> Any:
    """The value of an expression in a new interpreter."""
    script = f"import json, sys\n{statement}\nprint(json.dumps({expression}))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_can_be_imported(name: str) -> None:
    assert name in plivo_async.__all__
    assert getattr(plivo_async, name) is not None


def test_every_name_that_is_listed_is_there_once() -> None:
    assert all(hasattr(plivo_async, name) for name in plivo_async.__all__)
    assert len(set(plivo_async.__all__)) == len(plivo_async.__all__)


def test_a_star_import_brings_what_is_listed() -> None:
    names = after("from plivo_async import *", "[name for name in dir() if name[:2] != '__']")
    listed = {name for name in plivo_async.__all__ if name[:2] != "__"}
    assert set(names) == listed | {"json", "sys"}


def test_what_is_listed_is_offered_for_completion() -> None:
    assert set(plivo_async.__all__) <= set(dir(plivo_async))
    assert after("import plivo_async", "'AsyncClient' in dir(plivo_async)")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Client'"):
        plivo_async.Client  # noqa: B018


def test_the_fake_can_be_imported() -> None:
    assert after("from plivo_async.testing import FakePlivo", "FakePlivo.__name__") == "FakePlivo"


def test_the_version_is_that_of_the_metadata() -> None:
    assert plivo_async.__version__ == version("plivo-async")


def test_the_types_are_published() -> None:
    assert files("plivo_async").joinpath("py.typed").is_file()


@pytest.mark.parametrize("name", sorted(name for name in PUBLIC if name not in ("CallNext", "Middleware")))
def test_every_public_class_and_function_says_what_it_is(name: str) -> None:
    assert inspect.getdoc(getattr(plivo_async, name))


OPTIONAL = [
    "aiohttp",
    "click",
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
