"""A reader, who pastes the blocks of a page one after the other."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from attrs import define, field, frozen

from tests.docs.doc_examples import INCLUDED, Block, commands_of, is_used_later, pasted_blocks
from tests.docs.outputs import difference, is_shown
from tests.pasted.environments import environ_of_a_reader
from tests.pasted.terminal import Printed, Terminal

# Blocks of these languages are settings, which are saved, or texts, which are read.
READ_ONLY = {"text", "toml", "ini", "yaml", "json", "sql", "dockerfile"}
_RUN = {"python", "console", INCLUDED}
# `.ci/run` runs the tests of the README by its own command: they are longer than all pages.
RUN_BY_CI = {'pip install -e ".[dev]" && pytest -n auto'}
_START_PATIENCE_SECONDS = 30.0


@frozen
class Step:
    """A block that is run, and the text that the page shows right after a python block."""

    block: Block
    prints: str

    @property
    def is_only_saved(self) -> bool:
        """Whether other blocks run it."""
        name = Path(self.block.name or "").name
        return self.block.language == INCLUDED or (
            self.block.language == "python" and name.startswith(("test_", "conftest."))
        )


@define
class Result:
    """What came of the blocks of a page."""

    failures: dict[str, str] = field(factory=dict[str, str])
    transcript: str = ""


def steps_of(page: Path) -> list[Step]:
    """The blocks of a page that a reader runs or saves."""
    found = pasted_blocks(page)
    following = [*found[1:], None][: len(found)]
    return [
        Step(block, after.text if after is not None and after.language == "text" else "")
        for block, after in zip(found, following, strict=True)
        if block.language in _RUN or (block.name is not None and block.language in READ_ONLY)
    ]


def counted(page: Path) -> list[Block]:
    """The blocks of a page that are run, by themselves or by another block."""
    return [step.block for step in steps_of(page) if step.block.language in _RUN]


def is_never_used(step: Step) -> bool:
    """Whether no later block of the page runs a file that is only saved."""
    if not step.is_only_saved or step.block.name == "conftest.py":
        return False
    later = [block.text for block in pasted_blocks(step.block.page) if block.line > step.block.line]
    runs_all_tests = any(re.search(r"^\$ pytest( -\w+)*$", text, re.MULTILINE) for text in later)
    return not runs_all_tests and not is_used_later(step.block)


def has_jobs(page: Path) -> bool:
    """Whether a page starts servers: their ports are fixed."""
    consoles = [block for block in pasted_blocks(page) if block.language == "console"]
    return any(re.search(r"&\s*(#.*)?$", command) for block in consoles for command, _ in commands_of(block))


def uses_postgres(page: Path) -> bool:
    """Whether a page needs the PostgreSQL server of its reader."""
    consoles = [block for block in pasted_blocks(page) if block.language == "console"]
    return any(command.startswith("psql ") for block in consoles for command, _ in commands_of(block))


def installs_from_a_clone(page: Path) -> bool:
    """Whether a page is read in a clone."""
    consoles = [block for block in pasted_blocks(page) if block.language == "console"]
    commands = [command for block in consoles for command, _ in commands_of(block)]
    return any("pip install -e" in command for command in commands) and not any(
        "git clone" in command for command in commands
    )


@contextmanager
def first_terminal(environment: Path, folder: Path) -> Generator[str, None, None]:
    """Run `plivo-async fake`; gives the line that it prints."""
    with (folder / "fake.log").open("w") as log:
        process = subprocess.Popen(
            [environment / "bin" / "plivo-async", "fake"],
            cwd=folder,
            env=environ_of_a_reader(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    watchdog = threading.Timer(_START_PATIENCE_SECONDS, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        watchdog.cancel()
        assert line.startswith("export "), (folder / "fake.log").read_text()
        yield line.strip()
    finally:
        watchdog.cancel()
        process.terminate()
        process.communicate(timeout=_START_PATIENCE_SECONDS)


def paste_page(page: Path, environment: Path, folder: Path, exports: str) -> Result:
    """Paste the blocks of a page into a terminal.

    Args:
        page: The page.
        environment: The virtual environment of its reader.
        folder: Where the reader is.
        exports: The line that the fake printed.
    """
    result = Result()
    with Terminal(folder, environ_of_a_reader()) as terminal:
        for command in (f"source {environment}/bin/activate", exports):
            assert terminal.paste(command) == Printed(0, "", "")
        for step in steps_of(page):
            if terminal.hangs:
                result.failures[step.block.where] = "an earlier block hangs"
                continue
            failure = _paste(step, terminal, folder)
            if failure:
                result.failures[step.block.where] = failure
        result.transcript = terminal.printed_since()
    return result


def _paste(step: Step, terminal: Terminal, folder: Path) -> str:
    block = step.block
    if block.language == "console":
        return _paste_commands(block, terminal)
    name = block.name or "example.py"
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(block.text)
    if is_never_used(step):
        return f"no later block of the page runs {name}"
    if block.language != "python" or step.is_only_saved:
        return ""
    printed = terminal.paste(f"python {name}", partial(is_shown, step.prints))
    return _failure(f"python {name}", printed, 0, step.prints, shows_all=True)


def _paste_commands(block: Block, terminal: Terminal) -> str:
    commands = commands_of(block)
    for number, (command, shown) in enumerate(commands):
        if command in RUN_BY_CI:
            continue
        following = commands[number + 1][0] if number + 1 < len(commands) else ""
        printed = terminal.paste(command, partial(is_shown, shown) if shown else None)
        expected = None if following == "echo $?" else 0
        failure = _failure(command, printed, expected, shown, shows_all=False)
        if failure:
            return failure
    return ""


def _failure(command: str, printed: Printed, expected: int | None, shown: str, *, shows_all: bool) -> str:
    """Why a command is not what its page shows; empty if it is."""
    if printed.exit_code is None:
        return f"$ {command}\nhangs. It has printed:\n{printed.screen}"
    if expected is not None and printed.exit_code != expected:
        return f"$ {command}\nhas exit code {printed.exit_code}. It printed:\n{printed.screen}"
    if not shown and not shows_all:
        return ""
    if is_shown(shown, printed.own) or is_shown(shown, printed.screen):
        return ""
    return f"$ {command}\n{difference(shown, printed.own)}"
