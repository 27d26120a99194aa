from __future__ import annotations

import asyncio
import itertools
from typing import Any, Self

from hypothesis import given
from hypothesis import strategies as st

from plivo_async.middleware.fair_lock import FairLock


async def let_run() -> None:
    """Everything that can go on goes on until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


class Waiters:
    """Tasks that wait for a lock, held at first; `served` names those whose turn came, in order."""

    def __init__(self) -> None:
        self.lock = FairLock()
        self.served: list[str] = []
        self.recalled: list[str] = []
        self.tasks: dict[str, asyncio.Task[bool]] = {}

    async def __aenter__(self) -> Self:
        assert await self.lock.acquire("the first lane")
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    async def wait(self, *names: str) -> None:
        """A task for each name waits; its lane is the letter that it begins with."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._one(name))
            await let_run()

    async def _one(self, name: str) -> bool:
        turn = await self.lock.acquire(name[0])
        (self.served if turn else self.recalled).append(name)
        return turn

    async def serve(self, turns: int) -> list[str]:
        """Give the lock back so many times; the names that had their turn."""
        for _ in range(turns):
            self.lock.release()
            await let_run()
        return self.served


async def test_a_free_lock_is_taken_at_once() -> None:
    lock = FairLock()
    assert await lock.acquire("a")
    assert lock.held


async def test_a_lock_given_back_is_free_for_any_lane() -> None:
    lock = FairLock()
    await lock.acquire("a")
    lock.release()
    assert not lock.held
    assert await lock.acquire("b")


async def test_within_a_lane_the_first_to_come_is_the_first_served() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2", "a3")
        assert await waiters.serve(3) == ["a1", "a2", "a3"]


async def test_lanes_take_turns() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2", "a3", "b1", "b2", "c1")
        assert await waiters.serve(6) == ["a1", "b1", "c1", "a2", "b2", "a3"]


async def test_who_comes_alone_waits_for_one_of_each_lane() -> None:
    async with Waiters() as waiters:
        await waiters.wait(*(f"a{number}" for number in range(50)), "b1", "b2", "c1")
        assert await waiters.serve(3) == ["a0", "b1", "c1"]


async def test_a_lane_that_comes_again_goes_to_the_end_of_the_round() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "b1", "b2", "c1")
        assert await waiters.serve(1) == ["a1"]
        await waiters.wait("a2")
        assert await waiters.serve(4) == ["a1", "b1", "c1", "a2", "b2"]


async def test_nobody_barges_in_between_giving_back_and_the_next_turn() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1")
        waiters.lock.release()
        late = asyncio.create_task(waiters.lock.acquire("b"))
        await let_run()
        assert waiters.served == ["a1"]
        assert not late.done()
        await waiters.serve(1)
        assert await late


async def test_it_is_free_again_after_the_last_turn() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "b1")
        await waiters.serve(3)
        assert not waiters.lock.held


async def test_a_cancelled_wait_takes_nothing() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2", "a3")
        waiters.tasks["a2"].cancel()
        await let_run()
        assert await waiters.serve(2) == ["a1", "a3"]
        await waiters.serve(1)
        assert not waiters.lock.held


async def test_a_lane_loses_no_turn_by_waits_that_were_cancelled() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2", "a3", "a4", "b1", "b2")
        for name in ("a1", "a2", "a3"):
            waiters.tasks[name].cancel()
        # At once: none of them has left yet.
        assert await waiters.serve(2) == ["a4", "b1"]


async def test_cancelled_waits_are_forgotten_at_once() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2", "b1")
        for task in waiters.tasks.values():
            task.cancel()
        await let_run()
        assert waiters.lock.held
        assert not waiters.lock._lanes


async def test_a_lock_whose_last_waits_are_just_being_cancelled_is_free() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "b1")
        for task in waiters.tasks.values():
            task.cancel()
        waiters.lock.release()
        assert not waiters.lock.held
        await let_run()
        assert not waiters.lock.held
        assert await waiters.lock.acquire("c")


async def test_a_turn_that_comes_together_with_a_cancellation_goes_on_to_the_next() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2")
        waiters.lock.release()
        waiters.tasks["a1"].cancel()
        await let_run()
        assert waiters.tasks["a1"].cancelled()
        assert waiters.served == ["a2"]


async def test_a_wait_that_is_abandoned_takes_no_turn() -> None:
    async with Waiters() as waiters:
        abandoned = waiters.lock.acquire("a")
        abandoned.send(None)
        await waiters.wait("a2")
        abandoned.close()
        assert await waiters.serve(1) == ["a2"]


class TestRecall:
    async def test_sends_all_back_without_a_turn(self) -> None:
        async with Waiters() as waiters:
            await waiters.wait("a1", "a2", "b1")
            waiters.lock.recall()
            await let_run()
            assert (waiters.served, waiters.recalled) == ([], ["a1", "a2", "b1"])
            assert waiters.lock.held
            await waiters.serve(1)
            assert not waiters.lock.held

    async def test_keeps_the_order_of_those_who_wait_again(self) -> None:
        async with Waiters() as waiters:

            async def stubborn(name: str) -> None:
                while not await waiters.lock.acquire(name[0]):
                    pass
                waiters.served.append(name)

            async with asyncio.TaskGroup() as group:
                for name in ("a1", "a2", "a3", "b1", "b2"):
                    group.create_task(stubborn(name))
                    await let_run()
                waiters.lock.recall()
                await let_run()
                assert await waiters.serve(5) == ["a1", "b1", "a2", "b2", "a3"]

    async def test_of_nobody_is_nothing(self) -> None:
        async with Waiters() as waiters:
            waiters.lock.recall()
            await waiters.serve(1)
            assert not waiters.lock.held

    async def test_does_not_take_back_a_turn(self) -> None:
        async with Waiters() as waiters:
            await waiters.wait("a1", "a2")
            waiters.lock.release()
            waiters.lock.recall()
            await let_run()
            assert (waiters.served, waiters.recalled) == (["a1"], ["a2"])

    async def test_of_those_just_being_cancelled_changes_nothing_for_them(self) -> None:
        async with Waiters() as waiters:
            await waiters.wait("a1", "a2")
            waiters.tasks["a1"].cancel()
            waiters.lock.recall()
            await let_run()
            assert waiters.tasks["a1"].cancelled()
            assert waiters.recalled == ["a2"]

    async def test_together_with_a_cancellation_gives_back_no_turn(self) -> None:
        async with Waiters() as waiters:
            await waiters.wait("a1")
            waiters.lock.recall()
            waiters.tasks["a1"].cancel()
            await let_run()
            assert waiters.tasks["a1"].cancelled()
            assert waiters.lock.held


STEPS = st.lists(
    st.tuples(st.just("wait"), st.sampled_from("abc"))
    | st.tuples(st.just("cancel"), st.integers(0, 30))
    | st.tuples(st.just("release"), st.none())
    | st.tuples(st.just("recall"), st.none())
    | st.tuples(st.just("run"), st.none()),
    max_size=60,
)


@given(STEPS)
async def test_in_any_order_of_events_one_holds_it_and_each_has_its_turn(
    steps: list[tuple[str, Any]],
) -> None:
    lock = FairLock()
    holders: list[int] = []
    served: set[int] = set()
    tasks: list[asyncio.Task[None]] = []
    numbers = itertools.count()

    async def wait(lane: str, number: int) -> None:
        while not await lock.acquire(lane):
            pass
        holders.append(number)
        served.add(number)
        assert len(holders) == 1

    for step, value in steps:
        if step == "wait":
            tasks.append(asyncio.create_task(wait(value, next(numbers))))
        elif step == "cancel" and tasks:
            tasks[value % len(tasks)].cancel()
        elif step == "release" and holders:
            holders.clear()
            lock.release()
        elif step == "recall":
            lock.recall()
        else:
            await let_run()
    for _ in range(len(tasks) + 1):
        await let_run()
        if holders:
            holders.clear()
            lock.release()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not lock.held
    assert not lock._lanes
    assert served == {number for number, task in enumerate(tasks) if not task.cancelled()}
