"""The Retry-After header, RFC 9110 section 10.2.3."""

from __future__ import annotations

import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

from plivo_async._httpx import httpx

_SECONDS = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?")
_DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[ -~]{10,40}")


def retry_after_seconds(headers: httpx.Headers) -> float | None:
    """Return the seconds to wait, from a number of seconds or an HTTP date.

    Returns:
        Seconds, at least 0; None if the header is absent, repeated or unreadable.
    """
    values = headers.get_list("retry-after")
    if len(values) != 1:
        return None
    value = values[0].strip(" \t")
    if _SECONDS.fullmatch(value):
        return float(value)
    due = _http_date(value)
    if due is None:
        return None
    # By the server's own clock, if the response has its date: ours may be minutes off.
    sent = _http_date(headers.get("date", ""))
    return max(0.0, due - (time.time() if sent is None else sent))


def _http_date(value: str) -> float | None:
    if not _DATE.fullmatch(value):
        return None
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
