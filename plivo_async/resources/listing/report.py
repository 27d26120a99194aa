"""ListReport: whether a list is complete, and what it could not reconcile."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from plivo_async.exported import exported


@exported
@frozen(kw_only=True)
class ListReport:
    """Whether a list is complete, and how it was read.

    A list is complete if it has as many different records as Plivo counts for it. If Plivo's count is missing
    or wrong, it is complete when it was read from end to end and no row moved meanwhile.

    Attributes:
        complete: Whether the iteration yielded every record of the span. False until its end, and if it ended
            early.
        since: The begin of the span, in UTC; None for a list without times.
        until: The end of the span, which is not part of it, in UTC; None for a list without times.
        records: How many records the iteration yielded.
        failed: How many rows it yielded that cannot be read.
        repeated: How many rows Plivo sent again. They are yielded once.
        late: How many of the records were found after their page had been read, because Plivo wrote them
            late.
        missing: How many of the records that Plivo counts were not found; None if that is not known.
        requests: How many requests were sent.
        warnings: The deviations that remain, and the part of the span that is left out, in words.
    """

    complete: bool
    since: datetime | None
    until: datetime | None
    records: int = 0
    failed: int = 0
    repeated: int = 0
    late: int = 0
    missing: int | None = None
    requests: int = 0
    warnings: tuple[str, ...] = ()
