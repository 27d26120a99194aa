"""Compares what a page shows with what is printed.

`...` matches any text, a measured time any other, and a column of a table one of any width.
"""

from __future__ import annotations

import doctest
import re

# The printed value depends on how busy the machine is.
_MEASURED_SECONDS = re.compile(r"\d+\.(?:\d+|\.\.) s\b( {2,})?")
# A column of a table is as wide as its longest value.
_RULE, _ROW, _PADDING = re.compile("─+"), re.compile("^│.*│$", re.MULTILINE), re.compile(" +")
# A program colours its output if it is in a terminal.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CHECKER = doctest.OutputChecker()


def is_shown(shown: str, printed: str) -> bool:
    """Whether the lines of a page are what was printed. The last line may lack its end, as curl's does."""
    printed = _COLOUR.sub("", printed)
    if printed and not printed.endswith("\n"):
        printed += "\n"
    shown, printed = _without_widths(_without_times(shown)), _without_widths(printed)
    return _CHECKER.check_output(shown, printed, doctest.ELLIPSIS)


def difference(shown: str, printed: str) -> str:
    """Both texts, one beneath the other."""
    return _CHECKER.output_difference(doctest.Example("", shown), printed, doctest.ELLIPSIS)


def _without_times(shown: str) -> str:
    """Let any text match a number of seconds that a clock measured, such as `29.99 s`, and its padding."""
    return _MEASURED_SECONDS.sub(lambda match: "... s..." if match[1] else "... s", shown)


def _without_widths(text: str) -> str:
    """Let the columns of a table have any width."""
    return _ROW.sub(lambda row: _PADDING.sub(" ", row[0]), _RULE.sub("─", text))
