"""Searches everything that an exception exposes for credentials."""

from __future__ import annotations

import contextlib
import logging
import pickle
import traceback
from base64 import b64encode

from tests.faults.serving import AUTH_ID, TOKEN

SECRETS = (TOKEN, b64encode(f"{AUTH_ID}:{TOKEN}".encode()).decode())


def links(error: BaseException) -> list[BaseException]:
    """The error, its causes and contexts, and those of them."""
    found: list[BaseException] = []
    queue: list[BaseException | None] = [error]
    while queue:
        link = queue.pop()
        if link is not None and link not in found:
            found.append(link)
            queue += [link.__cause__, link.__context__, *getattr(link, "exceptions", ())]
    return found


def shown_by(error: BaseException) -> dict[str, str]:
    """The texts that a reader, a logger or another process can see."""
    shown: dict[str, str] = {}
    for link in links(error):
        shown |= {
            f"{type(link).__name__}: {how}": text
            for how, text in {
                "repr": repr(link),
                "str": str(link),
                "args": repr(link.args),
                "vars": repr(vars(link)),
                "locals": "".join(
                    traceback.TracebackException.from_exception(link, capture_locals=True).format()
                ),
            }.items()
        }
        with contextlib.suppress(TypeError):
            shown[f"{type(link).__name__}: pickle"] = repr(pickle.dumps(link))
    return shown


def leaks_of(error: BaseException, secrets: tuple[str, ...] = SECRETS) -> list[str]:
    """The places where the error shows a secret."""
    return [how for how, text in shown_by(error).items() if any(secret in text for secret in secrets)]


def leaks_in(records: list[logging.LogRecord], secrets: tuple[str, ...] = SECRETS) -> list[str]:
    """Log records that show a secret."""
    return [
        text
        for record in records
        if any(secret in (text := f"{record.getMessage()} {vars(record)}") for secret in secrets)
    ]
