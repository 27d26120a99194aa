"""Compares what a page shows with what is printed: `...` matches any text, a measured time any other."""

from __future__ import annotations

import doctest
import re

# The printed value depends on how busy the machine is.
_MEASURED_SECONDS = re.compile(r"\d+\.(?:\d+|\.\.) s\b( {2,})?")
_CHECKER = doctest.OutputChecker()


def is_shown(shown: str, printed: str) -> bool:
    """Whether the lines of a page are what was printed."""
    return _CHECKER.check_output(_without_times(shown), printed, doctest.ELLIPSIS)


def difference(shown: str, printed: str) -> str:
    """Both texts, one beneath the other."""
    return _CHECKER.output_difference(doctest.Example("", shown), printed, doctest.ELLIPSIS)


def _without_times(shown: str) -> str:
    """Let any text match a number of seconds that a clock measured, such as `29.99 s`, and its padding."""
    return _MEASURED_SECONDS.sub(lambda match: "... s..." if match[1] else "... s", shown)
