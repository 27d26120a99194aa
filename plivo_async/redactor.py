"""Blanks secrets in what a server sends: a server, gateway or proxy may reflect the request."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from urllib.parse import quote

from plivo_async._httpx import httpx
from plivo_async.errors import PlivoError

_BLANK = "***"
# Blanked as a whole word only; a shorter password is blanked in its Basic value alone. Else ordinary words
# would be lost. A token of Plivo's has 40 characters.
_WORD_CHARACTERS = 4
_LONG_CHARACTERS = 16


class Redactor:
    """Blanks passwords, and the Basic values (RFC 7617) that they are sent in.

    Letter case is ignored. Percent-encoded, base64-encoded and escaped forms are blanked too.

    Args:
        pairs: Users and their passwords.
    """

    __slots__ = ("_bytes", "_text")

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        long, words = set[str](), set[str]()
        for user, password in pairs:
            long |= _encoded(f"{user}:{password}")
            if len(password) >= _LONG_CHARACTERS:
                long |= _written(password) | _encoded(password)
            elif len(password) >= _WORD_CHARACTERS:
                words |= _written(password)
        parts = [f"(?:{_any_of(long)})(?:=|%3D){{0,2}}"]
        if words:
            parts.append(rf"(?<![A-Za-z0-9])(?:{_any_of(words)})(?![A-Za-z0-9])")
        pattern = "|".join(parts)
        self._text = re.compile(pattern, re.IGNORECASE | re.ASCII)
        self._bytes = re.compile(pattern.encode(), re.IGNORECASE)

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        return self._text.sub(_BLANK, text)

    def body(self, body: bytes) -> bytes:
        """Return a body without the secrets."""
        return self._bytes.sub(_BLANK.encode("ascii"), body)

    def response(self, response: httpx.Response) -> httpx.Response:
        """Return a response without the secrets: headers, reason phrase, and the body if it is read."""
        response.headers = httpx.Headers([(name, self.body(value)) for name, value in response.headers.raw])
        reason = response.extensions.get("reason_phrase")
        if isinstance(reason, bytes):
            response.extensions = {**response.extensions, "reason_phrase": self.body(reason)}
        if not response.is_stream_consumed:
            return response
        content = self.body(response.content)
        if content == response.content:
            return response
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            content=content,
            request=response.request,
            extensions=response.extensions,
        )

    def failure(self, failure: httpx.HTTPError) -> None:
        """Blank the secrets in an exception, and in the response of an `httpx.HTTPStatusError`."""
        failure.args = tuple(self.text(arg) if isinstance(arg, str) else arg for arg in failure.args)
        if isinstance(failure, httpx.HTTPStatusError):
            failure.response = self.response(failure.response)

    def error(self, error: PlivoError) -> None:
        """Blank the secrets in what an error has of a response."""
        error.message = self.text(error.message)
        error.args = (error.message,)
        error.headers = {name: self.text(value) for name, value in error.headers.items()}
        error.body = self.body(error.body)


def _any_of(needles: Iterable[str]) -> str:
    # The longest first: one may begin with another.
    return "|".join(re.escape(needle) for needle in sorted(needles, key=len, reverse=True))


def _encoded(secret: str) -> set[str]:
    """Return the base64 forms, without padding, as they are and percent-encoded."""
    forms = {encode(secret.encode()).decode("ascii").rstrip("=") for encode in (b64encode, urlsafe_b64encode)}
    return forms | {quote(form, safe="") for form in forms}


def _written(secret: str) -> set[str]:
    """Return the forms in which a text may show a secret: as it is, or escaped."""
    quoted = json.dumps(secret)[1:-1]
    # As Go and PHP write JSON.
    escaped = re.sub("[<>&']", lambda match: f"\\u{ord(match[0]):04x}", quoted)
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        html.escape(secret),
        quoted,
        quoted.replace("/", "\\/"),
        escaped,
        repr(secret)[1:-1],
    }
