"""Secret: a value that no traceback shows."""

from __future__ import annotations

from typing import Any


class Secret:
    """A value that no repr shows. Frames hold it and not the value: tracebacks can show their locals."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: Any = value

    def __repr__(self) -> str:
        return "Secret(...)"
