from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.fair_semaphore import FairSemaphore


async def let_run() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


class Waiters:
    """Tasks that wait for a lock, which is held at first; `served` has the names of its holders in order."""

    def __init__(self) -> None:
        self.lock = FairSemaphore()
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
        """Start a task for each name; its lane is the first letter of the name."""
        for name in names:
            self.tasks[name] = asyncio.create_task(self._one(name))
            await let_run()

    async def _one(self, name: str) -> bool:
        turn = await self.lock.acquire(name[0])
        (self.served if turn else self.recalled).append(name)
        return turn

    async def serve(self, turns: int) -> list[str]:
        """Release the lock `turns` times and return the names served so far."""
        for _ in range(turns):
            self.lock.release()
            await let_run()
        return self.served


async def test_a_free_lock_is_taken_at_once() -> None:
    lock = FairSemaphore()
    assert await lock.acquire("a")
    assert lock.free == 0


async def test_a_released_lock_is_free_for_any_lane() -> None:
    lock = FairSemaphore()
    await lock.acquire("a")
    lock.release()
    assert lock.free == 1
    assert await lock.acquire("b")


async def test_within_a_lane_waiters_are_served_in_order() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2", "a3")
        assert await waiters.serve(3) == ["a1", "a2", "a3"]


async def test_lanes_take_turns() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2", "a3", "b1", "b2", "c1")
        assert await waiters.serve(6) == ["a1", "b1", "c1", "a2", "b2", "a3"]


async def test_a_single_waiter_waits_for_one_waiter_of_each_other_lane() -> None:
    async with Waiters() as waiters:
        await waiters.wait(*(f"a{number}" for number in range(50)), "b1", "b2", "c1")
        assert await waiters.serve(3) == ["a0", "b1", "c1"]


async def test_a_lane_that_returns_goes_to_the_end_of_the_round() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "b1", "b2", "c1")
        assert await waiters.serve(1) == ["a1"]
        await waiters.wait("a2")
        assert await waiters.serve(4) == ["a1", "b1", "c1", "a2", "b2"]


async def test_a_released_lock_goes_to_the_waiter_before_a_new_task() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1")
        waiters.lock.release()
        late = asyncio.create_task(waiters.lock.acquire("b"))
        await let_run()
        assert waiters.served == ["a1"]
        assert not late.done()
        await waiters.serve(1)
        assert await late


async def test_the_lock_is_free_after_the_last_waiter() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "b1")
        await waiters.serve(3)
        assert waiters.lock.free == 1


async def test_a_cancelled_waiter_does_not_get_the_lock() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2", "a3")
        waiters.tasks["a2"].cancel()
        await let_run()
        assert await waiters.serve(2) == ["a1", "a3"]
        await waiters.serve(1)
        assert waiters.lock.free == 1


async def test_cancelled_waiters_do_not_use_up_the_turn_of_their_lane() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2", "a3", "a4", "b1", "b2")
        for name in ("a1", "a2", "a3"):
            waiters.tasks[name].cancel()
        # Released at once, before the cancelled tasks have run.
        assert await waiters.serve(2) == ["a4", "b1"]


async def test_cancelled_waiters_are_removed_at_once() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2", "b1")
        for task in waiters.tasks.values():
            task.cancel()
        await let_run()
        assert waiters.lock.free == 0
        assert not waiters.lock._lanes


async def test_a_lock_released_while_its_last_waiters_are_cancelled_is_free() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "b1")
        for task in waiters.tasks.values():
            task.cancel()
        waiters.lock.release()
        assert waiters.lock.free == 1
        await let_run()
        assert waiters.lock.free == 1
        assert await waiters.lock.acquire("c")


async def test_a_waiter_cancelled_as_it_is_served_hands_the_lock_on() -> None:
    async with Waiters() as waiters:
        await waiters.wait("a1", "a2")
        waiters.lock.release()
        waiters.tasks["a1"].cancel()
        await let_run()
        assert waiters.tasks["a1"].cancelled()
        assert waiters.served == ["a2"]


async def test_a_closed_coroutine_does_not_get_the_lock() -> None:
    async with Waiters() as waiters:
        abandoned = waiters.lock.acquire("a")
        abandoned.send(None)
        await waiters.wait("a2")
        abandoned.close()
        assert await waiters.serve(1) == ["a2"]


@pytest.mark.parametrize("hand_on", [FairSemaphore.release, FairSemaphore.recall])
def test_waiters_of_a_closed_event_loop_are_dropped(hand_on: Callable[[FairSemaphore], None]) -> None:
    lock = FairSemaphore()

    async def wait() -> Coroutine[Any, Any, bool]:
        assert await lock.acquire("a")
        waiter = lock.acquire("a")
        waiter.send(None)
        return waiter

    waiter = asyncio.run(wait())
    hand_on(lock)
    waiter.close()
    assert not lock._lanes


class TestRecall:
    async def test_wakes_all_waiters_without_the_lock(self) -> None:
        async with Waiters() as waiters:
            await waiters.wait("a1", "a2", "b1")
            waiters.lock.recall()
            await let_run()
            assert (waiters.served, waiters.recalled) == ([], ["a1", "a2", "b1"])
            assert waiters.lock.free == 0
            await waiters.serve(1)
            assert waiters.lock.free == 1

    async def test_keeps_the_order_of_waiters_that_acquire_again(self) -> None:
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

    async def test_without_waiters_does_nothing(self) -> None:
        async with Waiters() as waiters:
            waiters.lock.recall()
            await waiters.serve(1)
            assert waiters.lock.free == 1

    async def test_does_not_revoke_a_lock_handed_over(self) -> None:
        async with Waiters() as waiters:
            await waiters.wait("a1", "a2")
            waiters.lock.release()
            waiters.lock.recall()
            await let_run()
            assert (waiters.served, waiters.recalled) == (["a1"], ["a2"])

    async def test_does_not_affect_waiters_that_are_being_cancelled(self) -> None:
        async with Waiters() as waiters:
            await waiters.wait("a1", "a2")
            waiters.tasks["a1"].cancel()
            waiters.lock.recall()
            await let_run()
            assert waiters.tasks["a1"].cancelled()
            assert waiters.recalled == ["a2"]

    async def test_followed_by_a_cancellation_does_not_release_the_lock(self) -> None:
        async with Waiters() as waiters:
            await waiters.wait("a1")
            waiters.lock.recall()
            waiters.tasks["a1"].cancel()
            await let_run()
            assert waiters.tasks["a1"].cancelled()
            assert waiters.lock.free == 0


STEPS = st.lists(
    st.tuples(st.just("wait"), st.sampled_from("abc"))
    | st.tuples(st.just("cancel"), st.integers(0, 30))
    | st.tuples(st.just("release"), st.none())
    | st.tuples(st.just("recall"), st.none())
    | st.tuples(st.just("run"), st.none()),
    max_size=60,
)


@given(STEPS)
async def test_in_any_order_of_events_one_task_holds_the_lock_and_each_is_served(
    steps: list[tuple[str, Any]],
) -> None:
    lock = FairSemaphore()
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
    assert lock.free == 1
    assert not lock._lanes
    assert served == {number for number, task in enumerate(tasks) if not task.cancelled()}
