"""Write the pages for language models, in the order of the sidebar. See https://llmstxt.org/.

llms.txt has a line for each page, llms-full.txt the text of all pages but those of the API.
"""

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


def names_below(env: BuildEnvironment, toctree: addnodes.toctree) -> Iterator[str]:
    """Yield the pages of a table of contents, each before the pages below it."""
    for name in toctree["includefiles"]:
        yield name
        for below in env.get_doctree(name).findall(addnodes.toctree):
            yield from names_below(env, below)


def index(env: BuildEnvironment, site: str) -> str:
    """Return the text of llms.txt, whose links begin with `site`."""
    root = env.get_doctree(env.config.root_doc)
    lines = [f"# {env.config.project}", "", f"> {first_sentence(root)}"]
    for toctree in root.findall(addnodes.toctree):
        lines += ["", f"## {toctree['caption']}", ""]
        for name in names_below(env, toctree):
            sentence = first_sentence(env.get_doctree(name))
            link = f"- [{env.titles[name].astext()}]({site}{name}.html)"
            lines.append(f"{link}: {sentence}" if sentence else link)
    return "\n".join(lines) + "\n"


def source(path: Path) -> str:
    """Return the Markdown of a page, with the files that it includes in place of the directives."""

    def included(match: re.Match[str]) -> str:
        text = (path.parent / match[2]).read_text(encoding="utf-8")
        return text if match[1] == "include" else f"```python\n{text}```\n"

    text = path.read_text(encoding="utf-8")
    text = re.sub(
        r"^```\{(include|literalinclude)\} (\S+)\n.*?^```\n", included, text, flags=re.MULTILINE | re.DOTALL
    )
    return re.sub(r"^```\{toctree\}\n.*?^```\n", "", text, flags=re.MULTILINE | re.DOTALL)


def full(env: BuildEnvironment) -> str:
    """Return the text of llms-full.txt."""
    root = env.config.root_doc
    toctrees = env.get_doctree(root).findall(addnodes.toctree)
    names = [root, *(name for toctree in toctrees for name in names_below(env, toctree))]
    # The pages of the API are made of docstrings. Their sources have only the names.
    return "\n".join(
        source(Path(env.doc2path(name))) for name in names if not name.startswith("reference/api/")
    )


def write_pages(app: Sphinx, error: Exception | None) -> None:
    """Write both files into the built site."""
    if error is None and app.builder.name == "html":
        site = Path(app.outdir)
        (site / "llms.txt").write_text(index(app.env, app.config.html_baseurl), encoding="utf-8")
        (site / "llms-full.txt").write_text(full(app.env), encoding="utf-8")
