"""Reading: reads spans of calls into a target, and counts what it read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from attrs import define, field, frozen

from plivo_async.client import AsyncClient
from plivo_async.resources.listing.listing import Listing, held_page
from plivo_async.resources.outcome import Failed
from plivo_async.sync.changes import Changes
from plivo_async.sync.plan import Span, pieces
from plivo_async.sync.state import SyncState
from plivo_async.sync.target import SyncTarget

Kind: TypeAlias = Literal["calls", "trunk_calls"]

# Writing so many in one transaction costs some 20 milliseconds.
_BATCH_RECORDS = 1000


@frozen(kw_only=True)
class Part:
    """What was read of a span.

    Attributes:
        complete: Whether nothing is missing.
        rows: The number of rows.
        failed: The number of rows that cannot be read.
        missing: How many records Plivo counts but did not return.
        newest: The last end of a call; None without a record.
        rest: Records that are to be written with the next state.
        warnings: Further facts.
    """

    complete: bool
    rows: int
    failed: int
    missing: int
    newest: datetime | None
    rest: list[Any]
    warnings: tuple[str, ...]


@define
class Reading:
    """Reads spans of calls into a target.

    Attributes:
        changes: What the records were to the target.
        requests: How many requests were sent.
        listing: The list that is being read, or was last.
        before: How many rows were read before it.
        sending: The list that sends requests: the one that is read or counted, or was last.
    """

    _client: AsyncClient
    target: SyncTarget
    kind: Kind
    _patience: float | None
    _on_failed: Callable[[Failed], object] | None
    changes: Changes = field(factory=Changes, init=False)
    requests: int = field(default=0, init=False)
    listing: Listing[Any] | None = field(default=None, init=False)
    before: int = field(default=0, init=False)
    sending: Listing[Any] | None = field(default=None, init=False)
    _failures: set[tuple[str, bytes]] = field(factory=set[tuple[str, bytes]], init=False)

    @property
    def failed(self) -> int:
        """How many rows cannot be read; each counts once."""
        return len(self._failures)

    @property
    def done(self) -> int:
        """How many rows were read."""
        return self.changes.total + self.failed

    async def count(self, span: Span) -> int | None:
        """Return how many records Plivo counts in a span; None if it does not count."""
        total = 0
        for part in pieces(span):
            self.sending = self._list(part, page_size=1)
            page = await held_page(self.sending)
            self.requests += 1
            if page.total is None:
                return None
            total += page.total
        return total

    async def read(self, span: Span, state: SyncState) -> Part:
        """Read a span, and write all but the last of its records with the state as it is."""
        self.before = self.done
        rest: list[Any] = []
        newest: datetime | None = None
        async with self._list(span) as listing:
            self.listing = self.sending = listing
            async for outcome in listing:
                if isinstance(outcome, Failed):
                    self._note(outcome)
                    continue
                rest.append(outcome.record)
                ended: datetime | None = outcome.record.end_time
                if ended is not None and span.since <= ended < span.until:
                    newest = max(newest or ended, ended).astimezone(UTC)
                if len(rest) == _BATCH_RECORDS:
                    await self.write(rest, state)
                    rest = []
        report = listing.report
        self.requests += report.requests
        return Part(
            complete=report.complete,
            rows=listing.done,
            failed=listing.failed,
            missing=report.missing or 0,
            newest=newest,
            rest=rest,
            warnings=report.warnings,
        )

    async def write(self, records: list[Any], state: SyncState) -> None:
        """Write records and the state."""
        self.changes.add(await self.target.write(records, state))

    def _list(self, span: Span, *, page_size: int = 20) -> Listing[Any]:
        resource: Any = getattr(self._client, self.kind)
        listing: Listing[Any] = resource.list(
            since=span.since,
            until=span.until,
            # A moment passes between the plan and the request.
            allow_partial=True,
            patience=self._patience,
            page_size=page_size,
        )
        return listing

    def _note(self, failed: Failed) -> None:
        row = str(failed.call_uuid), failed.error.body
        if row not in self._failures:
            self._failures.add(row)
            if self._on_failed is not None:
                self._on_failed(failed)
