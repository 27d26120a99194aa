"""Write llms.txt: the pages in the order of the sidebar, for language models. See https://llmstxt.org/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def first_sentence(document: nodes.document) -> str:
    """Return the first sentence of a page, or nothing when it has no text."""
    for section in document.findall(nodes.section):
        for child in section.children:
            if isinstance(child, nodes.paragraph):
                text = " ".join(child.astext().split())
                return re.split(r"(?<=[.?!])\s", text)[0].removesuffix(":")
    return ""


def entries(env: BuildEnvironment, toctree: addnodes.toctree, site: str) -> Iterator[str]:
    """Yield a line for each page of a table of contents, and for the pages below it."""
    for name in toctree["includefiles"]:
        page = env.get_doctree(name)
        sentence = first_sentence(page)
        link = f"- [{env.titles[name].astext()}]({site}{name}.html)"
        yield f"{link}: {sentence}" if sentence else link
        for below in page.findall(addnodes.toctree):
            yield from entries(env, below, site)


def index(env: BuildEnvironment, site: str) -> str:
    """Return the text of llms.txt, whose links begin with `site`."""
    root = env.get_doctree(env.config.root_doc)
    lines = [f"# {env.config.project}", "", f"> {first_sentence(root)}"]
    for toctree in root.findall(addnodes.toctree):
        lines += ["", f"## {toctree['caption']}", "", *entries(env, toctree, site)]
    return "\n".join(lines) + "\n"


def write_index(app: Sphinx, error: Exception | None) -> None:
    """Write llms.txt into the built site."""
    if error is None and app.builder.name == "html":
        text = index(app.env, app.config.html_baseurl)
        (Path(app.outdir) / "llms.txt").write_text(text, encoding="utf-8")
