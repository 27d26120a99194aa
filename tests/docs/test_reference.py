"""The tables of the reference name what there is: all of it, and nothing else."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import click

import plivo_async
from plivo_async import AsyncClient, CallDetailRecord, TrunkCallDetailRecord
from plivo_async.cli.app import commands
from plivo_async.sync.sqlite_schema import table_of
from tests.docs.doc_examples import ROOT

VARIABLE = re.compile(r"\b(?:PLIVO_[A-Z_]*[A-Z]|[A-Z]+_PROXY|SSL_CERT_[A-Z]+)\b")


def rows_of(page: str) -> list[list[set[str]]]:
    """The names in code of each cell of each row of the tables of a page."""
    lines = re.findall(r"^\|(.*)\|$", (ROOT / "docs" / "reference" / page).read_text(), re.MULTILINE)
    return [[set(re.findall(r"`([^`]+)`", cell)) for cell in re.split(r"(?<!\\)\|", line)] for line in lines]


def test_the_page_on_settings_names_every_variable_that_the_package_reads_and_no_other() -> None:
    sources = (file.read_text() for file in Path(plivo_async.__file__).parent.rglob("*.py"))
    found = {name for source in sources for name in VARIABLE.findall(source)}
    listed = [name for row in rows_of("settings.md") for name in row[0]]

    assert len(found) > 15
    assert sorted(listed) == sorted(found)


def test_the_page_on_settings_names_the_options_of_each_variable() -> None:
    options = [o for command in commands.commands.values() for o in command.params if o.envvar]
    named = {name: row[2] for row in rows_of("settings.md") for name in row[0]}

    assert {str(option.envvar): set(option.opts) for option in options}.items() <= named.items()
    known = {opt for command in commands.commands.values() for o in command.params for opt in o.opts}
    assert {opt for opts in named.values() for opt in opts} <= known


def test_the_page_on_settings_has_the_default_of_each_option() -> None:
    options = {
        str(option.envvar): option
        for command in commands.commands.values()
        for option in command.params
        if isinstance(option, click.Option) and option.envvar and option.show_default
    }
    page = (ROOT / "docs/reference/settings.md").read_text()

    assert len(options) > 3
    for name, option in options.items():
        assert re.search(rf"\| `{name}` .*\| `?{option.default}( s)?`? \|", page), name


def test_the_page_on_settings_names_arguments_that_there_are() -> None:
    arguments = {name for row in rows_of("settings.md") for name in row[1]}

    assert len(arguments) > 5
    assert arguments <= inspect.signature(AsyncClient).parameters.keys()


def test_the_page_on_the_schema_names_every_column_of_a_synced_database() -> None:
    page = (ROOT / "docs/reference/sync-schema.md").read_text()
    calls, trunk, report = (
        set(re.findall(r"`(\w+)`", section)) for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:4]
    )
    columns = {
        kind: {*(c.name for c in table_of(kind, record).columns), "call_uuid", "raw"}
        | {"first_written", "last_written"}
        for kind, record in (("calls", CallDetailRecord), ("trunk_calls", TrunkCallDetailRecord))
    }
    view = table_of("calls", CallDetailRecord).statements()[2]
    names = set(re.findall(r"(?:AS |^  )(\w+),?$", view, re.MULTILINE)) - {"calls_report"}

    assert columns["calls"] == calls
    assert (columns["calls"] ^ columns["trunk_calls"]) | {"cnam_lookup"} == trunk - {"calls"}
    assert len(names) > 15
    assert names <= report
