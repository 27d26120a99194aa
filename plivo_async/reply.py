"""Reply: what a resource reads its result from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field

from plivo_async._httpx import httpx
from plivo_async.redactor import Redactor


@define(eq=False)
class Reply:
    """A response with a 2xx status, its body read.

    Attributes:
        response: The response.
        attempts: How many requests it took.
        redactor: Blanks the client's secrets.
        decoded: The body that was read within the attempt, and the value in it.
    """

    response: httpx.Response
    attempts: int
    redactor: Redactor
    decoded: tuple[bytes, Any] | None = field(default=None, repr=False)

    def value(self, decode: Callable[[bytes], Any]) -> Any:
        """Return the value in the body, read again only where middleware has replaced the body."""
        content = self.response.content
        if self.decoded is not None and self.decoded[0] is content:
            return self.decoded[1]
        return decode(content)
