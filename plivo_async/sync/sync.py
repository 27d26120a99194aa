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
        since: The sync asked for calls that ended since then, in UTC.
        until: And before then, in UTC.
        complete: Whether it read all of them. If not, the next sync asks for the same calls again.
        changes: How many records were new, changed and unchanged, and which fields changed.
        failed: Rows that cannot be read.
        missing: Records that Plivo counted but did not return; 0 if that is not known.
        late: How many of the new records were written later than the look-back, or while the sync ran.
        requests: Pages that were read.
        lost_since: The target lacks calls that ended since then, in UTC, because the last sync was so long
            ago that Plivo no longer keeps them; None if it lacks none.
        lost_until: And before then, in UTC.
        warnings: Further facts about what Plivo returned.
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
    """Brings a target up to date, once: to await.

    The first time it reads every call that Plivo keeps, the oldest first. Later it reads the calls that ended
    since, and once more those of the look-back, because Plivo writes a record some time after the end of the
    call, and may correct it. Each span of some 20,000 records that was read completely is kept with the
    state; a sync that is killed continues there.

    At the end it compares the number of records with Plivo's count of all that it keeps, and reads the hours
    again in which Plivo counts more. So it also finds a record that was written later than the look-back.

    The properties may be read at any time.

    Args:
        client: The client of the account.
        target: Where the records go.
        kind: `calls` or `trunk_calls`.
        look_back: How late a record may be written or corrected, to be found.
        patience: Seconds that nobody may send, because of the rate limit, a 429 or an outage, before the sync
            ends with PatienceExceededError; None for any time.
        on_failed: Called with each row that cannot be read, before the state moves past it.
        now: Returns the present time. Replace it in tests.

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
        """The number of rows that were read so far."""
        return self._reading.done

    @property
    def failed(self) -> int:
        """The number of rows so far that cannot be read."""
        return self._reading.failed

    @property
    def total(self) -> int | None:
        """How many rows it is going to read; None if that is not known."""
        if self._counted is not None:
            return max(self._counted, self.done)
        listing, before = self._reading.listing, self._reading.before
        total = None if listing is None else listing.total
        return None if total is None else max(before + total, self.done)

    @property
    def holding(self) -> Holding | None:
        """Why nothing is sent at the moment, and until when; None if something may be."""
        return None if self._reading.listing is None else self._reading.listing.holding

    def __await__(self) -> Generator[Any, None, SyncReport]:
        """Run the sync.

        Returns:
            The report.

        Raises:
            SyncTargetError: The target cannot be used, or has the calls of another account.
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
