"""The message and the api_id in the JSON body of an error. Pure; knows nothing of HTTP."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from typing import Any, cast

from plivo_async.text import printable

_PARSED_BYTES = 64 * 1024
_MESSAGE_KEYS = ("error", "Error", "message", "error_code")
_MAX_NESTING_LEVELS = 3


def server_message(body: bytes) -> tuple[str | None, str | None]:
    """Return the message and the api_id of a body in any shape that Plivo or a gateway has sent.

    Both are bounded, on one line, with control characters escaped. A body without a message is its own
    message; None where it is empty.
    """
    body = body.removeprefix(BOM_UTF8)
    if len(body) > _PARSED_BYTES:
        return printable(body[:_PARSED_BYTES].decode("utf-8", "replace")), None
    try:
        value = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return printable(body.decode("utf-8", "replace")) or None, None
    if not isinstance(value, dict):
        return printable(body.decode("utf-8")) or None, None
    members = cast("dict[str, Any]", value)
    api_id = members.get("api_id")
    message = _first_message(members, _MAX_NESTING_LEVELS)
    if message is None and members.keys() - {"api_id"}:
        message = printable(body.decode("utf-8"))
    return message, (printable(api_id) or None) if isinstance(api_id, str) else None


def _first_message(members: dict[str, Any], levels: int) -> str | None:
    return next(filter(None, (_message(members.get(key), levels) for key in _MESSAGE_KEYS)), None)


def _message(value: Any, levels: int) -> str | None:
    if isinstance(value, dict) and levels:
        return _first_message(cast("dict[str, Any]", value), levels - 1)
    # A flag such as {"error": true} is no message.
    if isinstance(value, str | int) and not isinstance(value, bool):
        return printable(str(value))
    return None
