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

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"plivo_async {version}"
html_copy_source = False
# What psql understands beside SQL.
suppress_warnings = ["misc.highlighting_failure"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

# What is written in single backticks in a docstring is code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
maximum_signature_line_length = 100

# The documentation of other projects is elsewhere, and nothing is downloaded to link to it.
_FOREIGN = "asyncio|attr|cattrs|collections|datetime|decimal|enum|h11|httpx|pathlib|ssl|types|typing|uuid"
nitpick_ignore_regex = [("py:.*", rf"({_FOREIGN})\..*")]
# What the environment's proxies become; a user passes a URL.
nitpick_ignore = [("py:class", "plivo_async.transport.proxy.Proxy")]

# Names that no English word looks like.
_PUBLIC = {
    name: f"{module.__name__}.{name}"
    for module in (plivo_async, plivo_async.testing)
    for name in module.__all__
    if re.match(r"[A-Z]+[a-z]+[A-Z]", name)
}
_NAME = re.compile(rf"(?<![`\w.])({'|'.join(_PUBLIC)})(s?)(?![`\w(-])")
_ARGUMENTS = re.compile(r"([a-z_]+(?: \([^)]*\))?(?:, [a-z_]+(?: \([^)]*\))?)*): ")
_DEFAULTS = {
    "<function sleep[^>]*>": "asyncio.sleep",
    "<built-in method random[^>]*>": "random.random",
    "<built-in function monotonic>": "time.monotonic",
    r"\({'Stir_attestation'.*?},\)": "(DOCUMENTED_CALL,)",
    r"<factory>|NOTHING": "{}",
}


def to_rst(_app: Sphinx, _what: str, name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Make a list of a docstring's `name: what it is` lines, and links of public names."""
    own = name.rpartition(".")[2]
    in_list = False
    for index, line in enumerate(lines):
        arguments = _ARGUMENTS.match(line)
        text = _NAME.sub(lambda found: found[0] if found[1] == own else _link(found), line)
        if arguments:
            # The names, not what stands in parentheses after one.
            names = re.sub(r"[a-z_]+(?![^(]*\))", r"**\g<0>**", arguments[1])
            text = f"* {names}: {_NAME.sub(_link, line[arguments.end() :])}"
        elif in_list and line:
            text = f"  {text}"
        in_list = bool(line) and (in_list or bool(arguments))
        lines[index] = re.sub(r"^(Raises[^:]*):", r"**\1**:", text)


def _link(found: re.Match[str]) -> str:
    return f":py:obj:`~{_PUBLIC[found[1]]}`" + (f"\\ {found[2]}" if found[2] else "")


def to_signature(
    _app: Sphinx, what: str, _name: str, of: Any, _options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Defaults as they stand in the sources where Python shows no code; none where nobody calls it."""
    if isinstance(of, EnumType) or (what == "exception" and of is not plivo_async.PlivoError):
        return "", None
    for shown, written in _DEFAULTS.items():
        signature = re.sub(shown, written, signature) if signature else signature
    return signature, returns


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", to_rst)
    app.connect("autodoc-process-signature", to_signature)
