"""The operations of the soak: what a program does with a client, and gives up half-way."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from attrs import define, field

from plivo_async import AsyncClient, CallNext, Failed, Fetched, Outcome, PlivoError, RateLimiter
from tests.benchmarks.faulty_server import LISTED
from tests.benchmarks.giving_up import run_and_perhaps_give_up
from tests.benchmarks.local_server import AUTH_ID

_MOST_CALLS_OF_A_BATCH = 60
_LONGEST_PAUSE_SECONDS = 0.2
_LONGEST_END_OF_CALLS_SECONDS = 5.0
# So many calls take so long to end when they are given up.
_SHARE_OF_SLOW_ENDS = 0.2
_SLOW_END_SECONDS = 0.005

_block: contextvars.ContextVar[object] = contextvars.ContextVar("_block")


@define
class Operations:
    """Random operations on one client, and what they count.

    Attributes:
        outcomes: How often each outcome came.
        faults: How often each thing happened that must not.
    """

    base_url: str
    limiter: RateLimiter
    draws: random.Random
    with_anyio: bool
    outcomes: Counter[str] = field(factory=Counter[str])
    faults: Counter[str] = field(factory=Counter[str])
    _under_way: Counter[object] = field(factory=Counter[object], init=False)
    _open: Counter[object] = field(factory=Counter[object], init=False)
    _numbers: int = field(default=0, init=False)

    def new_client(self, **options: Any) -> AsyncClient:
        return AsyncClient(
            AUTH_ID,
            "a-token-of-nobody",
            base_url=self.base_url,
            timeout=0.4,
            deadline=2.0,
            trust_env=False,
            rate_limit=self.limiter,
            middleware=[self._count],
            **options,
        )

    async def run(self, client: AsyncClient, ends: float) -> None:
        """Run one operation after the other until that time of the event loop."""
        operations: list[tuple[int, Callable[[AsyncClient], Awaitable[None]]]] = [
            (40, self._get),
            (6, self._all_of_a_batch),
            (8, self._a_part_of_a_batch),
            (8, self._wait),
            (4, self._list),
            (2, self._close_in_flight),
        ]
        weights, works = zip(*operations, strict=True)
        while asyncio.get_running_loop().time() < ends:
            work = self.draws.choices(works, weights)[0]
            await self._run_one(client, work)
            await asyncio.sleep(self.draws.uniform(0.0, _LONGEST_PAUSE_SECONDS))

    async def _run_one(self, client: AsyncClient, work: Callable[[AsyncClient], Awaitable[None]]) -> None:
        block = object()
        _block.set(block)
        given_up = await run_and_perhaps_give_up(lambda: work(client), self.draws, with_anyio=self.with_anyio)
        self.outcomes["given up" if given_up else "run to the end"] += 1
        self.faults["calls that outlived their block"] += self._under_way.pop(block, 0)
        self.faults["sources left open"] += self._open.pop(block, 0)

    async def _count(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
        block = _block.get()
        self._under_way[block] += 1
        try:
            return await call_next(request)
        finally:
            try:
                if self.draws.random() < _SHARE_OF_SLOW_ENDS:
                    await asyncio.shield(asyncio.sleep(_SLOW_END_SECONDS))
            finally:
                # A call that ends after its block is missing here.
                if block in self._under_way:
                    self._under_way[block] -= 1

    def _new_id(self, kind: str = "call") -> str:
        self._numbers += 1
        return f"{kind}-{self._numbers}"

    def _note(self, outcome: Outcome) -> None:
        if isinstance(outcome, Fetched):
            self.outcomes["fetched"] += 1
            self.faults["records of another call"] += outcome.record.call_uuid != outcome.call_uuid
        else:
            self.outcomes[type(outcome.error).__name__] += 1

    async def _get(self, client: AsyncClient) -> None:
        call_uuid = self._new_id()
        try:
            self._note(Fetched(call_uuid, await client.calls.get(call_uuid)))
        except PlivoError as error:
            self._note(Failed(call_uuid, error))

    async def _wait(self, client: AsyncClient) -> None:
        call_uuid = self._new_id("late")
        try:
            self._note(Fetched(call_uuid, await client.calls.wait(call_uuid, deadline=2.5)))
        except PlivoError as error:
            self._note(Failed(call_uuid, error))

    async def _all_of_a_batch(self, client: AsyncClient) -> None:
        asked = self._new_ids()
        outcomes = await client.calls.get_many(self._source(asked), concurrency=self._concurrency())
        self._check_all(asked, outcomes)

    async def _a_part_of_a_batch(self, client: AsyncClient) -> None:
        asked, came = self._new_ids(), list[Outcome]()
        enough = self.draws.choice((1, 5, 20, _MOST_CALLS_OF_A_BATCH))
        batch = client.calls.get_many(self._source(asked), concurrency=self._concurrency())
        async with batch:
            async for outcome in batch:
                came.append(outcome)
                if len(came) == enough:
                    break
                if self.draws.random() < 0.05:
                    await asyncio.sleep(0.05)
        if len(came) < enough:
            self._check_all(asked, came)

    async def _list(self, client: AsyncClient) -> None:
        until = datetime.now(UTC)
        came, enough = list[str](), self.draws.choice((1, 30, LISTED + 1))
        try:
            async with client.calls.list(until - timedelta(days=3), until) as listing:
                async for outcome in listing:
                    self._note(outcome)
                    came.append(str(outcome.call_uuid))
                    if len(came) == enough:
                        break
        except PlivoError as error:
            self.outcomes[type(error).__name__] += 1
        else:
            if len(came) < enough:
                self.outcomes["whole lists"] += 1
                self.faults["records of a list that were lost"] += LISTED - len(set(came))
        self.faults["records of a list that came twice"] += len(came) - len(set(came))

    async def _close_in_flight(self, client: AsyncClient) -> None:
        own = self.new_client(max_connections=4)
        calls = [asyncio.ensure_future(self._get(own)) for _ in range(8)]
        calls.append(asyncio.ensure_future(self._all_of_a_batch_if_open(own)))
        try:
            await asyncio.sleep(self.draws.uniform(0.0, 0.1))
        finally:
            try:
                await own.aclose()
            finally:
                self.outcomes["clients closed in flight"] += 1
                await self._until_ended(calls)

    async def _until_ended(self, calls: Sequence[asyncio.Future[None]]) -> None:
        """Wait for the calls of a closed client, which end by themselves, whatever arrives meanwhile."""
        clock = asyncio.get_running_loop().time
        latest, cancelled = clock() + _LONGEST_END_OF_CALLS_SECONDS, None
        while (left := [call for call in calls if not call.done()]) and clock() < latest:
            try:
                await asyncio.wait(left, timeout=latest - clock())
            except asyncio.CancelledError as error:
                cancelled = error
        self.faults["calls that outlived their client"] += len(left)
        if cancelled is not None:
            raise cancelled

    async def _all_of_a_batch_if_open(self, client: AsyncClient) -> None:
        try:
            await self._all_of_a_batch(client)
        except PlivoError as error:
            self.outcomes[type(error).__name__] += 1

    def _check_all(self, asked: list[str], outcomes: list[Outcome]) -> None:
        came = Counter(str(outcome.call_uuid) for outcome in outcomes)
        self.faults["ids of a batch that were lost"] += len(set(asked) - came.keys())
        self.faults["ids of a batch that came twice"] += sum(count - 1 for count in came.values())
        for outcome in outcomes:
            self._note(outcome)

    def _concurrency(self) -> int:
        return self.draws.choice((1, 4, 16))

    def _new_ids(self) -> list[str]:
        return [self._new_id() for _ in range(self.draws.randint(0, _MOST_CALLS_OF_A_BATCH))]

    def _source(self, call_uuids: list[str]) -> Any:
        return self.draws.choice((self._plain, self._asynchronous))(call_uuids)

    def _plain(self, call_uuids: list[str]) -> Generator[str]:
        block = _block.get()
        self._open[block] += 1
        try:
            yield from call_uuids
        finally:
            self._closed(block)

    async def _asynchronous(self, call_uuids: list[str]) -> AsyncGenerator[str]:
        block = _block.get()
        self._open[block] += 1
        try:
            for call_uuid in call_uuids:
                await asyncio.sleep(0)
                yield call_uuid
        finally:
            self._closed(block)

    def _closed(self, block: object) -> None:
        # A source that is closed after its block is missing here.
        if block in self._open:
            self._open[block] -= 1
