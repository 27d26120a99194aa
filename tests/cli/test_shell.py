from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from plivo_async.cli.shell import path_word, shell_join

_WORDS = [
    "",
    "plain-name_1.ndjson",
    "my calls",
    "it's",
    "\u00e9",
    "two  blanks",
    " at the start",
    "at the end ",
    "a\ttab and a\nline",
    "no-break\u00a0space",
    os.fsdecode(b"call\xe9"),
    "$HOME `id` \\x41",
]


def test_a_shell_reads_the_words_from_one_line_of_shown_text() -> None:
    line = shell_join(_WORDS)
    assert " ".join(line.split()) == line

    found = subprocess.run(
        ["bash", "-c", rf"printf '%s\0' {line}"], capture_output=True, check=True, timeout=30
    ).stdout

    assert found.split(b"\0")[:-1] == list(map(os.fsencode, _WORDS))


@pytest.mark.parametrize("word", ["plain", "my calls", "it's"])
def test_a_usual_word_is_quoted_as_usual(word: str) -> None:
    assert "$" not in shell_join([word])


def test_a_word_that_stderr_cannot_show_is_written_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert shell_join(["\u00e9.csv"]) == r"$'\xc3\xa9.csv'"


@pytest.mark.parametrize(
    ("name", "word"), [("-", "./-"), ("-x", "./-x"), ("./--help", "./--help"), ("a/-", "a/-")]
)
def test_a_path_is_no_option(name: str, word: str) -> None:
    assert path_word(Path(name)) == word
