from __future__ import annotations

import asyncio
import contextlib
import contextvars
import copy
import functools
import pickle
import types
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async import (
    AuthenticationError,
    Batch,
    CallDetailRecord,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    EventLoopError,
    Failed,
    Fetched,
    InvalidCallUUIDError,
    NotFoundError,
    Outcome,
    PatienceExceededError,
    PermissionDeniedError,
    PlivoError,
    RateLimitError,
    ServerError,
    TLSError,
)
from plivo_async.context import CallState
from plivo_async.resources.lane import BatchLane
from tests.virtual_time import in_virtual_time, virtual_loop

# Typed as what a batch is asked for: these tests ask for numbers, which are easier to read.
NUMBERS: Any = range(10)
NOTHING: Any = None


def record(call_uuid: object) -> CallDetailRecord:
    return CallDetailRecord(call_uuid=str(call_uuid))


async def fetch(call_uuid: object) -> CallDetailRecord:
    return record(call_uuid)


class Server:
    """Fetches records; `slow` ids wait until they are let go, `failing` ones raise."""

    def __init__(
        self, *, slow: Iterable[Any] = (), failing: dict[Any, BaseException] | None = None, steps: int = 1
    ) -> None:
        self.gates = {call_uuid: asyncio.Event() for call_uuid in slow}
        self.failing = failing or {}
        self.steps = steps
        self.asked: list[Any] = []
        self.under_way = self.most_under_way = 0

    async def fetch(self, call_uuid: Any) -> CallDetailRecord:
        self.asked.append(call_uuid)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            for _ in range(self.steps):
                await asyncio.sleep(0)
            if call_uuid in self.gates:
                await self.gates[call_uuid].wait()
            if call_uuid in self.failing:
                raise self.failing[call_uuid]
            return record(call_uuid)
        finally:
            self.under_way -= 1

    def batch(self, ids: Any, concurrency: int = 4) -> Batch:
        return Batch(self.fetch, ids, concurrency)


class Numbers:
    """Numbers without end, and how many were pulled."""

    def __init__(self) -> None:
        self.pulled = 0

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        self.pulled += 1
        return self.pulled - 1


class AsyncNumbers(Numbers):
    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        await asyncio.sleep(0)
        return next(self)


async def numbers(count: int, then: BaseException | None = None) -> AsyncIterator[int]:
    for number in range(count):
        await asyncio.sleep(0)
        yield number
    if then is not None:
        raise then


def sync_numbers(count: int, then: BaseException | None = None) -> Iterator[int]:
    yield from range(count)
    if then is not None:
        raise then


async def settle() -> None:
    """Everything goes on that can."""
    for _ in range(200):
        await asyncio.sleep(0)


def tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def all_of(batch: Batch) -> list[Outcome]:
    async with batch:
        return [outcome async for outcome in batch]


async def taken_from(batch: Batch) -> tuple[list[Any], BaseException | None]:
    """The ids that came out before the end, or before what was raised."""
    taken: list[Any] = []
    try:
        async with batch:
            async for outcome in batch:
                taken.append(outcome.call_uuid)
    except (PlivoError, ValueError, RuntimeError, asyncio.CancelledError) as error:
        return taken, error
    return taken, None


def ids_of(outcomes: Iterable[Outcome]) -> list[Any]:
    return [outcome.call_uuid for outcome in outcomes]


class TestEveryInput:
    async def test_comes_out_once(self) -> None:
        outcomes = await all_of(Server().batch(range(100)))
        assert sorted(ids_of(outcomes)) == list(range(100))
        assert all(outcome == Fetched(outcome.call_uuid, record(outcome.call_uuid)) for outcome in outcomes)

    async def test_comes_out_once_each_time_it_goes_in(self) -> None:
        outcomes = await all_of(Server().batch(["a", "b", "a", "a"]))
        assert Counter(ids_of(outcomes)) == {"a": 3, "b": 1}

    async def test_that_fails_comes_out_with_its_error_and_loses_no_other(self) -> None:
        error = NotFoundError("no such call", status=404)
        outcomes = await Server(failing={3: error}).batch(range(6))
        assert ids_of(outcomes) == list(range(6))
        assert outcomes[3] == Failed(NUMBERS[3], error)
        assert all(isinstance(outcome, Fetched) for outcome in outcomes if outcome.call_uuid != 3)

    async def test_comes_out_as_what_it_went_in_as(self) -> None:
        ids = [uuid.uuid4(), None, 5, b"bytes", (), "text"]
        outcomes = await Server().batch(ids)
        assert [id(outcome.call_uuid) for outcome in outcomes] == [id(asked) for asked in ids]

    async def test_comes_out_in_its_order_where_the_batch_is_awaited(self) -> None:
        server = Server(slow=range(8))
        batch = asyncio.ensure_future(_awaited(server.batch(range(8), 8)))
        await settle()
        for number in reversed(range(8)):
            server.gates[number].set()
            await settle()
        assert ids_of(await batch) == list(range(8))

    async def test_comes_out_as_it_is_done_where_the_batch_is_iterated(self) -> None:
        server = Server(slow=range(4))
        async with server.batch(range(4)) as batch:
            await settle()
            for number in (2, 0, 3, 1):
                server.gates[number].set()
                assert (await anext(batch)).call_uuid == number

    async def test_that_is_slow_holds_back_none(self) -> None:
        server = Server(slow=[0])
        async with server.batch(range(50)) as batch:
            first = [(await anext(batch)).call_uuid for _ in range(49)]
            assert sorted(first) == list(range(1, 50))
            server.gates[0].set()
            assert [outcome.call_uuid async for outcome in batch] == [0]

    async def test_of_none_is_no_outcome(self) -> None:
        assert await all_of(Server().batch([])) == []
        assert await Server().batch([]) == []

    @given(
        steps=st.lists(st.integers(-3, 6), max_size=40),
        concurrency=st.integers(1, 9),
        is_async=st.booleans(),
        taking=st.integers(0, 4),
    )
    async def test_comes_out_once_however_long_each_takes(
        self, *, steps: list[int], concurrency: int, is_async: bool, taking: int
    ) -> None:
        async def fetch(number: int) -> CallDetailRecord:
            for _ in range(abs(steps[number])):
                await asyncio.sleep(0)
            if steps[number] < 0:
                raise NotFoundError("no", status=404)
            return record(number)

        def source() -> Any:
            return numbers(len(steps)) if is_async else sync_numbers(len(steps))

        batch = Batch(fetch, source(), concurrency)
        taken: list[Outcome] = []
        async with batch:
            async for outcome in batch:
                taken.append(outcome)
                for _ in range(taking):
                    await asyncio.sleep(0)
        assert sorted(ids_of(taken)) == list(range(len(steps)))
        assert {outcome.call_uuid for outcome in taken if isinstance(outcome, Failed)} == {
            number for number, count in enumerate(steps) if count < 0
        }
        assert ids_of(await Batch(fetch, source(), concurrency)) == list(range(len(steps)))
        assert tasks() == set()


async def _awaited(batch: Batch) -> list[Outcome]:
    return await batch


class TestConcurrency:
    @pytest.mark.parametrize("concurrency", [1, 2, 7, 100])
    async def test_is_how_many_are_under_way(self, concurrency: int) -> None:
        server = Server(steps=30)
        await server.batch(range(150), concurrency)
        assert server.most_under_way == concurrency

    async def test_starts_no_more_tasks_than_there_are_ids(self) -> None:
        server = Server(slow=range(3))
        async with server.batch(range(3), 1000):
            await settle()
            assert len(tasks()) == 3

    async def test_may_be_far_above_what_there_is(self) -> None:
        assert len(await Server().batch(range(10), 10**12)) == 10

    @pytest.mark.parametrize("wrong", [0, -1, True, False, "x", "8", 1.0, None, [4]])
    async def test_refuses_what_is_no_number_of_calls(self, wrong: Any) -> None:
        with pytest.raises(ConfigurationError, match="concurrency must be"):
            Server().batch([], wrong)


class TestSource:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: [0, 1, 2],
            lambda: (0, 1, 2),
            lambda: {0, 1, 2},
            lambda: {0: "a", 1: "b", 2: "c"},
            lambda: range(3),
            lambda: iter([0, 1, 2]),
            lambda: map(int, "012"),
            lambda: sync_numbers(3),
            lambda: numbers(3),
        ],
        ids=["list", "tuple", "set", "dict", "range", "iterator", "map", "generator", "async generator"],
    )
    async def test_is_anything_that_can_be_iterated(self, make: Callable[[], Any]) -> None:
        assert sorted(ids_of(await all_of(Server().batch(make())))) == [0, 1, 2]
        assert ids_of(await Server().batch(make())) == [0, 1, 2]

    async def test_may_be_an_object_that_gives_an_async_generator(self) -> None:
        class Rows:
            async def __aiter__(self) -> AsyncIterator[int]:
                yield 1
                yield 2

        assert ids_of(await Server().batch(Rows())) == [1, 2]

    async def test_may_give_an_iterator_that_is_no_iterable_itself(self) -> None:
        class Cursor:
            left = 2

            async def __anext__(self) -> int:
                if not self.left:
                    raise StopAsyncIteration
                self.left -= 1
                return self.left

        class Rows:
            def __aiter__(self) -> Any:
                return Cursor()

        assert ids_of(await Server().batch(Rows())) == [1, 0]

    async def test_may_give_an_iterator_that_counts_as_false(self) -> None:
        class Rows(Numbers):
            def __len__(self) -> int:
                return 0

            def __iter__(self) -> Iterator[int]:
                assert self.pulled == 0
                return self

            def __next__(self) -> int:
                if self.pulled == 3:
                    raise StopIteration
                return super().__next__()

        assert ids_of(await Server().batch(Rows())) == [0, 1, 2]

    async def test_that_is_both_is_read_as_async(self) -> None:
        class Both:
            def __iter__(self) -> Iterator[int]:
                raise AssertionError

            def __aiter__(self) -> AsyncIterator[int]:
                return numbers(2)

        assert ids_of(await Server().batch(Both())) == [0, 1]

    @pytest.mark.parametrize(
        "wrong",
        [
            "5607532d-5037-4066-befc-a8b40218dd4f",
            "",
            b"bytes",
            bytearray(b"bytes"),
            None,
            5,
            uuid.UUID(int=1),
        ],
        ids=repr,
    )
    def test_is_no_single_call(self, wrong: Any) -> None:
        with pytest.raises(ConfigurationError, match="call_uuids must be an iterable or") as caught:
            Batch(fetch, wrong, 4)
        assert repr(wrong)[:20] in str(caught.value)

    def test_is_no_function(self) -> None:
        source: Any = numbers
        with pytest.raises(ConfigurationError, match="call_uuids must be an iterable"):
            Batch(fetch, source, 4)

    @pytest.mark.parametrize("source", [Numbers, AsyncNumbers])
    async def test_is_not_touched_before_the_batch_begins(self, source: type[Numbers]) -> None:
        endless = source()
        batch = Server().batch(endless)
        await settle()
        assert endless.pulled == 0
        async with batch:
            assert endless.pulled == 0

    @pytest.mark.parametrize("source", [Numbers, AsyncNumbers])
    @pytest.mark.parametrize("concurrency", [1, 3, 50])
    async def test_is_read_a_little_ahead_only(self, source: type[Numbers], concurrency: int) -> None:
        endless, taken = source(), 0
        async with Server().batch(endless, concurrency) as batch:
            async for _ in batch:
                taken += 1
                assert endless.pulled <= taken + 2 * concurrency
                if taken == 500:
                    break
        assert endless.pulled <= taken + 2 * concurrency

    @pytest.mark.parametrize("source", [Numbers, AsyncNumbers])
    async def test_waits_for_who_takes_the_outcomes(self, source: type[Numbers]) -> None:
        endless, server = source(), Server()
        async with server.batch(endless, 4) as batch:
            await settle()
            assert (endless.pulled, len(server.asked), batch.done) == (8, 8, 8)
            for taken in range(1, 20):
                await anext(batch)
                await settle()
                assert (endless.pulled, len(server.asked), batch.done) == (8 + taken,) * 3

    async def test_that_is_slow_holds_back_no_outcome(self) -> None:
        goes_on = asyncio.Event()

        async def slow() -> AsyncIterator[int]:
            yield 1
            await goes_on.wait()
            yield 2

        async with Server().batch(slow()) as batch:
            assert (await anext(batch)).call_uuid == 1
            goes_on.set()
            assert (await anext(batch)).call_uuid == 2

    async def test_is_asked_by_one_at_a_time(self) -> None:
        # An async generator that is asked twice at once raises.
        outcomes = await Server().batch(numbers(100), 20)
        assert ids_of(outcomes) == list(range(100))


FAILURES = [ValueError("no more rows"), NotFoundError("the source's own", status=404)]


class TestASourceThatRaises:
    @pytest.mark.parametrize("source", [numbers, sync_numbers])
    @pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
    async def test_at_once_raises_that(self, source: Callable[..., Any], failure: Exception) -> None:
        assert await taken_from(Server().batch(source(0, failure))) == ([], failure)

    @pytest.mark.parametrize("source", [numbers, sync_numbers])
    @pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
    @pytest.mark.parametrize("count", [1, 3, 20])
    async def test_later_raises_that_after_all_outcomes(
        self, source: Callable[..., Any], failure: Exception, count: int
    ) -> None:
        taken, raised = await taken_from(Server().batch(source(count, failure)))
        assert (sorted(taken), raised) == (list(range(count)), failure)

    async def test_raises_that_after_the_slow_ones_too(self) -> None:
        failure, server = ValueError("no more rows"), Server(slow=[0, 1])
        taking = asyncio.create_task(taken_from(server.batch(sync_numbers(3, failure))))
        await settle()
        assert not taking.done()
        server.gates[0].set()
        server.gates[1].set()
        taken, raised = await taking
        assert (sorted(taken), raised) == ([0, 1, 2], failure)

    @pytest.mark.parametrize("source", [numbers, sync_numbers])
    async def test_raises_that_where_the_batch_is_awaited(self, source: Callable[..., Any]) -> None:
        with pytest.raises(ValueError, match="no more rows"):
            await Server().batch(source(3, ValueError("no more rows")))
        assert tasks() == set()

    @pytest.mark.parametrize("kind", ["__iter__", "__aiter__"])
    async def test_when_it_is_to_begin_raises_that(self, kind: str) -> None:
        def fail(self: object) -> Any:
            raise ValueError("no connection")

        rows = type("Rows", (), {kind: fail})()
        taken, raised = await taken_from(Server().batch(rows))
        assert (taken, str(raised)) == ([], "no connection")

    async def test_is_not_asked_again(self) -> None:
        class Rows(Numbers):
            def __next__(self) -> int:
                if super().__next__() == 3:
                    raise ValueError("row 3 is broken")
                return self.pulled

        rows = Rows()
        await taken_from(Server().batch(rows))
        assert rows.pulled == 4

    async def test_raises_again_for_who_asks_again(self) -> None:
        async with Server().batch(sync_numbers(0, ValueError("no more rows"))) as batch:
            for _ in range(2):
                with pytest.raises(ValueError, match="no more rows"):
                    await anext(batch)

    async def test_cancelled_error_of_its_own_is_no_end_of_the_source(self) -> None:
        taken, raised = await taken_from(Server().batch(numbers(3, asyncio.CancelledError())))
        assert sorted(taken) == [0, 1, 2]
        assert isinstance(raised, asyncio.CancelledError)

    async def test_stop_iteration_of_its_own_is_no_end_of_the_source(self) -> None:
        taken, raised = await taken_from(Server().batch(sync_numbers(3, StopIteration())))
        assert sorted(taken) == [0, 1, 2]
        assert isinstance(raised, RuntimeError)


class TestWhatIsNoFailureOfACall:
    async def test_is_raised_after_all_outcomes(self) -> None:
        bug = TypeError("a bug in middleware")
        taken: list[Any] = []
        with pytest.raises(TypeError) as caught:
            async with Server(failing={2: bug}).batch(range(100)) as batch:
                async for outcome in batch:
                    taken.append(outcome.call_uuid)
        assert caught.value is bug
        assert 2 not in taken
        assert {0, 1} <= set(taken)
        assert len(taken) == len(set(taken)) < 20

    async def test_is_raised_even_where_the_source_never_goes_on(self) -> None:
        async def rows() -> AsyncIterator[int]:
            yield 0
            await asyncio.Event().wait()

        with pytest.raises(TypeError, match="a bug"):
            await Server(failing={0: TypeError("a bug")}).batch(rows())
        assert tasks() == set()

    async def test_the_first_one_is_raised(self) -> None:
        server = Server(slow=[0, 1], failing={0: TypeError("first"), 1: TypeError("second")})
        waiting = asyncio.create_task(_awaited(server.batch(range(2))))
        await settle()
        for gate in server.gates.values():
            gate.set()
        with pytest.raises(TypeError, match="first"):
            await waiting

    async def test_a_task_that_somebody_else_cancelled_is_no_end_of_the_source(self) -> None:
        server = Server(slow=[0, 1, 2])
        taking = asyncio.create_task(taken_from(server.batch(range(3))))
        await settle()
        for task in tasks() - {taking}:
            task.cancel()
        taken, raised = await taking
        assert taken == []
        assert isinstance(raised, asyncio.CancelledError)


class Closing:
    """Sources that say when they were closed."""

    def __init__(self) -> None:
        self.closed = False

    def generator(self) -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            self.closed = True

    async def async_generator(self) -> AsyncIterator[int]:
        try:
            for number in range(1000):
                yield number
        finally:
            await asyncio.sleep(0)
            self.closed = True

    async def stuck(self) -> AsyncIterator[int]:
        try:
            yield 0
            await asyncio.Event().wait()
        finally:
            self.closed = True

    async def __aiter__(self) -> AsyncIterator[int]:
        async for number in self.async_generator():
            yield number


class TestLeaving:
    async def test_by_break_ends_what_is_under_way(self) -> None:
        server = Server(slow=range(1, 1000))
        async with server.batch(range(1000)) as batch:
            async for outcome in batch:
                assert outcome.call_uuid == 0
                break
        assert (server.under_way, tasks()) == (0, set())
        asked = len(server.asked)
        await settle()
        assert len(server.asked) == asked

    async def test_by_an_exception_lets_it_pass_and_ends_what_is_under_way(self) -> None:
        server, error = Server(), ValueError("the disk is full")
        with pytest.raises(ValueError, match="the disk is full") as caught:
            async with server.batch(Numbers()) as batch:
                async for _ in batch:
                    raise error
        assert caught.value is error
        assert (server.under_way, tasks()) == (0, set())

    async def test_before_anything_came_is_fine(self) -> None:
        server = Server()
        async with server.batch(Numbers()):
            pass
        assert (server.asked, tasks()) == ([], set())

    async def test_keeps_what_was_taken(self) -> None:
        taken: list[Outcome] = []
        batch = Server().batch(Numbers())
        with contextlib.suppress(ValueError):
            async with batch:
                async for outcome in batch:
                    taken.append(outcome)
                    if len(taken) == 10:
                        raise ValueError
        assert len(ids_of(taken)) == 10
        assert batch.done >= 10

    @pytest.mark.parametrize("how", ["iterated", "awaited"])
    async def test_by_cancellation_at_any_step_ends_all(self, how: str) -> None:
        for steps in range(60):
            server = Server(steps=3)

            async def use(batch: Batch) -> None:
                if how == "awaited":
                    await batch
                async with batch:
                    async for _ in batch:
                        await asyncio.sleep(0)

            task = asyncio.create_task(use(server.batch(AsyncNumbers())))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (server.under_way, tasks()) == (0, set())

    async def test_by_two_cancellations_at_any_steps_ends_all(self) -> None:
        for steps in range(12):
            for more in range(8):
                server = Server(slow=range(100))

                task = asyncio.create_task(all_of(server.batch(numbers(100))))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                for _ in range(more):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                await settle()
                assert (server.under_way, tasks()) == (0, set())

    async def test_waits_for_calls_that_take_time_to_end(self) -> None:
        ended: list[int] = []

        async def fetch(number: int) -> CallDetailRecord:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.01)
                ended.append(number)
            raise AssertionError

        async with Batch(fetch, range(3), 3):
            await settle()
        assert sorted(ended) == [0, 1, 2]

    async def test_waits_for_them_however_often_it_is_cancelled(self) -> None:
        ends, ended = asyncio.Event(), 0

        async def fetch(number: int) -> CallDetailRecord:
            nonlocal ended
            try:
                await asyncio.Event().wait()
            finally:
                await ends.wait()
                ended += 1
            raise AssertionError

        closing = Closing()
        task = asyncio.create_task(all_of(Batch(fetch, closing.async_generator(), 3)))
        await settle()
        for _ in range(5):
            task.cancel()
            await settle()
        assert (task.done(), ended, closing.closed) == (False, 0, False)
        ends.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (ended, closing.closed, tasks()) == (3, True, set())

    @in_virtual_time
    async def test_passes_a_late_cancellation_on_to_calls_that_do_not_end(self) -> None:
        async def fetch(number: int) -> CallDetailRecord:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.Event().wait()
            raise AssertionError

        task = asyncio.create_task(all_of(Batch(fetch, range(3), 3)))
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.sleep(10.0)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_by_a_timeout_is_what_its_users_expect(self) -> None:
        server = Server(slow=range(1, 10))
        taken: list[Outcome] = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), server.batch(range(10)) as batch:
                async for outcome in batch:
                    taken.append(outcome)
        assert (ids_of(taken), server.under_way, tasks()) == ([0], 0, set())

    async def test_by_an_error_in_a_task_group_is_what_its_users_expect(self) -> None:
        server = Server(slow=range(1, 10))

        async def fail() -> None:
            await settle()
            raise ValueError("elsewhere")

        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(all_of(server.batch(range(10))))
                group.create_task(fail())
        assert (server.under_way, tasks()) == (0, set())

    @pytest.mark.parametrize("source", ["generator", "async_generator", "stuck"])
    async def test_closes_a_generator(self, source: str) -> None:
        closing = Closing()
        async with Server().batch(getattr(closing, source)()) as batch:
            await anext(batch)
            assert not closing.closed
        assert closing.closed

    async def test_closes_the_generator_that_an_object_gave(self) -> None:
        closing = Closing()
        async with Server().batch(closing) as batch:
            await anext(batch)
        await settle()
        assert closing.closed

    async def test_closes_nothing_else(self) -> None:
        class Rows(AsyncNumbers):
            closed = False

            def close(self) -> None:
                self.closed = True

            async def aclose(self) -> None:
                self.closed = True

        rows = Rows()
        async with Server().batch(rows) as batch:
            await anext(batch)
        assert not rows.closed

    async def test_raises_what_closing_a_generator_raises(self) -> None:
        def rows() -> Iterator[int]:
            try:
                yield from range(1000)
            finally:
                raise ValueError("the connection is gone")

        with pytest.raises(ValueError, match="the connection is gone"):
            async with Server().batch(rows()) as batch:
                await anext(batch)
        assert tasks() == set()

    async def test_does_not_mind_a_source_that_raises_when_it_is_cancelled(self) -> None:
        async def rows() -> AsyncIterator[int]:
            yield 0
            try:
                await asyncio.Event().wait()
            finally:
                raise ValueError("the connection is gone")

        async with Server().batch(rows()) as batch:
            assert (await anext(batch)).call_uuid == 0
            await settle()
        assert tasks() == set()

    async def test_leaves_what_is_there_to_be_taken(self) -> None:
        async with Server().batch(range(3)) as batch:
            await settle()
        assert sorted([outcome.call_uuid async for outcome in batch]) == [0, 1, 2]


STOPPING = [AuthenticationError("HTTP 401", status=401, api_id="an id"), ClientClosedError("closed")]


class TestAnErrorThatAllFurtherCallsWouldMeet:
    @pytest.mark.parametrize("error", STOPPING, ids=lambda error: type(error).__name__)
    @pytest.mark.parametrize("source", [Numbers, AsyncNumbers])
    async def test_ends_the_batch_and_says_so(self, error: PlivoError, source: type[Numbers]) -> None:
        endless, server = source(), Server(failing={5: error})
        taken, raised = await taken_from(server.batch(endless, 2))
        assert isinstance(raised, type(error))
        assert str(raised) == f"the batch stopped after {len(taken)} outcomes: {error}"
        assert (raised.status, raised.api_id) == (error.status, error.api_id)
        assert sorted(taken) == list(range(endless.pulled))
        assert len(server.asked) <= 6 + 2

    async def test_leaves_what_was_pulled_unasked_with_an_outcome(self) -> None:
        server = Server(failing={0: STOPPING[0]}, steps=0)
        outcomes: list[Outcome] = []
        with pytest.raises(AuthenticationError):
            async with server.batch(AsyncNumbers(), 8) as batch:
                async for outcome in batch:
                    outcomes.append(outcome)
        assert outcomes[0] == Failed(NUMBERS[0], STOPPING[0])
        assert all(
            isinstance(outcome, Failed) for outcome in outcomes if outcome.call_uuid not in server.asked
        )

    async def test_is_also_the_error_of_an_id_that_a_source_gives_though_it_is_to_stop(self) -> None:
        class Stubborn:
            pulled = 0

            def __aiter__(self) -> Self:
                return self

            async def __anext__(self) -> int:
                self.pulled += 1
                if self.pulled == 2:
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.Event().wait()
                    await asyncio.sleep(0)
                return self.pulled

        source, server = Stubborn(), Server(failing={1: STOPPING[0]})
        outcomes: list[Outcome] = []
        with pytest.raises(AuthenticationError):
            async with server.batch(source) as batch:
                async for outcome in batch:
                    outcomes.append(outcome)
        assert (source.pulled, server.asked, ids_of(outcomes)) == (2, [1], [1, 2])
        assert isinstance(outcomes[1], Failed)
        assert type(outcomes[1].error) is AuthenticationError
        assert str(outcomes[1].error) == "not asked for: HTTP 401"

    async def test_ends_the_batch_even_where_the_source_never_goes_on(self) -> None:
        closing = Closing()
        taken, raised = await taken_from(Server(failing={0: STOPPING[0]}).batch(closing.stuck()))
        assert (taken, type(raised)) == ([0], AuthenticationError)
        assert closing.closed

    async def test_lets_those_under_way_end_first(self) -> None:
        server = Server(slow=[0, 1], failing={2: STOPPING[0]})
        taking = asyncio.create_task(taken_from(server.batch(Numbers(), 3)))
        await settle()
        assert not taking.done()
        for gate in server.gates.values():
            gate.set()
        taken, raised = await taking
        assert {0, 1, 2} <= set(taken)
        assert isinstance(raised, AuthenticationError)

    async def test_the_first_one_is_what_is_said(self) -> None:
        first, second = AuthenticationError("first", status=401), AuthenticationError("second", status=401)
        _, raised = await taken_from(Server(failing={0: first, 1: second}).batch(Numbers()))
        assert str(raised).endswith("outcomes: first")

    async def test_is_raised_where_the_batch_is_awaited(self) -> None:
        server = Server(failing={5: STOPPING[0]})
        with pytest.raises(AuthenticationError, match="the batch stopped after"):
            await server.batch(Numbers(), 2)

    async def test_is_not_one_that_only_this_call_meets(self) -> None:
        failing: dict[Any, BaseException] = {
            0: PermissionDeniedError("no", status=403),
            1: NotFoundError("no", status=404),
        }
        outcomes = await Server(failing=failing).batch(range(10))
        assert sum(isinstance(outcome, Failed) for outcome in outcomes) == 2

    async def test_copies_of_it_pickle(self) -> None:
        _, raised = await taken_from(Server(failing={0: STOPPING[0]}).batch(Numbers()))
        assert str(pickle.loads(pickle.dumps(raised))) == str(raised)

    async def test_is_any_error_of_a_client_that_cannot_work_here(self) -> None:
        _, raised = await taken_from(Server(failing={0: EventLoopError("another loop")}).batch(Numbers()))
        assert isinstance(raised, EventLoopError)


class TestUse:
    def test_needs_no_event_loop_to_be_built(self) -> None:
        batch = Batch(Server().fetch, range(3), 4)
        assert repr(batch) == "<Batch not begun: done=0, failed=0>"

    async def test_without_async_with_is_refused(self) -> None:
        batch = Server().batch(range(3))
        with pytest.raises(ConfigurationError, match=r"async with client\.calls\.get_many"):
            async for _ in batch:
                pass
        # And may be used all the same.
        assert len(await all_of(batch)) == 3

    async def test_awaited_twice_is_refused(self) -> None:
        batch = Server().batch([1])
        await batch
        with pytest.raises(ConfigurationError, match="a batch runs once"):
            await batch

    async def test_entered_twice_is_refused(self) -> None:
        batch = Server().batch([1])
        await all_of(batch)
        with pytest.raises(ConfigurationError, match="a batch runs once"):
            await all_of(batch)

    async def test_awaited_within_its_own_block_is_refused_and_goes_on(self) -> None:
        async with Server().batch(range(3)) as batch:
            with pytest.raises(ConfigurationError, match="a batch runs once"):
                await batch
            assert sorted([outcome.call_uuid async for outcome in batch]) == [0, 1, 2]

    async def test_by_several_tasks_gives_each_outcome_to_one_of_them(self) -> None:
        taken: list[Any] = []

        async def take(batch: Batch) -> None:
            async for outcome in batch:
                taken.append(outcome.call_uuid)
                await asyncio.sleep(0)

        async with Server().batch(range(100)) as batch, asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(take(batch))
        assert sorted(taken) == list(range(100))

    async def test_at_the_end_stays_at_the_end(self) -> None:
        async with Server().batch([1]) as batch:
            await anext(batch)
            for _ in range(2):
                with pytest.raises(StopAsyncIteration):
                    await anext(batch)

    async def test_keeps_the_callers_context(self) -> None:
        tenant = contextvars.ContextVar("tenant", default="nobody")
        seen: set[str] = set()

        async def fetch(number: int) -> CallDetailRecord:
            seen.add(tenant.get())
            return record(number)

        tenant.set("a tenant")
        await Batch(fetch, range(20), 4)
        assert seen == {"a tenant"}

    async def test_counts_what_is_done_and_what_failed(self) -> None:
        server = Server(slow=[3], failing={0: NotFoundError("no", status=404)})
        batch = server.batch(range(4))
        assert (batch.done, batch.failed) == (0, 0)
        async with batch:
            await settle()
            assert (batch.done, batch.failed) == (3, 1)
            assert repr(batch) == "<Batch under way: done=3, failed=1>"
            server.gates[3].set()
            await settle()
            assert repr(batch) == "<Batch ended: done=4, failed=1>"
        assert (batch.done, batch.failed) == (4, 1)


class TestOutcomes:
    def test_match_by_position(self) -> None:
        def say(outcome: Outcome) -> str:
            match outcome:
                case Fetched(call_uuid, fetched):
                    return f"{call_uuid}: {fetched.call_uuid}"
                case Failed(call_uuid, error):
                    return f"{call_uuid}: {error}"

        assert say(Fetched("a", record("A"))) == "a: A"
        assert say(Failed("b", ServerError("no"))) == "b: no"

    def test_match_by_name(self) -> None:
        def say(outcome: Outcome) -> str:
            match outcome:
                case Fetched(record=CallDetailRecord(call_uuid=found)):
                    return found
                case Failed(error=NotFoundError()):
                    return "not found"
                case Failed(call_uuid=asked):
                    return f"{asked} failed"

        assert say(Fetched("a", record("A"))) == "A"
        assert say(Failed("b", NotFoundError("no"))) == "not found"
        assert say(Failed("c", ServerError("no"))) == "c failed"

    @pytest.mark.parametrize("outcome", [Fetched("a", record("A")), Failed("b", ServerError("no"))])
    def test_are_values(self, outcome: Any) -> None:
        with pytest.raises(AttributeError):
            outcome.call_uuid = "other"
        assert repr(copy.deepcopy(outcome)) == repr(outcome)
        assert repr(pickle.loads(pickle.dumps(outcome))) == repr(outcome)

    def test_show_what_they_are(self) -> None:
        assert repr(Failed(NOTHING, ServerError("no", status=500))) == (
            "Failed(call_uuid=None, error=ServerError('no', status=500))"
        )


class Failing:
    """Fetches records; each id of `failures` raises its errors first, one a time, and is asked at a time."""

    def __init__(self, failures: dict[Any, list[PlivoError]], then: PlivoError | None = None) -> None:
        self.failures, self.then = failures, then
        self.asked: list[tuple[Any, float]] = []

    async def fetch(self, call_uuid: Any) -> CallDetailRecord:
        self.asked.append((call_uuid, virtual_loop().time()))
        await asyncio.sleep(0.01)
        if errors := self.failures.get(call_uuid):
            raise errors.pop(0)
        if self.then is not None:
            raise copy.copy(self.then)
        return record(call_uuid)

    @property
    def ids(self) -> list[Any]:
        return [call_uuid for call_uuid, _ in self.asked]


def throttling(retry_after: float | None = None) -> RateLimitError:
    return RateLimitError("slow down", status=429, retry_after=retry_after, attempts=1)


def outage() -> ServerError:
    """Without attempts that a retry middleware has counted."""
    return ServerError("HTTP 503", status=503)


class TestHolding:
    @in_virtual_time
    async def test_for_a_429_lasts_for_its_retry_after(self) -> None:
        server = Failing({0: [throttling(5.0)]})
        outcomes = await Batch(server.fetch, range(3), 1)
        assert [type(outcome) for outcome in outcomes] == [Fetched] * 3
        (_, first), (_, second) = server.asked[:2]
        assert 5.0 <= second - first < 5.3

    @in_virtual_time
    async def test_has_the_reason_and_is_shown(self) -> None:
        server = Failing({0: [throttling(5.0)]})
        async with Batch(server.fetch, range(3), 1) as batch:
            await asyncio.sleep(1.0)
            assert batch.holding is not None
            assert batch.holding.reason == "throttled"
            assert ", holding: throttled, next request in 4." in repr(batch)

    @in_virtual_time
    async def test_leaves_no_timer_behind(self) -> None:
        async with Batch(Failing({0: [throttling(500.0)]}).fetch, range(3), 1):
            await asyncio.sleep(1.0)
        await asyncio.sleep(0)
        assert not any(timer for timer in virtual_loop()._scheduled if not timer.cancelled())  # type: ignore[attr-defined]

    @in_virtual_time
    async def test_ends_when_one_probe_succeeds(self) -> None:
        server = Failing({number: [outage()] for number in range(8)})
        outcomes = await Batch(server.fetch, range(8), 8)
        assert [type(outcome) for outcome in outcomes] == [Fetched] * 8
        times = [seconds - server.asked[0][1] for _, seconds in server.asked]
        assert times[:8] == [0.0] * 8
        assert len(times) == 16
        assert 0.3 < times[8] < times[9]

    @in_virtual_time
    async def test_probes_with_a_call_that_was_there_before(self) -> None:
        server = Failing({number: [outage(), outage()] for number in range(1, 20)})
        outcomes = await Batch(server.fetch, range(20), 8)
        assert ids_of(outcomes) == list(range(20))
        assert server.ids.count(0) > 1

    @in_virtual_time
    async def test_probes_with_a_call_that_was_there_before_without_an_outcome_for_it(self) -> None:
        server = Failing({0: [], **{number: [outage(), outage()] for number in range(1, 9)}})
        outcomes: list[Outcome] = []
        async with Batch(server.fetch, range(9), 9) as batch:
            outcomes.append(await anext(batch))
            server.failures[0].append(outage())
            outcomes += [outcome async for outcome in batch]
        assert server.failures[0] == []
        assert sorted(ids_of(outcomes)) == list(range(9))

    @in_virtual_time
    async def test_pulls_another_call_if_the_only_one_fails_again(self) -> None:
        server = Failing({0: [throttling(1.0), throttling(1.0)]})
        assert ids_of(await Batch(server.fetch, range(3), 1)) == [0, 1, 2]
        assert server.ids == [0, 0, 1, 0, 2]

    @in_virtual_time
    async def test_does_not_begin_for_ids_that_cannot_be_sent(self) -> None:
        server = Failing({}, InvalidCallUUIDError("no id"))
        outcomes = await Batch(server.fetch, range(20), 4)
        assert server.ids == list(range(20))
        assert all(isinstance(outcome, Failed) for outcome in outcomes)

    @in_virtual_time
    async def test_longer_than_its_patience_ends_the_batch(self) -> None:
        server = Failing({}, outage())
        outcomes: list[Outcome] = []
        batch = Batch(server.fetch, range(20), 2, BatchLane(60.0))
        began = virtual_loop().time()
        with pytest.raises(PatienceExceededError, match="the batch stopped after"):
            async with batch:
                async for outcome in batch:
                    outcomes.append(outcome)
        assert virtual_loop().time() - began == pytest.approx(60.0, abs=1.0)
        assert outcomes
        assert all(isinstance(outcome, Failed) for outcome in outcomes)

    @in_virtual_time
    async def test_for_a_failure_that_no_pause_heals_ends_the_batch(self) -> None:
        server = Failing({}, TLSError("expired"))
        with pytest.raises(TLSError, match="the batch stopped after"):
            await Batch(server.fetch, range(20), 2)
        assert len(server.asked) <= 6

    @in_virtual_time
    async def test_keeps_an_id_that_arrives_meanwhile_for_later(self) -> None:
        async def source() -> AsyncIterator[int]:
            yield 0
            await asyncio.sleep(1.0)
            yield 1

        server = Failing({0: [throttling(5.0)]})
        outcomes = await Batch(server.fetch, source(), 4)
        assert ids_of(outcomes) == [0, 1]
        assert [type(outcome) for outcome in outcomes] == [Fetched] * 2
        assert all(seconds >= 1005.0 for _, seconds in server.asked[1:])

    @in_virtual_time
    async def test_ends_with_an_outcome_for_each_call_that_waits(self) -> None:
        server = Failing({0: [throttling(5.0)], 1: [throttling(5.0)]})
        lane = BatchLane(1.0)
        outcomes: list[Outcome] = []
        with pytest.raises(PatienceExceededError):
            async with Batch(server.fetch, range(2), 2, lane) as batch:
                async for outcome in batch:
                    outcomes.append(outcome)
        assert sorted(ids_of(outcomes)) == [0, 1]


class EndedTask(asyncio.Future[Any]):
    """What a task factory returns for a coroutine that has ended at once."""

    def set_name(self, name: object) -> None:
        """Do nothing. Python 3.13 sets a name."""


def begun_at_once(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    """Create a task that begins at once, as `asyncio.eager_task_factory` of Python 3.12 does."""
    try:
        awaited = coroutine.send(None)
    except StopIteration as end:
        ended: Any = EndedTask(loop=loop)
        ended.set_result(end.value)
        return ended  # type: ignore[no-any-return]

    @types.coroutine
    def rest() -> Generator[Any, Any, Any]:
        nonlocal awaited
        while True:
            try:
                value = yield awaited
            except asyncio.CancelledError as error:
                step = functools.partial(coroutine.throw, error)
            else:
                step = functools.partial(coroutine.send, value)
            try:
                awaited = step()
            except StopIteration as end:
                return end.value

    async def go_on() -> Any:
        return await rest()

    return asyncio.Task(go_on(), loop=loop, **options)


async def test_workers_that_begin_at_once_are_as_many_as_those_that_begin_later() -> None:
    server = Server(slow=range(9))
    async with server.batch(range(9), 4) as batch:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(begun_at_once)
        try:
            await asyncio.sleep(0)
            assert server.asked == [0, 1, 2, 3]
        finally:
            loop.set_task_factory(None)
        for gate in server.gates.values():
            gate.set()
        assert sorted(ids_of([outcome async for outcome in batch])) == list(range(9))
    assert server.most_under_way == 4


async def test_workers_that_never_wait_are_gone_at_once() -> None:
    """The event loop takes no step meanwhile, in which a callback could remove them."""
    server = Server(steps=0)
    async with server.batch(range(100), 4) as batch:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(begun_at_once)
        try:
            most = 0
            async for _ in batch:
                most = max(most, len(batch._sender._workers))
        finally:
            loop.set_task_factory(None)
    assert (len(server.asked), most) == (100, 0)


@pytest.mark.parametrize("tasks", [0, 1, 3])
@in_virtual_time
async def test_a_task_factory_that_raises_ends_the_batch_with_its_error(tasks: int) -> None:
    """Such as one of a program that is at its end, or counts its tasks."""
    server, numbers = Server(slow=[0], failing={1: NotFoundError("no", status=404)}), Numbers()
    loop = asyncio.get_running_loop()
    created = 0

    def create(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        nonlocal created
        if created == tasks:
            raise MemoryError("no more tasks")
        created += 1
        return asyncio.Task(coroutine, loop=loop, **options)

    async with server.batch(numbers, 8) as batch:
        loop.set_task_factory(create)
        try:
            loop.call_later(1.0, server.gates[0].set)
            with pytest.raises(MemoryError, match="no more tasks"):
                async for _ in batch:
                    pass
        finally:
            loop.set_task_factory(None)
    assert numbers.pulled <= 2 * 8


class TestACallThatWaitsForTheRateLimit:
    @in_virtual_time
    async def test_has_an_outcome_when_the_batch_stops(self) -> None:
        """The batch ends the wait, and the call was not asked for."""
        lane = BatchLane(10.0)

        async def fetch(_: Any) -> CallDetailRecord:
            state = CallState()
            try:
                async with asyncio.timeout(None) as state.scope:
                    lane.waits(state, lambda: 5.0)
                    await asyncio.Event().wait()
            except TimeoutError:
                raise DeadlineExceededError("no permit") from None
            finally:
                lane.goes_on(state)
            raise AssertionError

        outcomes: list[Outcome] = []
        with pytest.raises(PatienceExceededError):
            async with Batch(fetch, range(9), 4, lane) as batch:
                async for outcome in batch:
                    outcomes.append(outcome)
        assert ids_of(outcomes) == [0]
        assert isinstance(outcomes[0], Failed)
        assert str(outcomes[0].error).startswith("not asked for: the rate limit")


class TestTheClockOfABatch:
    def test_shows_zero_before_the_begin(self) -> None:
        batch = Batch(fetch, NUMBERS, 4)
        assert (batch.elapsed, batch.rate) == (0.0, 0.0)

    @in_virtual_time
    async def test_stops_at_the_end(self) -> None:
        async with Batch(Failing({}).fetch, range(3), 2) as batch:
            await asyncio.sleep(0.016)
            assert batch.done == 2
            assert batch.elapsed == pytest.approx(0.016)
            assert batch.rate == pytest.approx(125.0)
            await asyncio.sleep(5.0)
        assert batch.elapsed == pytest.approx(0.02)
        assert batch.rate == pytest.approx(150.0)
