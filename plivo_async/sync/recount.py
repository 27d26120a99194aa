"""Finds records that were written later than the look-back: compares the target with Plivo's counts."""

from __future__ import annotations

from attrs import evolve, frozen

from plivo_async.sync.plan import Span, halves, pieces
from plivo_async.sync.reading import Reading
from plivo_async.sync.state import SyncState

# Ten requests. A span with more records is halved, which costs two.
_ROWS_READ_AT_ONCE = 200


@frozen
class Count:
    """The number of records in a span: Plivo's, and the target's."""

    span: Span
    total: int
    have: int

    @property
    def excess(self) -> int:
        """How many more Plivo counts."""
        return max(0, self.total - self.have)


async def recount(reading: Reading, span: Span, state: SyncState) -> None:
    """Read the hours again in which Plivo counts more records than the target has.

    The state keeps how many more remain after that, such as rows that cannot be read, so that the next sync
    searches only if there are others.
    """
    counts = await _counts(reading, span)
    if counts is None:
        return
    excess = sum(count.excess for count in counts)
    if excess > state.excess:
        await _read_again(reading, counts, state)
        counts = await _counts(reading, span)
        if counts is None:
            return
        excess = sum(count.excess for count in counts)
    if excess != state.excess:
        await reading.write([], evolve(state, excess=excess))


async def _counts(reading: Reading, span: Span) -> list[Count] | None:
    counts: list[Count] = []
    for part in pieces(span):
        count = await _count(reading, part)
        if count is None:
            return None
        counts.append(count)
    return counts


async def _count(reading: Reading, span: Span) -> Count | None:
    have = await reading.target.count(reading.kind, span.since, span.until)
    total = None if have is None else await reading.count(span)
    return None if have is None or total is None else Count(span, total, have)


async def _read_again(reading: Reading, counts: list[Count], state: SyncState) -> None:
    while counts:
        count = counts.pop()
        if not count.excess:
            continue
        two = halves(count.span) if count.total > _ROWS_READ_AT_ONCE else None
        if two is not None:
            counts += [half for half in [await _count(reading, part) for part in two] if half is not None]
            continue
        known = reading.changes.new
        part = await reading.read(count.span, state)
        await reading.write(part.rest, state)
        if reading.changes.new == known and not part.failed:
            # The count fits no rows. Another one would not either.
            return
