from __future__ import annotations

import io
import logging
import os
import re
import sys

import pytest

from plivo_async.cli.live_lines import LiveLines, live_renderer
from plivo_async.cli.output import logging_to_stderr, report


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def screen(terminal: Terminal) -> list[str]:
    """Return the lines that a terminal would show."""
    lines = [""]
    for piece in re.split(r"(\x1b\[1A|\r?\x1b\[2K)", terminal.getvalue()):
        if piece == "\x1b[1A":
            lines.pop()
        elif piece.endswith("\x1b[2K"):
            lines[-1] = ""
        else:
            first, *more = piece.split("\n")
            lines[-1:] = [lines[-1] + first, *more]
    return lines


def test_lines_are_drawn_in_place_and_messages_stay_above_them(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal)
    lines = LiveLines(terminal)
    lines.draw(["1 of 3", "soon"])
    report("a message")
    lines.draw(["2 of 3", "sooner"])
    with logging_to_stderr(True):
        logging.getLogger("plivo_async.some").info("logged")

    assert screen(terminal) == ["plivo-async: a message", "plivo_async.some: logged", "2 of 3", "sooner"]

    lines.draw(["3 of 3"])
    assert screen(terminal)[2:] == ["3 of 3"]
    lines.close()
    report("the end")
    assert screen(terminal)[2:] == ["plivo-async: the end", ""]


def test_a_line_is_written_once_it_is_complete(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal)
    lines = LiveLines(terminal)
    lines.draw(["1 of 3"])
    sys.stderr.write("first\nnext")
    assert screen(terminal) == ["first", "1 of 3"]
    sys.stderr.write(" one\nla")
    sys.stderr.write("st")
    sys.stderr.flush()
    assert screen(terminal) == ["first", "next one", "1 of 3"]
    lines.close()

    assert screen(terminal) == ["first", "next one", "last"]


def test_lines_that_were_never_drawn_need_not_be_removed(terminal: Terminal) -> None:
    LiveLines(terminal).close()

    assert terminal.getvalue() == ""


def test_the_stream_has_the_properties_of_its_terminal() -> None:
    with open(os.devnull, "w", encoding="cp1252") as stream:
        lines = LiveLines(stream)

        assert (lines.encoding, lines.fileno(), lines.isatty()) == ("cp1252", stream.fileno(), False)


def test_the_terminal_is_given_back_even_if_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w", buffering=1) as gone:
        monkeypatch.setattr(sys, "stderr", gone)
        lines = LiveLines(gone)
        for _ in range(2):
            with pytest.raises(OSError, match="No space"):
                lines.draw(["1 of 3"])
        report("a message that nobody sees")
        with pytest.raises(OSError, match="No space"):
            lines.close()

        assert sys.stderr is gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), gone.fileno())


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_capable_terminal_is_needed(term: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stderr", terminal)

    assert (live_renderer() is None) == (term == "dumb")


def test_colours_in_a_pipe_do_not_make_it_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", io.StringIO())

    assert live_renderer() is None
