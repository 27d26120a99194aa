"""Finds the call UUID in text that has more around it. Pure."""

from __future__ import annotations

import re

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Spaces without width, marks of writing direction, soft hyphens and byte order marks.
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
# Text processors replace hyphens by other dashes.
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_WRAPPED = re.compile(
    r"""
      =?\s*"(?P<quoted>.*)" | '(?P<apostrophes>.*)' | '(?P<excel>.*) | `(?P<backticks>.*)`
    | [“”„](?P<typographic>.*)[“”] | \{(?P<braces>.*)\} | <(?P<angles>.*)> | (?P<comma>.*)[,;]
    | [-*•]\s+(?P<bullet>.*) | call[_ ]?uuid\s*[:=]\s*(?P<named>.*)
    | urn:uuid:(?P<urn>.*) | (?:https?://[^/]+)?/v1/Account/[^/]+/Call/(?P<uri>[^/?]+)/?
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_MAX_WRAPPERS = 4
_ABSENT = frozenset({"", "-", "null", "\\n", "none", "nan", "n/a", "#n/a", "<null>", "(null)"})
_TOTAL = re.compile(
    r"(?:(?:grand |sub)?totals?|sum|summe|gesamt(?:summe)?)(?:[^A-Za-z0-9_-].*)?", re.IGNORECASE | re.DOTALL
)
_HEADERS = frozenset({"calluuid", "calluuids", "callid", "callids", "uuid", "uuids", "id", "ids"})
_LIST_SPACE = re.compile(r"[\s,;|()\[\]]+")


def id_in(text: str) -> str:
    """Return the call UUID in the text of a row; empty if the row has none, such as a row of totals.

    Quotes, braces and other characters around a call UUID are removed. Any other text is returned unchanged,
    and the client refuses it.
    """
    text = text.strip()
    if _UUID.fullmatch(text):
        return text
    if text.lower() in _ABSENT or _TOTAL.fullmatch(text):
        return ""
    if _ID.fullmatch(text):
        return text
    bare = text.translate(_INVISIBLE | _DASHES).strip()
    for _ in range(_MAX_WRAPPERS):
        wrapped = _WRAPPED.fullmatch(bare)
        if wrapped is None:
            break
        bare = str(wrapped[str(wrapped.lastgroup)]).strip()
    if bare.lower() in _ABSENT:
        return ""
    return bare if _ID.fullmatch(bare) else text


def is_id(text: bytes) -> bool:
    """Whether the bytes are a call UUID and nothing else."""
    return _ID.fullmatch(text.decode("latin-1")) is not None


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID with hyphens."""
    return _UUID.fullmatch(text) is not None


def has_uuid(text: str) -> bool:
    """Whether there is a UUID anywhere in a text."""
    return _UUID.search(text) is not None


def ids_in_list(text: str) -> tuple[str, ...] | None:
    """Return the UUIDs of a line such as `'A', 'B'`; None if it has anything else.

    A line of punctuation, as around a list in SQL, has no UUIDs.
    """
    ids = tuple(id_in(part) for part in _LIST_SPACE.split(text) if part)
    return ids if all(map(is_uuid, ids)) else None


def plain_name(name: str) -> str:
    """Return a name of a column or a key without letter case, space and punctuation."""
    return "".join(character for character in name.casefold() if character.isalnum())


def is_header(text: str) -> bool:
    """Whether a text is a usual name for call UUIDs, and no call UUID."""
    name = plain_name(text)
    return name in _HEADERS or name.endswith("uuid")


def is_call_uuid_name(name: str) -> bool:
    """Whether a column or key has this name in one of the spellings of `call_uuid`."""
    return plain_name(name) == "calluuid"
