"""What the bulk benchmark runs: accounts, limits on the server and in the client, and the optimum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve, frozen

from tests.benchmarks.bulk_contenders import ASYNC_CONTENDERS, SDK_THREADS

OURS, GATHER, RETRIES, BACKOFF, AIOLIMITER = ASYNC_CONTENDERS
ALL = (OURS, AIOLIMITER, BACKOFF, RETRIES, GATHER, *SDK_THREADS)

# It takes most of a minute and a whole core, so it runs but once.
_WITHOUT_GATHER = tuple(name for name in ALL if name != GATHER)
_QUICK = (OURS, AIOLIMITER, *SDK_THREADS)
_KINDS = ("fixed", "sliding", "bucket")


@frozen
class Account:
    """What the server allows, and how far away it is."""

    requests: int = 300
    per: float = 5.0
    delay: float = 0.05
    ids: int = 1500

    def optimum(self, kind: str, taken: float) -> float:
        """Seconds in which nobody could fetch all ids faster; `taken` is what another user sends a second."""
        if kind == "bucket":
            return max(0, self.ids - self.requests) / (self.requests / self.per - taken) + self.delay
        per_window = self.requests - round(taken * self.per)
        return (self.ids - 1) // per_window * self.per + self.delay


FULL = Account()
# The same rate in shorter windows, so what else the machine does weighs more.
QUICK = Account(requests=120, per=2.0, delay=0.02, ids=480)


@frozen
class Scenario:
    """A run of the paced part.

    `group` is "honest", "wrong" or "shared". `configured` is the clients' limit in multiples of the server's.
    """

    group: str
    kind: str
    retry_after: str | None = None
    configured: float = 1.0
    foreign: float = 0.0
    contenders: tuple[str, ...] = ALL

    def __str__(self) -> str:
        text = f"{self.kind} window" if self.kind != "bucket" else "bucket"
        text += ", Retry-After" if self.retry_after else ", no Retry-After"
        if self.configured != 1:
            text += f", configured with {self.configured:g} times the limit"
        if self.foreign:
            text += f", another client asks {self.foreign:g} times a second"
        return text

    def limit(self, account: Account) -> dict[str, Any]:
        """For the server."""
        return {
            "requests": account.requests,
            "per": account.per,
            "kind": self.kind,
            "retry_after": self.retry_after,
        }


def scenarios(quick: bool) -> Iterable[Scenario]:
    """All, or one of each group. Contenders run where they do not do the same as before."""
    honest = [
        Scenario("honest", "fixed"),
        Scenario("honest", "sliding", contenders=_WITHOUT_GATHER),
        Scenario("honest", "bucket", contenders=_WITHOUT_GATHER),
        # The other contenders do not retry, so they never read Retry-After.
        *(Scenario("honest", kind, "seconds", contenders=(OURS, BACKOFF, RETRIES)) for kind in _KINDS),
    ]
    # The other contenders have no limit that could be wrong.
    wrong = [
        *(Scenario("wrong", kind, configured=2.0, contenders=(OURS, AIOLIMITER)) for kind in _KINDS),
        *(Scenario("wrong", kind, "seconds", configured=2.0, contenders=(OURS,)) for kind in _KINDS),
    ]
    shared = [
        Scenario("shared", "fixed", foreign=20.0, contenders=(OURS,)),
        Scenario("shared", "sliding", foreign=20.0, contenders=_WITHOUT_GATHER),
        Scenario("shared", "bucket", foreign=20.0, contenders=(OURS,)),
    ]
    if quick:
        return [
            evolve(group[1], contenders=tuple(name for name in group[1].contenders if name in _QUICK))
            for group in (honest, wrong, shared)
        ]
    return [*honest, *wrong, *shared]
