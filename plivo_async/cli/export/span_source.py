"""The calls of a span of time as the input of an export: those that the output does not have yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from attrs import define, field

from plivo_async.cli.export.id_set import IdSet
from plivo_async.cli.span_options import CallSelection
from plivo_async.client import AsyncClient
from plivo_async.resources.holding import Holding
from plivo_async.resources.listing.listing import Listing, held_page
from plivo_async.resources.outcome import Failed, Fetched
from plivo_async.sync.plan import Span, halves, next_hour, pieces

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
# Ten requests. A part with more calls is halved, which costs two.
_ROWS_LISTED_AT_ONCE = 200


def hour_of(time: datetime) -> int:
    """Return the hour of a time, counted since 1970."""
    return int(time.timestamp() // _HOUR.total_seconds())


@define(eq=False)
class SpanSource:
    """The calls of a span, and what becomes of them: a source and a batch in one.

    An export that is resumed asks Plivo how many calls each part of the span has. It leaves out the parts of
    which the output has as many, and lists the others. So it also fetches what an earlier list lacked.

    Attributes:
        selection: The span, with both bounds, and Plivo's filters.
        written: The calls that the output has.
        hours: How many calls the output has, by the hour of their end.
        keeps_seen: Whether `seen` is needed.
        given: Rows that were read.
        pulled: Rows that were passed on.
        skipped: Rows whose record the output has.
        failed: Rows that cannot be read.
        missing: Records that Plivo counts and did not return.
        is_complete: Whether each list that ended was complete.
        warnings: Further facts about the lists.
        seen: The calls that were passed on.
    """

    selection: CallSelection
    written: IdSet
    hours: Counter[int]
    keeps_seen: bool = False
    given: int = field(default=0, init=False)
    pulled: int = field(default=0, init=False)
    skipped: int = field(default=0, init=False)
    failed: int = field(default=0, init=False)
    missing: int = field(default=0, init=False)
    is_complete: bool = field(default=True, init=False)
    warnings: dict[str, None] = field(factory=dict[str, None], init=False)
    seen: IdSet = field(factory=IdSet, init=False)
    # Of a source of call UUIDs.
    duplicates: int = field(default=0, init=False)
    without_id: int = field(default=0, init=False)
    _arguments: dict[str, Any] = field(factory=dict[str, Any], init=False)
    _client: AsyncClient | None = field(default=None, init=False)
    _listing: Listing[Any] | None = field(default=None, init=False)
    # The list that sends requests: the one that is read or counted, or was last.
    _sending: Listing[Any] | None = field(default=None, init=False)
    _before: int = field(default=0, init=False)
    _counted: int | None = field(default=None, init=False)
    _is_stopped: bool = field(default=False, init=False)
    _outcomes: Any = field(default=None, init=False)

    def begin(self, client: AsyncClient, *, concurrency: int, patience: float | None) -> Self:
        """Set the options of the lists; nothing is sent yet."""
        self._client = client
        self._arguments = {"concurrency": concurrency, "patience": patience}
        return self

    def stop(self) -> None:
        """End the input."""
        self._is_stopped = True

    @property
    def done(self) -> int:
        """The number of rows that were passed on."""
        return self.pulled

    @property
    def left(self) -> int | None:
        """How many rows are still to be read; None if that is not known."""
        total = self._counted
        if total is None and self._listing is not None and self._listing.total is not None:
            total = self._before + self._listing.total
        return None if total is None else max(0, total - self.given)

    @property
    def holding(self) -> Holding | None:
        """Why nothing is sent at the moment; None if something may be."""
        return None if self._sending is None else self._sending.holding

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._outcomes is not None:
            await self._outcomes.aclose()

    def __aiter__(self) -> AsyncIterator[Fetched[Any] | Failed]:
        # The same one, because an export that was cancelled goes on.
        if self._outcomes is None:
            self._outcomes = self._read()
        outcomes: AsyncIterator[Fetched[Any] | Failed] = self._outcomes
        return outcomes

    async def _read(self) -> AsyncIterator[Fetched[Any] | Failed]:
        for span in await self._spans():
            self._before = self.given
            async with self._list(span) as listing:
                self._listing = self._sending = listing
                async for outcome in listing:
                    if self._is_stopped:
                        return
                    self.given += 1
                    if isinstance(outcome, Failed):
                        self.failed += 1
                    elif str(outcome.call_uuid) in self.written:
                        self.skipped += 1
                        continue
                    self.pulled += 1
                    if self.keeps_seen:
                        self.seen.add(str(outcome.call_uuid))
                    yield outcome
            report = listing.report
            self.is_complete = self.is_complete and report.complete
            self.missing += report.missing or 0
            self.warnings.update(dict.fromkeys(report.warnings))

    async def _spans(self) -> list[Span]:
        """Return the spans to list, the newest first."""
        since, until = self.selection.bounds
        whole = Span(since, until)
        # A filter of another run may have let other calls pass, as many as that of this one.
        if not self.hours or self.selection.filters:
            return [whole]
        first, last = next_hour(since), next_hour(until + timedelta(microseconds=1)) - _HOUR
        if last <= first:
            return [whole]
        found: list[tuple[Span, int | None]] = []
        parts = list(pieces(Span(first, last)))
        while parts:
            part = parts.pop()
            self._sending = self._list(part, page_size=1)
            total, have = (await held_page(self._sending)).total, self._have(part)
            if total is not None and total == have:
                continue
            is_worth_it = total is not None and have and total > _ROWS_LISTED_AT_ONCE
            two = halves(part) if is_worth_it and part.until - part.since > _DAY else None
            if two is None:
                found.append((part, total))
            else:
                parts += two
        spans = _joined([Span(last, until), *(part for part, _ in found), Span(since, first)])
        totals = [total for _, total in found]
        if None not in totals and len(spans) > 1:
            self._counted = sum(total for total in totals if total is not None)
        return spans

    def _have(self, part: Span) -> int:
        return sum(self.hours[hour] for hour in range(hour_of(part.since), hour_of(part.until)))

    def _list(self, span: Span, **options: Any) -> Listing[Any]:
        assert self._client is not None  # noqa: S101 - for the type checkers
        return self.selection.list(self._client, span.since, span.until, **self._arguments, **options)


def _joined(spans: list[Span]) -> list[Span]:
    """Join spans that follow each other, the newest first; leave out those without length."""
    joined: list[Span] = []
    for span in spans:
        if span.since >= span.until:
            continue
        if joined and joined[-1].since == span.until:
            joined[-1] = Span(span.since, joined[-1].until)
        else:
            joined.append(span)
    return joined
