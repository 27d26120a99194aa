"""The reference has every error, whether it is retryable, and its messages as the package prints them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import plivo_async
from plivo_async import LifetimeError, PlivoError
from plivo_async.errors import type_for_status
from tests.docs.doc_examples import ROOT

PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text()
ROWS = dict(re.findall(r"^\| .*\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
ENTRIES = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
ERRORS = {name for name in plivo_async.__all__ if name.endswith("Error")} - {"PlivoError"}
# They only group others, so no message is theirs.
BASES = {"StatusError", "InvalidResponseError", "LifetimeError"}
LEAST_CHARACTERS = 14


def statuses_of(kind: type[PlivoError]) -> list[int | None]:
    """The statuses of the responses that exactly this error is raised for; None if there is none."""
    return [s for s in range(200, 600) if issubclass(kind, type_for_status(s))] or [None]


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_the_table_marks_the_error_as_retryable_or_not(name: str) -> None:
    kind: Any = getattr(plivo_async, name)
    cell = ROWS[name]
    flag = re.fullmatch(r"(if|unless) `(\w+)`", cell)
    if cell.startswith("for "):
        marked = {int(status) for status in re.findall("[0-9]+", cell)}
        own = statuses_of(kind)
        statuses = range(300, 600) if own == [None] else own
        assert {s for s in statuses if kind("x", status=s).retryable} == marked
    elif flag:
        for value in (True, False):
            assert kind("x", **{flag[2]: value}).retryable is (value is (flag[1] == "if"))
    elif cell.startswith("never"):
        assert name in BASES or issubclass(kind, LifetimeError)
    else:
        assert {kind("x", status=s).retryable for s in statuses_of(kind)} == {cell == "yes"}


def test_the_page_has_every_error_and_no_other() -> None:
    assert ROWS.keys() == ENTRIES.keys() == ERRORS


@pytest.mark.parametrize("name", sorted(ERRORS - BASES))
def test_each_entry_has_the_same_form(name: str) -> None:
    assert re.fullmatch(
        r"\n```text\n(?:.+\n)+```\n\n- \*\*When:\*\* .+?\n- \*\*Already done:\*\* .+?\n- \*\*Do:\*\* .+?\n\n",
        ENTRIES[name],
        re.DOTALL,
    )


def templates() -> Iterator[re.Pattern[str]]:
    """Every message of the package as a pattern; texts that are too short to recognise are left out."""
    for file in Path(plivo_async.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [
                p.value if isinstance(p, ast.Constant) and isinstance(p.value, str) else "" for p in parts
            ]
            if len("".join(texts)) >= LEAST_CHARACTERS:
                yield re.compile(".*".join(map(re.escape, filter(None, texts))))


def test_the_messages_are_those_of_the_package() -> None:
    known = list(templates())
    messages = [m for entry in ENTRIES.values() for m in re.findall(r"```text\n(.*?)\n```", entry, re.DOTALL)]
    # A message that is longer than a line continues in indented ones.
    lines = [line for message in messages for line in message.replace("\n  ", " ").splitlines()]
    # The text is that of the server or of httpx, after one word of the package.
    foreign = re.compile(r"HTTP [0-9]{3}(: [a-z ]+)?|(connect|read) timeout: |\w+Error: ")

    assert len(lines) > 40
    assert [
        line for line in lines if not foreign.match(line) and not any(t.search(line) for t in known)
    ] == []
