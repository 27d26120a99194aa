from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async import RetryBudget, RetryPolicy
from plivo_async.errors import ConfigurationError

# What random.random() gives: from 0 to the largest float below 1.
ALMOST_ONE = math.nextafter(1.0, 0.0)
RANDOM = st.floats(0.0, 1.0, exclude_max=True)
NUMBERS: list[Any] = [True, "1", None, math.nan, math.inf, -1, 10**400]
POLICIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(2, 100),
    backoff_base=st.floats(1e-9, 1e300),
    backoff_max=st.floats(1e-9, 1e300),
    jitter=st.floats(0.25, 1.0),
    retry_after_max=st.floats(0.0, 1e6),
)


def gap_of(policy: RetryPolicy, attempt: int, retry_after: float | None, random: float) -> float:
    gap = policy.gap(attempt, retry_after, random)
    assert gap is not None
    return gap


class TestGap:
    def test_doubles_from_the_base_up_to_the_cap(self) -> None:
        policy = RetryPolicy(max_attempts=8)
        assert [gap_of(policy, n, None, 0.0) for n in range(1, 8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
        shortest = [gap_of(policy, n, None, ALMOST_ONE) for n in range(1, 8)]
        assert shortest == pytest.approx([0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0])

    @given(POLICIES, st.integers(1, 99), RANDOM)
    def test_is_above_zero_and_within_its_range(
        self, policy: RetryPolicy, attempt: int, random: float
    ) -> None:
        gap = policy.gap(attempt, None, random)
        if attempt >= policy.max_attempts:
            assert gap is None
        else:
            most = min(policy.backoff_max, policy.backoff_base * 2.0 ** (attempt - 1))
            assert gap is not None
            assert 0.0 < gap <= most
            assert gap >= (1 - policy.jitter) * most * (1 - 1e-12)

    @given(st.floats(0.25, 1.0))
    def test_uses_the_whole_range_of_its_jitter(self, jitter: float) -> None:
        policy = RetryPolicy(jitter=jitter)
        assert gap_of(policy, 1, None, 0.0) == 0.5
        assert gap_of(policy, 1, None, ALMOST_ONE) == pytest.approx(0.5 * (1 - jitter))

    @pytest.mark.parametrize("attempt", [65, 1_024, 1_100, 10**6])
    def test_survives_any_number_of_attempts(self, attempt: int) -> None:
        policy = RetryPolicy(max_attempts=10**9)
        assert gap_of(policy, attempt, None, 0.0) == 8.0
        largest = RetryPolicy(max_attempts=10**9, backoff_base=1.7e308, backoff_max=1.7e308)
        assert math.isfinite(gap_of(largest, attempt, None, 0.0))

    @pytest.mark.parametrize("attempt", [3, 4, 100])
    def test_is_none_after_the_last_attempt(self, attempt: int) -> None:
        assert RetryPolicy().gap(attempt, None, 0.5) is None
        assert RetryPolicy().gap(attempt, 1.0, 0.5) is None

    def test_is_none_where_there_is_one_attempt(self) -> None:
        assert RetryPolicy(max_attempts=1).gap(1, None, 0.5) is None


class TestRetryAfter:
    @given(POLICIES, st.floats(0.0, 1e6), RANDOM)
    def test_is_never_cut_short(self, policy: RetryPolicy, retry_after: float, random: float) -> None:
        gap = policy.gap(1, retry_after, random)
        if retry_after > policy.retry_after_max:
            assert gap is None
        else:
            most = min(policy.backoff_max, policy.backoff_base)
            assert gap is not None
            assert retry_after <= gap <= (retry_after + most * policy.jitter) * (1 + 1e-12)

    def test_has_jitter_on_top(self) -> None:
        assert gap_of(RetryPolicy(), 1, 10.0, 0.0) == 10.25
        assert gap_of(RetryPolicy(), 1, 10.0, ALMOST_ONE) == pytest.approx(10.0)

    @given(RANDOM)
    def test_of_zero_does_not_hurry(self, random: float) -> None:
        assert 0.0 < gap_of(RetryPolicy(), 1, 0.0, random) <= 0.25

    def test_may_be_as_long_as_the_cap_and_no_longer(self) -> None:
        assert gap_of(RetryPolicy(), 1, 60.0, 0.5) >= 60.0
        assert RetryPolicy().gap(1, 60.001, 0.5) is None
        assert RetryPolicy(retry_after_max=0).gap(1, 0.001, 0.5) is None


class TestPolicy:
    @pytest.mark.parametrize("value", [0, -1, True, 1.0, "3", None, math.nan])
    def test_has_a_whole_number_of_attempts(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match="max_attempts must be "):
            RetryPolicy(max_attempts=value)

    @pytest.mark.parametrize("name", ["backoff_base", "backoff_max"])
    @pytest.mark.parametrize("value", [0, 0.0, *NUMBERS], ids=lambda value: repr(value)[:12])
    def test_has_gaps_above_zero(self, name: str, value: Any) -> None:
        with pytest.raises(ConfigurationError, match=f"{name} must be "):
            RetryPolicy(**{name: value})

    @pytest.mark.parametrize("value", [0, 0.2499, 1.0001, 2, *NUMBERS], ids=lambda value: repr(value)[:12])
    def test_has_a_jitter_from_a_quarter_to_all(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match="jitter must be "):
            RetryPolicy(jitter=value)

    @pytest.mark.parametrize("value", NUMBERS, ids=lambda value: repr(value)[:12])
    def test_has_a_longest_wait(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match="retry_after_max must be "):
            RetryPolicy(retry_after_max=value)

    def test_is_a_value(self) -> None:
        assert RetryPolicy(max_attempts=5) == RetryPolicy(max_attempts=5) != RetryPolicy()
        assert hash(RetryPolicy()) == hash(RetryPolicy())
        assert pickle.loads(pickle.dumps(RetryPolicy())) == copy.deepcopy(RetryPolicy()) == RetryPolicy()

    def test_is_set_by_name(self) -> None:
        with pytest.raises(TypeError):
            RetryPolicy(3)  # type: ignore[call-arg]

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            RetryPolicy().max_attempts = 5  # type: ignore[misc]

    def test_is_checked_again_where_a_changed_copy_is_made(self) -> None:
        with pytest.raises(ConfigurationError, match="max_attempts"):
            attrs.evolve(RetryPolicy(), max_attempts=0)


class TestBudget:
    def test_is_spent_one_by_one(self) -> None:
        budget = RetryBudget(2)
        assert [budget.spend() for _ in range(4)] == [True, True, False, False]
        assert budget.left == 0

    def test_gets_back_the_tokens_of_a_successful_call_and_one_more(self) -> None:
        budget = RetryBudget(10)
        for _ in range(8):
            budget.spend()
        budget.refill(3)
        assert budget.left == 6

    def test_is_never_larger_than_its_capacity(self) -> None:
        budget = RetryBudget(10)
        budget.refill(100)
        assert budget.left == 10

    def test_may_be_none_at_all(self) -> None:
        assert not RetryBudget(0).spend()

    @pytest.mark.parametrize("capacity", [-1, True, 1.0, "15", None, math.nan])
    def test_has_a_capacity_that_is_a_whole_number(self, capacity: Any) -> None:
        with pytest.raises(ConfigurationError, match="capacity must be "):
            RetryBudget(capacity)

    def test_shows_the_remaining_tokens(self) -> None:
        budget = RetryBudget()
        budget.spend()
        assert repr(budget) == "RetryBudget(14 of 15 left)"
