"""Sync: brings a target up to date with the calls of an account. It does; `plan` decides."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from plivo_async.client import AsyncClient
from plivo_async.errors import ConfigurationError, SyncTargetError
from plivo_async.exported import exported
from plivo_async.resources.holding import DEFAULT_PATIENCE_SECONDS, Holding
from plivo_async.resources.outcome import Failed
from plivo_async.sync.changes import Changes
from plivo_async.sync.plan import (
    DEFAULT_LOOK_BACK,
    Plan,
    Span,
    advanced,
    first_length,
    first_state,
    next_length,
    plan,
    recount_span,
)
from plivo_async.sync.reading import Kind, Reading
from plivo_async.sync.recount import recount
from plivo_async.sync.state import SyncState
from plivo_async.sync.target import SyncTarget

_KEPT = timedelta(days=90)


def _utc_now() -> datetime:
    return datetime.now(UTC)


@exported
@frozen(kw_only=True)
class SyncReport:
    """The result of a sync.

    Attributes:
        since: The begin of the span that the sync read, in UTC.
        until: The end of this span, which is not part of it, in UTC.
        complete: Whether the sync read all calls that ended in the span. If not, the next sync reads the same
            span again.
        changes: How many records were new, changed and unchanged, and which fields changed.
        failed: How many rows cannot be read.
        missing: How many records Plivo counts that it did not return; 0 if that is not known.
        late: How many of the new records were written later than the look-back, or while the sync ran.
        requests: How many pages were read.
        lost_since: The begin of a span whose calls the target lacks, in UTC, because Plivo no longer kept
            them at this sync; None if it lacks none.
        lost_until: The end of this span, which is not part of it, in UTC; None if the target lacks no calls.
        warnings: Further facts about what Plivo returned, in words.
    """

    since: datetime
    until: datetime
    complete: bool
    changes: Changes
    failed: int = 0
    missing: int = 0
    late: int = 0
    requests: int = 0
    lost_since: datetime | None = None
    lost_until: datetime | None = None
    warnings: tuple[str, ...] = ()


@exported
class Sync:
    """Brings a target up to date. Await it, once.

    The first sync reads every call that Plivo keeps, the oldest first. A later one reads the calls that ended
    since. It reads those of the look-back once more, because Plivo writes a record some time after the end of
    the call, and may correct it. The sync writes after each span of about 20,000 records; a sync that is
    killed continues there.

    At the end the sync compares the number of records with Plivo's count of all that it keeps. It reads the
    hours again in which Plivo counts more. So it also finds a record that was written later than the
    look-back.

    The properties may be read at any time.

    Args:
        client: The client of the account.
        target: Where the records are written.
        kind: The kind of records: `calls` or `trunk_calls`.
        look_back: How long after the end of a call its record may be written or corrected and still be found:
            0 to 90 days.
        patience: Seconds that the sync may hold, because of the rate limit, a 429 or an outage, before it
            ends with PatienceExceededError; None for any time.
        on_failed: A plain function that is called with each row that cannot be read, before the state moves
            past it. None for no function.
        now: Returns the present, an aware time. Replace it in tests.

    Raises:
        ConfigurationError: An argument cannot be used.
    """

    def __init__(
        self,
        client: AsyncClient,
        target: SyncTarget,
        *,
        kind: Kind = "calls",
        look_back: timedelta = DEFAULT_LOOK_BACK,
        patience: float | None = DEFAULT_PATIENCE_SECONDS,
        on_failed: Callable[[Failed], object] | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        if not timedelta() <= look_back <= _KEPT:
            raise ConfigurationError(f"look_back must be from 0 to 90 days, not {look_back}")
        self._auth_id = client.auth_id
        self._target = target
        self._look_back = look_back
        self._now = now
        self._reading = Reading(client, target, kind, patience, on_failed)
        # How many rows there are in all; None if they were not counted.
        self._counted: int | None = None

    @property
    def changes(self) -> Changes:
        """The counts of the records so far."""
        return self._reading.changes

    @property
    def done(self) -> int:
        """The number of rows read so far."""
        return self._reading.done

    @property
    def failed(self) -> int:
        """The number of rows so far that cannot be read."""
        return self._reading.failed

    @property
    def total(self) -> int | None:
        """How many rows the sync is going to read; None if that is not known."""
        if self._counted is not None:
            return max(self._counted, self.done)
        listing, before = self._reading.listing, self._reading.before
        total = None if listing is None else listing.total
        return None if total is None else max(before + total, self.done)

    @property
    def holding(self) -> Holding | None:
        """Why nothing is sent at the moment, and until when; None while requests may be sent."""
        return None if self._reading.sending is None else self._reading.sending.holding

    def __await__(self) -> Generator[Any, None, SyncReport]:
        """Run the sync.

        Returns:
            The report.

        Raises:
            SyncTargetError: The target cannot be used, or holds the calls of another account.
            PatienceExceededError: Nothing could be sent for `patience` seconds.
            PlivoError: A request failed, as in `calls.list`.
        """
        return self._run().__await__()

    async def _run(self) -> SyncReport:
        now, kind, account = self._now(), self._reading.kind, self._auth_id
        state = await self._target.state(kind) or first_state(account, kind, now, _KEPT)
        if state.account != account:
            raise SyncTargetError(
                f"the target has calls of the account {state.account}, not of {account}: use another one"
            )
        return await self._read_all(plan(state, now, self._look_back, _KEPT), state)

    async def _read_all(self, chosen: Plan, state: SyncState) -> SyncReport:
        reading, span = self._reading, chosen.span
        length = first_length(span, self._look_back)
        if span.since + length < span.until:
            self._counted = await reading.count(span)
        complete, missing, warnings = True, 0, dict[str, None]()
        since = span.since
        while since < span.until:
            part = Span(since, min(since + length, span.until))
            read = await reading.read(part, state)
            complete = complete and read.complete
            missing += read.missing
            warnings.update(dict.fromkeys(read.warnings))
            if complete:
                state = advanced(state, part, read.newest)
            await reading.write(read.rest, state)
            length = next_length(length, read.rows)
            since = part.until
        self._counted, known = None, reading.changes.new
        await recount(reading, recount_span(state, span.until, self._look_back, _KEPT), state)
        lost = chosen.lost
        return SyncReport(
            since=span.since,
            until=span.until,
            complete=complete,
            changes=reading.changes,
            failed=reading.failed,
            missing=missing,
            late=reading.changes.new - known,
            requests=reading.requests,
            lost_since=None if lost is None else lost.since,
            lost_until=None if lost is None else lost.until,
            warnings=tuple(warnings),
        )
