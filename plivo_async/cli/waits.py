"""What a command without a progress bar reports while nothing is sent."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager

from attrs import define

from plivo_async.cli.export.progress import Snapshot, cause_text, long_pause, show_progress, waiting_text
from plivo_async.cli.output import report
from plivo_async.resources.progress import Progress

# A shorter wait needs no explanation.
_INTERVAL_SECONDS = 5.0


def report_waits(calls: Progress) -> AbstractAsyncContextManager[None]:
    """Report within this block, each 5 seconds, why nothing is sent; nothing while something is.

    Args:
        calls: The batch or the list that sends.
    """
    return show_progress(_WaitDisplay(), lambda: _wait_of(calls))


@define
class _WaitDisplay:
    interval: float = _INTERVAL_SECONDS

    def show(self, snapshot: Snapshot) -> None:
        if snapshot.waiting:
            report(" · ".join(part for part in (snapshot.waiting, snapshot.cause) if part))

    def close(self) -> None:
        """Do nothing."""


def _wait_of(calls: Progress) -> Snapshot:
    now = asyncio.get_running_loop().time()
    holding = calls.holding
    # The short waits for the own rate limit recur in every window.
    waiting = "" if long_pause(holding, now) is None else waiting_text(holding, now)
    return Snapshot(done=calls.done, waiting=waiting, cause=cause_text(holding))
