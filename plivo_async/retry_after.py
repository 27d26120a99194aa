"""The Retry-After header, RFC 9110 section 10.2.3."""

from __future__ import annotations

import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

from plivo_async._httpx import httpx

_SECONDS = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?")
_MAX_UNDATED_SECONDS = 60.0
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
    sent = _http_date(headers.get("date", ""))
    if sent is not None:
        # By the server's own clock.
        return max(0.0, due - sent)
    # A server with a clock sends a Date (RFC 9110 section 6.6.1). Without one, the two clocks may differ by
    # hours, so the wait is bounded. If it was too short, the next response has a Retry-After again.
    return min(max(0.0, due - time.time()), _MAX_UNDATED_SECONDS)


def _http_date(value: str) -> float | None:
    if not _DATE.fullmatch(value):
        return None
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
