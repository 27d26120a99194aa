"""Sphinx: `nox -s docs` builds the pages into docs/_build/html."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import plivo_async

_DOCS = Path(__file__).parent
sys.path.insert(0, str(_DOCS))
import api_pages  # noqa: E402
import inventories  # noqa: E402
import llms  # noqa: E402
import search_words  # noqa: E402

_URLS = tomllib.loads((_DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]

project = "plivo_async"
author = "plivo_async contributors"
project_copyright = "plivo_async contributors"
version = release = plivo_async.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"plivo_async {version}"
html_baseurl = f"{_URLS['Documentation']}en/latest/"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_logo = html_favicon = "pictures/mark.svg"
html_theme_options = {
    "source_repository": _URLS["Source"],
    "source_branch": "main",
    "source_directory": "docs/",
}
# Copy commands without their prompts and without what they print.
copybutton_exclude = ".linenos, .gp, .go"
intersphinx_mapping = inventories.mapping(_DOCS / "_build" / "inventories")
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

nitpick_ignore_regex = [
    # Filters and options together, the kind of record of a list, the type of a wrapped result.
    ("py:class", r"plivo_async\.(resources\..*\.(_ListOptions|Record)|(otel|tracing)\.T)"),
]
nitpick_ignore = [
    # An inner type: a user passes the URL of a proxy.
    ("py:class", "plivo_async.transport.proxy.Proxy"),
    # It has no inventory.
    ("py:class", "httpx2.AsyncClient"),
]


def announce(_app: Sphinx, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Say on each page how its examples are run. A relative link, because a copy of the site has them too."""
    box = f"{context['pathto']('index').removesuffix('#')}#run-the-examples"
    # It fits a phone on one line.
    context["theme_announcement"] = f'<a href="{box}">Run the examples without an account</a>'


def setup(app: Sphinx) -> None:
    """Register the hooks. Sphinx calls this function."""
    app.connect("html-page-context", announce)
    api_pages.setup(app)
    app.add_transform(search_words.AddSearchWords)
    app.connect("build-finished", llms.write_pages)
