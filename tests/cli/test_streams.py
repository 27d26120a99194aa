from __future__ import annotations

import io
import os
import sys

import pytest

from plivo_async.cli.output import report, write
from plivo_async.cli.streams import encodable, flush_or_discard


def test_a_message_for_a_full_or_closed_stderr_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        report("never seen")
        flush_or_discard()
    monkeypatch.setattr(sys, "stderr", None)
    report("never seen")


def test_at_its_end_the_command_discards_what_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    # To close it flushes it.
    with open(writing, "w") as gone:
        gone.write("never read")
        monkeypatch.setattr(sys, "stdout", gone)
        monkeypatch.setattr(sys, "stderr", None)
        flush_or_discard()


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", "é ☎\n"), ("cp1252", "é \\u260e\n"), ("latin-1", "é \\u260e\n"), ("ascii", "\\xe9 \\u260e\n")],
)
def test_a_character_that_stdout_cannot_encode_is_escaped(
    encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    write("é ☎\n")

    assert raw.getvalue().decode(encoding) == shown


def test_a_stream_without_an_encoding_gets_the_text_as_it_is() -> None:
    assert encodable("é ☎", io.StringIO()) == "é ☎"
