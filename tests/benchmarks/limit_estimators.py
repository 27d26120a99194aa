"""The limit estimator beside a plain AIMD, in simulated time: `python -m tests.benchmarks.limit_estimators`.

AIMD (additive increase, multiplicative decrease) is the rule of TCP: each 429 cuts the limit by a factor,
each window adds a step. Both use the same sliding log, pause after a 429 and probe.

The last tables have two and three clients of one account, each with an estimator of its own.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from functools import partial

from attrs import define, field

from plivo_async.middleware.limit_estimator import LimitEstimator
from plivo_async.middleware.sliding_log import SlidingLog
from plivo_async.rate_limit import RateLimit
from tests.middleware.simulation import KINDS, Estimator, FakeKind, Run, Server, simulate, simulate_several

_SEEDS = range(4)
_REQUESTS = 1500


@define(eq=False)
class Aimd:
    """Cuts the limit to `decrease` of it with the first 429 of an epoch, adds `increase` of it per window.

    Attributes:
        configured: The limit to start with, and the highest.
        decrease: A share of the current limit.
        increase: A share of the configured limit.
    """

    configured: RateLimit
    decrease: float
    increase: float
    log: SlidingLog = field(init=False)
    epoch: int = 0
    _exact: float = field(init=False)
    _blocked_until: float = -math.inf
    _consecutive_429s: int = 0
    _probe_expires: float = -math.inf
    _grows_at: float = math.inf

    def __attrs_post_init__(self) -> None:
        self.log = SlidingLog(self.configured.requests, self.configured.per)
        self._exact = float(self.configured.requests)

    @property
    def current_limit(self) -> int:
        return self.log.limit

    def delay(self, now: float) -> float:
        if now < self._blocked_until:
            return self._blocked_until - now
        if now < self._probe_expires:
            return math.inf
        while now >= self._grows_at:
            self._set_limit(self._exact + self.increase * self.configured.requests)
            self._grows_at += self.log.per
        return self.log.delay(now)

    def take(self, now: float) -> int:
        self.log.take()
        if self._consecutive_429s:
            self._probe_expires = now + self.log.per
        return self.epoch

    def release(self, permit: int, now: float) -> None:
        self.log.release(now)
        if permit == self.epoch:
            self._consecutive_429s, self._probe_expires = 0, -math.inf

    def throttled(self, permit: int, retry_after: float | None, now: float, random: float = 0.0) -> None:
        self.log.discard()
        per = self.log.per
        if permit == self.epoch:
            self.epoch += 1
            self._consecutive_429s += 1
            self._probe_expires = -math.inf
            self._set_limit(self._exact * self.decrease)
            self._grows_at = now + per
            pause = min(per, min(1.0, per / 8) * 2.0 ** (self._consecutive_429s - 1)) * (1 + random / 4)
            if retry_after is None or self._consecutive_429s > 1:
                self._blocked_until = max(self._blocked_until, now + pause)
        self._blocked_until = max(self._blocked_until, now + (retry_after or 0.0))

    def _set_limit(self, limit: float) -> None:
        self._exact = min(max(1.0, limit), float(self.configured.requests))
        self.log.limit = int(self._exact)


ESTIMATORS: dict[str, Callable[[RateLimit], Estimator]] = {
    "LimitEstimator": LimitEstimator,
    "AIMD x 0.5, + 5 %": partial(Aimd, decrease=0.5, increase=0.05),
    "AIMD x 0.7, + 2 %": partial(Aimd, decrease=0.7, increase=0.02),
}
# Configured limit, limit of the server, requests per second of another client.
SCENARIOS: dict[str, tuple[int, int, float]] = {
    "300, as configured": (300, 300, 0.0),
    "300, configured as 600": (600, 300, 0.0),
    "200, configured as 300": (300, 200, 0.0),
    "50, configured as 300": (300, 50, 0.0),
    "300, another client takes 20/s": (300, 300, 20.0),
    "300, another client takes 40/s": (300, 300, 40.0),
}

# When the clients begin, in windows.
BEGINS = {
    "two at once": (0.0, 0.0),
    "two, half a window apart": (0.0, 0.5),
    "two, three windows apart": (0.0, 3.0),
    "three, a window apart": (0.0, 1.0, 2.0),
}
SHARED_KINDS: tuple[FakeKind, ...] = ("fixed", "sliding", "bucket")
_SETTLING_WINDOWS = 5
_MEASURED_WINDOWS = 15


def measure(
    configured: int, limit: int, foreign: float, estimator: Callable[[RateLimit], Estimator]
) -> list[Run]:
    """Run every kind of server, with and without Retry-After, with some seeds."""
    return [
        simulate(
            Server(kind, requests=limit, retry_after=retry_after),
            configured=configured,
            seed=seed,
            estimator=estimator,
            requests=_REQUESTS,
            foreign=foreign,
        )
        for kind in KINDS
        for retry_after in (False, True)
        for seed in _SEEDS
    ]


def cell(runs: list[Run]) -> str:
    """Median and longest time in seconds, mean number of 429s, share that the other client had admitted."""
    seconds = [run.seconds for run in runs]
    text = f"{statistics.median(seconds):.1f} / {max(seconds):.1f} s, "
    text += f"{statistics.mean(run.refused for run in runs):.0f}"
    asked = sum(run.foreign_asked for run in runs)
    return text + (f", {sum(run.foreign_passed for run in runs) / asked:.0%}" if asked else "")


def shared_cell(kind: FakeKind, begins: tuple[float, ...], *, per: float, retry_after: bool) -> str:
    """Mean of the smallest share of a client, share of the limit that is used, 429s per window."""
    requests = round(60 * per)
    begin = (begins[-1] + _SETTLING_WINDOWS) * per
    end = begin + _MEASURED_WINDOWS * per
    shares: list[float] = []
    used: list[float] = []
    refused: list[float] = []
    for seed in _SEEDS:
        clients = [{"requests": requests * 100, "begins_at": windows * per} for windows in begins]
        server = Server(kind, requests=requests, per=per, retry_after=retry_after)
        runs = simulate_several(server, clients, seed=seed, until=end)
        rates = [run.rate(begin, end) for run in runs]
        shares.append(min(rates) / sum(rates))
        used.append(sum(rates) / 60)
        refused.append(sum(run.refused for run in runs) * per / end)
    return f"{statistics.mean(shares):.0%}, {statistics.mean(used):.0%}, {statistics.mean(refused):.1f}"


def main() -> None:
    lines = [["limit of the server", *ESTIMATORS], ["---"] * (len(ESTIMATORS) + 1)]
    for name, scenario in SCENARIOS.items():
        lines.append([name, *(cell(measure(*scenario, estimator)) for estimator in ESTIMATORS.values())])
    for per, retry_after in ((5.0, False), (5.0, True), (1.0, False), (1.0, True)):
        after = "with" if retry_after else "no"
        lines += [[f"{round(60 * per)} per {per:g} s, {after} Retry-After", *SHARED_KINDS], ["---"] * 4]
        for name, begins in BEGINS.items():
            cells = (shared_cell(kind, begins, per=per, retry_after=retry_after) for kind in SHARED_KINDS)
            lines.append([name, *cells])
    for line in lines:
        print("| " + " | ".join(line) + " |")  # noqa: T201


if __name__ == "__main__":
    main()
