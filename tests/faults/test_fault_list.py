"""README.md of this folder names tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
README = Path(__file__).with_name("README.md")


def names_of(file: Path) -> set[str]:
    """The tests of a file, those of a class with its name."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}::" if isinstance(node, ast.ClassDef) else ""
        names |= {
            f"{prefix}{member.name}"
            for member in members
            if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef)
        }
    return names


def test_each_test_of_the_list_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::([\w:]+)`", README.read_text(encoding="utf-8"))
    assert len(named) > 80
    existing = {file: names_of(TESTS / file) for file, _ in named}
    assert [f"{file}::{test}" for file, test in named if test not in existing[file]] == []


def test_each_row_of_the_list_names_a_test() -> None:
    rows = re.findall(r"^\| (?!Fault |Each fault |-)(.+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 40
    assert [row for row in rows if "::test_" not in row] == []
