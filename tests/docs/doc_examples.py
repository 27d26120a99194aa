"""Finds the examples of README.md and docs/: every fenced block, its language, its file name and its output.

A first line such as `# service.py` names the file that a block is saved as; later blocks of the page can
import it. A `text` block right after a `python` block is what that one prints.

    python tests/docs/doc_examples.py FOLDER    saves every python block there, for a type checker
"""

from __future__ import annotations

import re
import shlex
import sys
from itertools import zip_longest
from pathlib import Path

from attrs import frozen
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
_FILE_NAME = re.compile(r"# ([a-z_]+\.py)\n")
# Directives of MyST, such as ```{toctree}, are no examples.
_DIRECTIVE = re.compile(r"\{[a-z:-]+\}")


@frozen(kw_only=True)
class Block:
    """A fenced block; `line` is where its fence opens."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"

    @property
    def is_named(self) -> bool:
        return _FILE_NAME.match(self.text) is not None

    @property
    def file_name(self) -> str:
        named = _FILE_NAME.match(self.text)
        return named[1] if named else f"{re.sub('[^a-z0-9]', '_', self.page.stem.lower())}_{self.line}.py"


@frozen(kw_only=True)
class PythonExample:
    """A python block, what it prints (None where the page does not say), and the files that it may import."""

    block: Block
    prints: str | None
    imports: tuple[Block, ...]

    @property
    def is_test(self) -> bool:
        """Whether pytest runs it."""
        return self.block.file_name.startswith("test_")

    @property
    def is_module(self) -> bool:
        """Whether it is a file that another block uses: its functions are called there."""
        return self.block.is_named and not self.is_test

    def save(self, folder: Path) -> Path:
        """Write it, and what it may import, into the folder; returns its path."""
        for block in (*self.imports, self.block):
            # The blank lines make the numbers of a traceback those of the page.
            (folder / block.file_name).write_text("\n" * block.line + block.text)
        return folder / self.block.file_name


@frozen(kw_only=True)
class ConsoleExample:
    """A console block: its commands, each with the lines shown under it."""

    block: Block
    commands: tuple[tuple[str, str], ...]

    @property
    def where(self) -> str:
        return self.block.where


def pages() -> list[Path]:
    """README.md and every page of the documentation."""
    built = ROOT / "docs" / "_build"
    found = sorted(page for page in (ROOT / "docs").rglob("*.md") if built not in page.parents)
    return [ROOT / "README.md", *found]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, those inside lists and quotes included, directives left out."""
    tokens = MarkdownIt("commonmark").parse(page.read_text())
    return [
        Block(page=page, line=_line(token), language=token.info.strip(), text=token.content)
        for token in tokens
        if token.type == "fence" and not _DIRECTIVE.match(token.info)
    ]


def python_examples(page: Path) -> list[PythonExample]:
    """The python blocks of a page."""
    found = blocks(page)
    examples: list[PythonExample] = []
    named: list[Block] = []
    for block, following in zip_longest(found, found[1:]):
        if block is None or block.language != "python":
            continue
        prints = following.text if following is not None and following.language == "text" else None
        examples.append(PythonExample(block=block, prints=prints, imports=tuple(named)))
        if block.is_named:
            named.append(block)
    return examples


def console_examples(page: Path) -> list[ConsoleExample]:
    """The console blocks of a page."""
    return [
        ConsoleExample(block=block, commands=_commands(block))
        for block in blocks(page)
        if block.language == "console"
    ]


def words(command: str) -> list[list[str]]:
    """The words of each part of a command line that `&&` joins."""
    parts: list[list[str]] = [[]]
    for word in shlex.split(command, comments=True):
        if word == "&&":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _commands(block: Block) -> tuple[tuple[str, str], ...]:
    commands: list[tuple[str, str]] = []
    for line in block.text.splitlines(keepends=True):
        if line.startswith("$ "):
            commands.append((line[2:].strip(), ""))
        else:
            command, output = commands.pop()
            commands.append((command, output + line))
    return tuple(commands)


def _line(token: Token) -> int:
    if token.map is None:
        raise ValueError("a fence without a line")
    return token.map[0] + 1


def save_all(folder: Path) -> None:
    """Save every python block, under a name that contains the page's."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.py"):
        old.unlink()
    seen: dict[str, Block] = {}
    for page in pages():
        for example in python_examples(page):
            name = example.block.file_name
            if name in seen:
                raise SystemExit(f"{name}: in {seen[name].where} and in {example.block.where}")
            seen[name] = example.block
            example.save(folder)


if __name__ == "__main__":
    save_all(Path(sys.argv[1]))
