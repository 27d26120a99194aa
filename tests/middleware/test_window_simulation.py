"""Throughput of a client with a LimitEstimator from servers of every kind, in virtual time."""

from __future__ import annotations

import random
from operator import methodcaller

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.middleware.simulation import KINDS, Kind, Server, latency_of, simulate, simulate_several

pytestmark = pytest.mark.usefixtures("unmeasured")
# Least seconds for 1,500 requests: 300 at once, then 300 every 5 s or 60 a second, and the last response.
OPTIMUM = 20.05

each_kind = pytest.mark.parametrize("kind", KINDS)
with_and_without_retry_after = pytest.mark.parametrize("retry_after", [False, True])


def goodput(seconds: float) -> float:
    return OPTIMUM / seconds


class TestAnHonestLimit:
    @each_kind
    @pytest.mark.parametrize("latency", [0.002, 0.05, 0.5, 7.0])
    @pytest.mark.parametrize("concurrency", [1, 32, 500])
    def test_is_never_exceeded(self, kind: Kind, latency: float, concurrency: int) -> None:
        run = simulate(Server(kind), requests=1000, concurrency=concurrency, latency=latency_of(latency))
        assert (run.refused, run.passed, run.limits) == (0, 1000, [(0.0, 300)])

    @each_kind
    def test_is_never_exceeded_by_answers_that_now_and_then_take_long(self, kind: Kind) -> None:
        def uneven(chance: random.Random) -> tuple[float, float]:
            return chance.expovariate(20.0), chance.expovariate(20.0) + 3.0 * (chance.random() < 0.05)

        run = simulate(Server(kind), requests=2000, concurrency=100, latency=uneven)
        assert (run.refused, run.passed) == (0, 2000)

    @each_kind
    def test_is_used_up_to_95_percent(self, kind: Kind) -> None:
        assert goodput(simulate(Server(kind)).seconds) >= 0.95

    @given(data=st.data(), limit=st.integers(1, 8), concurrency=st.integers(1, 20))
    def test_is_not_exceeded_in_any_window_wherever_it_begins(
        self, data: st.DataObject, limit: int, concurrency: int
    ) -> None:
        # Parts of a window that floats hold exactly, so that nothing can hide behind a rounding.
        parts = st.integers(0, 192).map(lambda part: part / 128)
        ways = data.draw(st.lists(st.tuples(parts, parts), min_size=1, max_size=12))
        pauses = data.draw(st.lists(parts, min_size=1, max_size=5))
        server = Server("sliding", requests=limit, per=1.0)
        simulate(
            server,
            configured=limit,
            requests=40,
            concurrency=concurrency,
            latency=methodcaller("choice", ways),
            pause=methodcaller("choice", pauses),
        )
        arrivals = sorted(server.arrivals)
        assert len(arrivals) == 40
        assert all(later - first >= 1.0 for first, later in zip(arrivals, arrivals[limit:], strict=False))


class TestALimitConfiguredTooHigh:
    @each_kind
    @with_and_without_retry_after
    @pytest.mark.parametrize("seed", range(5))
    def test_twice_costs_little(self, kind: Kind, retry_after: bool, seed: int) -> None:
        run = simulate(Server(kind, retry_after=retry_after), configured=600, seed=seed)
        assert goodput(run.seconds) >= 0.92
        assert run.refused < 60

    @each_kind
    @with_and_without_retry_after
    @pytest.mark.parametrize("configured", [550, 600])
    def test_by_half_and_more_costs_little(self, kind: Kind, retry_after: bool, configured: int) -> None:
        run = simulate(Server(kind, retry_after=retry_after), configured=configured)
        assert goodput(run.seconds) >= 0.92
        assert run.refused < 60

    @each_kind
    @with_and_without_retry_after
    @pytest.mark.parametrize("configured", [301, 310, 330, 400, 450, 500])
    def test_by_less_looks_like_a_shared_one_and_costs_a_window(
        self, kind: Kind, retry_after: bool, configured: int
    ) -> None:
        run = simulate(Server(kind, retry_after=retry_after), configured=configured)
        assert run.seconds < OPTIMUM + 6.0
        assert run.refused < 60

    @each_kind
    @with_and_without_retry_after
    @pytest.mark.parametrize("configured", [650, 900, 1200])
    def test_more_than_twice_costs_a_window_or_two(
        self, kind: Kind, retry_after: bool, configured: int
    ) -> None:
        run = simulate(Server(kind, retry_after=retry_after), configured=configured)
        # Where refused requests count, each probe delays the next one.
        assert run.seconds < OPTIMUM + (12.0 if kind == "strict" else 7.0)
        # A bucket that refills lets some pass before each of its 429s.
        assert run.refused < (300 if kind == "bucket" else 120)

    @each_kind
    def test_far_is_found_out_within_some_windows(self, kind: Kind) -> None:
        run = simulate(Server(kind), configured=10_000, requests=6000)
        assert run.passed == 6000
        assert 270 <= run.limits[-1][1] <= 330
        # Of 100 seconds.
        assert run.seconds < 150

    @each_kind
    @with_and_without_retry_after
    def test_is_asked_for_now_and_then_and_costs_next_to_nothing(self, kind: Kind, retry_after: bool) -> None:
        run = simulate(Server(kind, retry_after=retry_after), configured=600, requests=18_000)
        assert run.seconds < 300 * (1.08 if kind == "strict" else 1.02)
        assert run.refused < (200 if kind == "strict" else 180)

    @given(
        kind=st.sampled_from(KINDS),
        retry_after=st.booleans(),
        limit=st.integers(1, 20),
        configured=st.integers(1, 40),
        concurrency=st.integers(1, 20),
        latency=st.sampled_from([0.0, 0.01, 0.2, 3.0]),
        seed=st.integers(0, 1000),
    )
    def test_or_too_low_or_right_loses_nothing(
        self,
        *,
        kind: Kind,
        retry_after: bool,
        limit: int,
        configured: int,
        concurrency: int,
        latency: float,
        seed: int,
    ) -> None:
        server = Server(kind, requests=limit, per=1.0, retry_after=retry_after)
        run = simulate(
            server,
            configured=configured,
            requests=80,
            concurrency=concurrency,
            latency=latency_of(latency),
            seed=seed,
        )
        assert run.passed == 80
        assert len(server.arrivals) == 80 + run.refused
        if configured <= limit:
            assert run.refused == 0


class TestASharedLimit:
    @each_kind
    @with_and_without_retry_after
    @pytest.mark.parametrize("concurrency", [20, 32, 100])
    def test_leaves_the_other_client_its_third(self, kind: Kind, retry_after: bool, concurrency: int) -> None:
        run = simulate(
            Server(kind, retry_after=retry_after), requests=3000, concurrency=concurrency, foreign=20.0
        )
        assert run.passed == 3000
        assert run.foreign_passed >= 0.8 * run.foreign_asked
        # Of the 40 a second that are left, more than 80 percent.
        assert run.passed / run.seconds > 32

    @each_kind
    @pytest.mark.parametrize("foreign", [2.0, 5.0, 10.0, 30.0])
    def test_leaves_another_client_most_of_what_it_wants(self, kind: Kind, foreign: float) -> None:
        run = simulate(Server(kind), requests=3000, foreign=foreign)
        assert run.passed == 3000
        assert run.foreign_passed >= 0.8 * run.foreign_asked
        assert run.passed / run.seconds > 0.8 * (60 - foreign)

    @each_kind
    def test_is_had_for_oneself_again_when_the_other_client_leaves(self, kind: Kind) -> None:
        run = simulate(Server(kind), requests=12_000, foreign=20.0, foreign_until=60.0)
        assert min(limit for _, limit in run.limits) < 240
        assert run.limits[-1][1] == 300
        full_again = run.limits[-1][0]
        assert full_again < 150

    @each_kind
    def test_that_was_used_up_before_the_first_request_is_found_out_to_be_whole(self, kind: Kind) -> None:
        server = Server(kind)
        while server.admit(0.0) is None:
            pass
        run = simulate(server, requests=6000)
        assert run.passed == 6000
        assert run.limits[-1][1] == 300
        assert run.refused < 100


class TestSeveralClientsOfOneAccount:
    """Each has an estimator of its own, as clients in several processes have."""

    @each_kind
    @pytest.mark.parametrize("begins_at", [0.0, 3.0])
    def test_have_half_of_the_limit_each_after_five_windows(self, kind: Kind, begins_at: float) -> None:
        runs = simulate_several(
            Server(kind), [{"requests": 9000}, {"requests": 9000, "begins_at": begins_at}], until=78.0
        )
        first, second = (run.rate(28.0, 78.0) for run in runs)
        assert 0.4 <= first / (first + second) <= 0.6
        assert first + second >= 0.88 * 60
        # Of 4,300 requests.
        assert sum(run.refused for run in runs) < 170

    @pytest.mark.parametrize("kind", ["fixed", "sliding", "bucket"])
    @with_and_without_retry_after
    def test_end_at_about_the_same_time(self, kind: Kind, retry_after: bool) -> None:
        """Each has 300 requests, which takes 10 s if both have half of 60 a second."""
        server = Server(kind, requests=60, per=1.0, retry_after=retry_after)
        first, second = simulate_several(server, [{"requests": 300}, {"requests": 300, "begins_at": 0.05}])
        assert first.seconds > 7.0
        assert second.seconds < 13.0

    def test_have_a_third_each_if_they_are_three(self) -> None:
        runs = simulate_several(
            Server(), [{"requests": 9000, "begins_at": 3.0 * number} for number in range(3)], until=90.0
        )
        rates = [run.rate(40.0, 90.0) for run in runs]
        assert all(0.25 <= rate / sum(rates) <= 0.42 for rate in rates)

    def test_leave_one_with_few_calls_what_it_needs_and_no_more(self) -> None:
        few = {"requests": 9000, "concurrency": 2, "pause": lambda chance: 0.4}
        large, small = simulate_several(Server(), [{"requests": 9000}, few], until=90.0)
        # It could send 4.4 a second.
        assert small.rate(30.0, 90.0) > 4.0
        assert large.rate(30.0, 90.0) > 45.0

    def test_have_the_whole_limit_again_five_windows_after_the_other_has_ended(self) -> None:
        staying, leaving = simulate_several(
            Server(), [{"requests": 9000}, {"requests": 1500, "begins_at": 3.0}], until=90.0
        )
        assert leaving.passed == 1500
        assert staying.rate(leaving.seconds + 20.0, leaving.seconds + 25.0) > 0.96 * 60
