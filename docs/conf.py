"""Sphinx: `nox -s docs` builds the pages into docs/_build/html."""

from __future__ import annotations

import re
from enum import EnumType
from typing import Any

from sphinx.application import Sphinx

import plivo_async
import plivo_async.testing

project = "plivo_async"
author = "plivo_async contributors"
project_copyright = "plivo_async contributors"
version = release = plivo_async.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"plivo_async {version}"
html_copy_source = False
# The recipes have commands of psql that are not SQL.
suppress_warnings = ["misc.highlighting_failure"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

# Single backticks in a docstring mark code.
default_role = "code"
# Docstrings have Google sections. The first line of a property has no colon: it would end a type.
napoleon_numpy_docstring = False
# Autodoc lists the documented attributes, so a section `Attributes` must not list them once more.
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
maximum_signature_line_length = 100

# A build downloads nothing, so types of other projects stay without a link.
_FOREIGN = "|".join(
    (
        *("asyncio", "attr", "cattrs", "collections", "datetime", "decimal", "enum", "h11", "httpx"),
        *("opentelemetry", "pathlib", "ssl", "types", "typing", "uuid"),
    )
)
nitpick_ignore_regex = [
    ("py:.*", rf"({_FOREIGN})\..*"),
    # Of what a surrounded call returns.
    ("py:class", r"plivo_async\.(tracing|otel)\.T"),
    # Filters and options together, and the kind of record of a list.
    ("py:class", r"plivo_async\.resources\..*\.(_ListOptions|Record)"),
]
# Inner types: a user passes the URL of a proxy, a client of httpx or httpx2, the headers of a framework.
nitpick_ignore = [
    ("py:class", "plivo_async.transport.proxy.Proxy"),
    ("py:class", "plivo_async.http_client.HTTPClient"),
    ("py:class", "plivo_async.webhooks.pairs.HasItems"),
]

# The client or the fake builds these; users do not call them.
_BUILT_FOR_USERS = {
    plivo_async.CallsResource,
    plivo_async.TrunkCallsResource,
    plivo_async.RecordingsResource,
    plivo_async.Batch,
    plivo_async.Listing,
    plivo_async.testing.FakeRecords,
    plivo_async.testing.FakeTrunkCalls,
    plivo_async.testing.FakeLiveCalls,
}

# Default values without a readable repr, as the sources write them.
_DEFAULTS = {
    "<function sleep[^>]*>": "asyncio.sleep",
    "<built-in method random[^>]*>": "random.random",
    "<built-in function monotonic>": "time.monotonic",
    r"\({'Stir_attestation'.*?},\)": "(DOCUMENTED_CALL,)",
    r"<factory>|NOTHING": "{}",
}


def to_signature(
    _app: Sphinx, what: str, _name: str, of: Any, _options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Replace unreadable default values. Hide the signature of classes that users do not call."""
    is_called = what != "exception" or of is plivo_async.PlivoError
    if isinstance(of, EnumType) or of in _BUILT_FOR_USERS or not is_called:
        return "", None
    for shown, written in _DEFAULTS.items():
        signature = re.sub(shown, written, signature) if signature else signature
    return signature, returns


def setup(app: Sphinx) -> None:
    """Register the hook. Sphinx calls this function."""
    app.connect("autodoc-process-signature", to_signature)
