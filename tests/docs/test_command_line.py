"""The reference of the command line is what `--help` shows, and fits a terminal."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from plivo_async.cli.app import commands, run
from plivo_async.cli.exit_codes import ExitCode

# Its module is no part of the package, so type checkers do not find it.
generator = importlib.import_module("docs.command_line")
page: Path = generator.PAGE
with_generated: Callable[[str], str] = generator.with_generated
TEXT = page.read_text()
SECTIONS = dict(re.findall(r"^##+ ([^\n]+)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
ALL = [commands, *commands.commands.values()]


def test_the_page_is_up_to_date() -> None:
    """`python -m docs.command_line` writes it."""
    assert with_generated(TEXT) == TEXT


@pytest.mark.parametrize("command", commands.commands.values(), ids=lambda command: command.name)
def test_the_section_of_a_command_leads_to_all_of_its_options(command: click.Command) -> None:
    section = SECTIONS[str(command.name)]
    by_link = {title.lower().replace(" ", "-"): text for title, text in SECTIONS.items()}
    texts = [section, *(by_link[link] for link in re.findall(r"\]\(#([^)]+)\)", section))]
    options = [option for option in command.params if isinstance(option, click.Option)]
    shown = {
        name
        for text in texts
        for names in re.findall(r"^- `([^`]+)`:", text, re.MULTILINE)
        for name in re.findall(r"(?:^|, )(--?[a-z-]+)", names)
    }

    assert {name for option in options for name in option.opts} - {"-h", "--help"} == shown


def test_the_page_explains_every_exit_code() -> None:
    assert {int(code) for code in re.findall(r"\b[0-9]+\b", SECTIONS["Exit codes"])} >= set(ExitCode)


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.name)
def test_the_help_fits_80_columns(
    command: click.Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    assert run([*([] if command is commands else [str(command.name)]), "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) > 10
    assert [line for line in lines if len(line) > 80] == []


def test_the_list_of_commands_has_whole_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])
    listed = capsys.readouterr().out.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()

    assert len(listed) == len(commands.commands)
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []
