"""The pairs of a form, a query or headers, in whatever shape a framework has them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeAlias, cast
from urllib.parse import unquote_to_bytes

from plivo_async.errors import ConfigurationError
from plivo_async.text import printable


class NotTextError(ValueError):
    """A value of a form is neither text nor bytes, such as a file; the argument is its key."""


class HasItems(Protocol):
    """A mapping, or a mapping with several values for a key."""

    def items(self) -> Iterable[tuple[Any, Any]]: ...


Headers: TypeAlias = HasItems | Iterable[tuple[Any, Any]]
Form: TypeAlias = str | bytes | bytearray | memoryview | HasItems | Iterable[tuple[Any, Any]]
Pairs: TypeAlias = list[tuple[bytes, bytes]]


def decode_pairs(text: bytes) -> Pairs:
    """Return the pairs of a urlencoded text, blank values kept, escapes decoded to bytes.

    Bytes, because an escape such as `%FF` is no text, and must stay different from `%FE`.
    """
    items = (item.partition(b"=") for item in text.split(b"&") if item)
    return [(_decoded(key), _decoded(value)) for key, _, value in items]


def form_pairs(form: Form) -> Pairs:
    """Return the pairs of a form.

    Raises:
        ConfigurationError: It is not a form.
        NotTextError: One of its values is neither text nor bytes.
    """
    text = as_bytes(form)
    if text is not None:
        return decode_pairs(text)
    found: Pairs = []
    for key, value in _single_items("the form", form):
        key_bytes, value_bytes = as_bytes(key), as_bytes(value)
        if key_bytes is None or value_bytes is None:
            raise NotTextError(printable(str(key)))
        found.append((key_bytes, value_bytes))
    return found


def header_pairs(headers: Headers) -> Pairs:
    """Return the pairs of headers that are text or bytes; a WSGI environment has others too.

    Raises:
        ConfigurationError: They are neither a mapping nor pairs.
    """
    pairs = ((as_bytes(key), as_bytes(value)) for key, value in _single_items("headers", headers))
    return [(key, value) for key, value in pairs if key is not None and value is not None]


def given_items(name: str, given: Any) -> list[tuple[Any, Any]]:
    """Return the items of a mapping, of one with several values for a key, or of an iterable of pairs.

    Raises:
        ConfigurationError: It is none of these.
    """
    # Of Starlette and Litestar, then of Django and Werkzeug: their `items` has one value for each key.
    methods = (getattr(given, method, None) for method in ("multi_items", "lists", "items"))
    items = next((method for method in methods if method is not None), lambda: given)
    try:
        return [(key, value) for key, value in items()]
    except (TypeError, ValueError):
        # The values are personal data, so the message has none of them.
        problem = f"{name} must be a mapping or pairs, not {type(given).__name__}"
    raise ConfigurationError(problem)


def as_bytes(value: Any) -> bytes | None:
    """Return text or bytes as bytes; None for anything else."""
    if isinstance(value, str):
        # A lone surrogate is not sent by Plivo. It fits no signature, and is no reason to fail.
        return value.encode("utf-8", "surrogatepass")
    is_bytes = isinstance(value, bytes | bytearray | memoryview)
    return bytes(cast("bytes", value)) if is_bytes else None


def header_value(headers: Pairs, name: str) -> bytes:
    """Return the values of a header, joined by commas (RFC 9110 section 5.3); empty if there is none.

    Its name may be that of a WSGI environment, such as `HTTP_X_FORWARDED_PROTO`, if no other name fits:
    otherwise a sender could add such a header to the one that a proxy sets.
    """
    exact, in_environment = name.lower().encode(), f"HTTP_{name.upper().replace('-', '_')}".encode()
    values = [value for key, value in headers if key.lower() == exact]
    return b",".join(values or [value for key, value in headers if key == in_environment])


def _single_items(name: str, given: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in given_items(name, given):
        for one in cast("Iterable[Any]", value if isinstance(value, list | tuple) else (value,)):
            yield key, one


def _decoded(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))
