"""The check of a call UUID that a user passes."""

from __future__ import annotations

import re
import uuid

from plivo_async.errors import InvalidCallUUIDError
from plivo_async.text import short_repr

_CALL_UUID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def check_call_uuid(value: object) -> str:
    """Return the call UUID as text, fit to be a path segment.

    Raises:
        InvalidCallUUIDError: It is not.
    """
    text = str(value) if isinstance(value, uuid.UUID) else value
    if isinstance(text, str) and _CALL_UUID.fullmatch(text):
        # The checked text: a subclass of str, such as an Enum, may become another in a URL.
        return str.__str__(text)
    raise InvalidCallUUIDError(
        f"call_uuid must be a uuid.UUID or 1 to 128 characters of A-Z a-z 0-9 _ -, not {short_repr(text)}"
    )
