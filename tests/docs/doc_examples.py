"""Finds the examples of README.md and docs/: every fenced block, its language, its file name and its output.

A first line such as `# service.py` names the file that a block is saved as; later blocks of the page can
import it. A `text` block right after a `python` block is what that one prints. A `literalinclude` shows a
file of the repository.

    python tests/docs/doc_examples.py FOLDER    saves every python block there, for a type checker
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from attrs import frozen
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
# The languages of blocks that are files of the repository.
INCLUDED = "literalinclude"
PART = "part of a file"
_FILE_NAME = re.compile(r"(?:#|--) ([A-Za-z0-9_./-]+\.[a-z]+|Dockerfile)\n")
# Directives of MyST, such as ```{toctree}, are no examples.
_DIRECTIVE = re.compile(r"\{([a-z:-]+)\}\s*(\S*)")
_TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@frozen
class Block:
    """A fenced block; `line` is where its fence opens, `name` that of the file that it is saved as."""

    page: Path
    line: int
    language: str
    text: str
    name: str | None

    @property
    def where(self) -> str:
        page = self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page
        return f"{page.as_posix()}:{self.line}"

    @property
    def file_name(self) -> str:
        return self.name or f"{re.sub('[^a-z0-9]', '_', self.page.stem.lower())}_{self.line}.py"


@frozen(kw_only=True)
class PythonExample:
    """A python block.

    Attributes:
        block: The block.
        prints: What it prints; None where the page does not say.
        imports: The files of earlier blocks, which it may import.
        is_module: Whether a later block uses it: its functions may be called there.
    """

    block: Block
    prints: str | None
    imports: tuple[Block, ...]
    is_module: bool

    @property
    def is_test(self) -> bool:
        """Whether pytest runs it."""
        return self.block.file_name.startswith("test_")

    def save(self, folder: Path) -> Path:
        """Write it, and what it may import, into the folder; returns its path."""
        for block in (*self.imports, self.block):
            file = folder / block.file_name
            file.parent.mkdir(parents=True, exist_ok=True)
            # The blank lines make the numbers of a traceback those of the page.
            file.write_text("\n" * block.line + block.text)
        return folder / self.block.file_name


@frozen(kw_only=True)
class ConsoleExample:
    """A console block: its commands, each with the lines shown under it."""

    block: Block
    commands: tuple[tuple[str, str], ...]

    @property
    def where(self) -> str:
        return self.block.where


def pages(root: Path = ROOT) -> list[Path]:
    """README.md and every page of the documentation."""
    built = root / "docs" / "_build"
    found = sorted(page for page in (root / "docs").rglob("*.md") if built not in page.parents)
    return [root / "README.md", *found]


def pages_of_the_site() -> list[Path]:
    """README.md and every page of the documentation, in the order in which the site lists them."""
    return [ROOT / "README.md", *_with_pages_below(ROOT / "docs" / "index.md")]


def _with_pages_below(page: Path) -> Iterator[Path]:
    """Yield a page, then the pages of its tables of contents, each with its own."""
    yield page
    for toctree in _TOCTREE.findall(page.read_text()):
        for line in toctree.splitlines():
            below = (page.parent / f"{line}.md").resolve()
            if line and not line.startswith(":") and below.exists():
                yield from _with_pages_below(below)


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, those inside lists and quotes included, directives left out."""
    return [block for block in pasted_blocks(page) if block.language not in (INCLUDED, PART)]


def pasted_blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page and the files that it includes, in their order."""
    tokens = MarkdownIt("commonmark").parse(page.read_text())
    found = [_block(page, token) for token in tokens if token.type == "fence"]
    return [block for block in found if block]


def _block(page: Path, token: Token) -> Block | None:
    directive = _DIRECTIVE.match(token.info)
    language, text = token.info.strip(), token.content
    if directive is not None:
        if directive[1] != INCLUDED:
            return None
        file = page.parent / directive[2]
        # A reader cannot run a part of a file.
        language = PART if re.search(r"^:(?!language:)", text, re.MULTILINE) else INCLUDED
        return Block(page, line=_line(token), language=language, text=file.read_text(), name=file.name)
    named = _FILE_NAME.match(text)
    return Block(page, line=_line(token), language=language, text=text, name=named[1] if named else None)


def readme_install() -> str:
    """The README's command that installs the package from a clone, without the command that follows it."""
    commands = [
        command for example in console_examples(ROOT / "README.md") for command, _ in example.commands
    ]
    [install] = {part for c in commands for part in c.split(" && ") if part.startswith("pip install -e")} - {
        'pip install -e ".[dev]"'
    }
    return install


def python_examples(page: Path) -> list[PythonExample]:
    """The python blocks of a page."""
    found = blocks(page)
    examples: list[PythonExample] = []
    named: list[Block] = []
    for block, following in zip_longest(found, found[1:]):
        if block is None or block.language != "python":
            continue
        prints = following.text if following is not None and following.language == "text" else None
        examples.append(
            PythonExample(block=block, prints=prints, imports=tuple(named), is_module=is_used_later(block))
        )
        if block.name is not None:
            named.append(block)
    return examples


def is_used_later(block: Block) -> bool:
    """Whether a later block of the page names this file."""
    if block.name is None:
        return False
    later = [
        other.text
        for other in pasted_blocks(block.page)
        if other.line > block.line and other.language in ("python", "console", INCLUDED)
    ]
    return any(re.search(rf"\b{Path(block.name).stem}\b", text) for text in later)


def console_examples(page: Path) -> list[ConsoleExample]:
    """The console blocks of a page."""
    return [
        ConsoleExample(block=block, commands=commands_of(block))
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


def commands_of(block: Block) -> tuple[tuple[str, str], ...]:
    """The commands of a console block, each with the lines shown under it."""
    commands: list[tuple[str, str]] = []
    for line in block.text.splitlines(keepends=True):
        if line.startswith("$ "):
            commands.append((line[2:].strip(), ""))
            continue
        command, output = commands.pop()
        if command.endswith("\\"):
            commands.append((f"{command}\n{line.removeprefix('> ').strip()}", ""))
        else:
            commands.append((command, output + line))
    return tuple(commands)


def _line(token: Token) -> int:
    if token.map is None:
        raise ValueError("a fence without a line")
    return token.map[0] + 1


def save_all(folder: Path) -> None:
    """Save every python block, under a name that contains the page's, and the programs that it may import."""
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
        for block in pasted_blocks(page):
            if block.language == INCLUDED and block.file_name.endswith(".py"):
                (folder / block.file_name).write_text(block.text)


if __name__ == "__main__":
    save_all(Path(sys.argv[1]))
