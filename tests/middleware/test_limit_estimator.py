from __future__ import annotations

import math
from typing import Any

import pytest

from plivo_async import RateLimit
from plivo_async.middleware.limit_estimator import LimitEstimator


def estimator(requests: int = 4, per: float = 8.0) -> LimitEstimator:
    return LimitEstimator(RateLimit(requests, per))


def send(limited: LimitEstimator, now: float, count: int = 1) -> list[int]:
    """Take permits that must be free."""
    permits: list[int] = []
    for _ in range(count):
        assert limited.delay(now) == 0
        permits.append(limited.take(now))
    return permits


def admit(limited: LimitEstimator, now: float, count: int = 1) -> None:
    """Send requests one after the other, each with a response at once."""
    for _ in range(count):
        limited.release(send(limited, now)[0], now)


def refuse(limited: LimitEstimator, now: float, retry_after: float | None = None) -> None:
    """Send one request, whose response is 429."""
    limited.throttled(send(limited, now)[0], retry_after, now)


class TestA429:
    @pytest.mark.parametrize(
        ("random", "pause"), [(0.0, 1.0), (0.5, 1.125), (0.999999999, pytest.approx(1.25))]
    )
    def test_blocks_for_an_eighth_of_a_window_and_jitter(self, random: float, pause: Any) -> None:
        limited = estimator(per=8.0)
        [permit] = send(limited, 0.0)
        limited.throttled(permit, None, 2.0, random)
        assert limited.delay(2.0) == pause
        assert limited.blocked_until == 2.0 + limited.delay(2.0)

    def test_in_a_long_window_blocks_for_a_second_at_first(self) -> None:
        limited = estimator(100, per=3600.0)
        admit(limited, 0.0, 40)
        now, pauses = 0.0, list[float]()
        for _ in range(12):
            refuse(limited, now)
            pauses.append(limited.blocked_until - now)
            now = limited.blocked_until
        # The last one would be 2048: by then the requests before the first 429 have left the window.
        assert pauses[:11] == [2.0**number for number in range(11)]

    def test_blocks_for_its_retry_after(self) -> None:
        limited = estimator()
        refuse(limited, 0.0, retry_after=30.0)
        assert [limited.delay(now) for now in (0.0, 29.0, 30.0)] == [30.0, 1.0, 0.0]

    def test_frees_its_permit_at_once(self) -> None:
        limited = estimator(4)
        refuse(limited, 0.0)
        assert limited.log.in_flight == 0
        assert not limited.log._free_again

    def test_is_followed_by_one_probe_before_all_others(self) -> None:
        limited = estimator(100)
        admit(limited, 0.0, 50)
        refuse(limited, 0.0)
        [probe] = send(limited, 8.0)
        assert limited.delay(8.0) == math.inf
        limited.release(probe, 9.0)
        send(limited, 9.0, 20)

    def test_to_the_probe_doubles_the_pause(self) -> None:
        limited = estimator(100, per=8.0)
        admit(limited, 0.0, 40)
        now, pauses = 0.0, list[float]()
        for _ in range(3):
            refuse(limited, now)
            pauses.append(limited.blocked_until - now)
            now = limited.blocked_until
        assert pauses == [1.0, 2.0, 4.0]

    def test_while_others_have_the_limit_blocks_for_a_quarter_of_a_window(self) -> None:
        limited = estimator(100, per=8.0)
        now, pauses = 0.0, list[float]()
        for _ in range(28):
            refuse(limited, now)
            pauses.append(limited.blocked_until - now)
            now = limited.blocked_until
        assert pauses == [1.0, *[2.0] * 23, 4.0, 8.0, 8.0, 8.0]

    def test_with_the_same_retry_after_again_and_again_has_jitter(self) -> None:
        limited = estimator(100, per=8.0)
        pauses: list[float] = []
        for number in range(4):
            [permit] = send(limited, 100.0 * number)
            limited.throttled(permit, 10.0, 100.0 * number, 0.5)
            pauses.append(limited.blocked_until - 100.0 * number)
        assert pauses == [10.0, 10.0, 12.0, 12.0]

    def test_after_a_thousand_others_blocks_no_longer_than_a_window(self) -> None:
        limited = estimator(100, per=8.0)
        for _ in range(1000):
            refuse(limited, max(0.0, limited.blocked_until))
        assert limited.blocked_until <= 8.0 * 1000

    def test_after_an_admitted_probe_blocks_for_a_short_pause_again(self) -> None:
        limited = estimator(100, per=8.0)
        refuse(limited, 0.0)
        refuse(limited, 1.0)
        admit(limited, 3.0)
        refuse(limited, 4.0)
        assert limited.blocked_until == 5.0

    @pytest.mark.parametrize("retry_after", [0.0, 0.5])
    def test_after_a_retry_after_that_was_too_short_blocks_as_without_one(self, retry_after: float) -> None:
        limited = estimator(100, per=8.0)
        refuse(limited, 0.0, retry_after)
        assert limited.blocked_until == retry_after
        refuse(limited, retry_after, retry_after)
        assert limited.blocked_until == retry_after + 2.0

    def test_with_a_long_retry_after_again_blocks_for_it(self) -> None:
        limited = estimator(100, per=8.0)
        refuse(limited, 0.0, 20.0)
        refuse(limited, 20.0, 20.0)
        assert limited.blocked_until == 40.0

    @pytest.mark.parametrize("retry_after", [3600.0, 1e9, 1e300])
    def test_blocks_for_an_hour_at_most(self, retry_after: float) -> None:
        limited = estimator()
        refuse(limited, 0.0, retry_after)
        assert limited.blocked_until == 3600.0

    def test_of_the_same_epoch_changes_nothing(self) -> None:
        limited = estimator(8)
        permits = send(limited, 0.0, 5)
        limited.throttled(permits[0], None, 1.0)
        before = limited.blocked_until, limited.current_limit
        for permit in permits[1:]:
            limited.throttled(permit, None, 1.5)
        assert (limited.blocked_until, limited.current_limit) == before
        assert limited.log.in_flight == 0

    def test_of_the_same_epoch_may_extend_the_block_but_not_shorten_it(self) -> None:
        limited = estimator(8)
        first, second, third = send(limited, 0.0, 3)
        limited.throttled(first, 4.0, 1.0)
        limited.throttled(second, 6.0, 1.0)
        limited.throttled(third, 1.0, 1.0)
        assert limited.blocked_until == 7.0

    def test_whose_probe_has_no_response_for_a_window_allows_another_probe(self) -> None:
        limited = estimator(100, per=8.0)
        refuse(limited, 0.0)
        [lost] = send(limited, 1.0)
        assert [limited.delay(now) for now in (1.0, 8.9)] == [math.inf, math.inf]
        [second] = send(limited, 9.0)
        assert limited.delay(9.0) == math.inf
        limited.release(second, 9.5)
        assert limited.delay(9.5) == 0
        limited.release(lost, 20.0)
        assert limited.log.in_flight == 0

    def test_is_not_revoked_by_the_response_to_an_earlier_request(self) -> None:
        limited = estimator(100, per=8.0)
        refused, earlier = send(limited, 0.0, 2)
        limited.throttled(refused, None, 0.0)
        [probe] = send(limited, 1.0)
        limited.release(earlier, 1.0)
        assert limited.delay(1.0) == math.inf
        limited.throttled(probe, None, 1.0)
        # Still the second in a row.
        assert limited.blocked_until == 3.0


class TestTheLimitAfterA429:
    def test_is_the_number_admitted_in_the_window(self) -> None:
        limited = estimator(100)
        admit(limited, 0.0, 60)
        refuse(limited, 0.0)
        assert (limited.current_limit, limited.paced) == (60, False)

    def test_counts_requests_in_flight_that_are_admitted_later(self) -> None:
        limited = estimator(100)
        admit(limited, 0.0, 60)
        under_way = send(limited, 0.0, 10)
        refuse(limited, 0.0)
        for permit in under_way:
            limited.release(permit, 0.0)
        assert limited.current_limit == 70

    def test_is_never_above_the_configured_one(self) -> None:
        limited = estimator(10, per=8.0)
        permits = list[int]()
        for now in (0.0, 4.0):
            permits = send(limited, now, 5)
            for permit in permits[:-1]:
                limited.release(permit, now + 1.0)
        limited.throttled(permits[-1], None, 6.0)
        assert 1 <= limited.current_limit <= 10

    def test_is_at_least_half(self) -> None:
        limited = estimator(100)
        admit(limited, 0.0, 5)
        refuse(limited, 0.0)
        assert (limited.current_limit, limited.paced) == (50, True)

    def test_of_one_is_one(self) -> None:
        limited = estimator(1)
        for now in (0.0, 100.0, 200.0):
            refuse(limited, now)
        assert limited.current_limit == 1

    def test_is_shrunk_once_a_window(self) -> None:
        limited = estimator(100, per=8.0)
        admit(limited, 0.0, 40)
        refuse(limited, 0.0)
        refuse(limited, 7.0)
        assert limited.current_limit == 50
        admit(limited, 9.0, 40)
        refuse(limited, 9.0)
        assert limited.current_limit == 40

    def test_is_the_first_count_if_half_was_too_much(self) -> None:
        limited = estimator(100, per=8.0)
        admit(limited, 0.0, 40)
        refuse(limited, 0.0)
        assert limited.current_limit == 50
        for number in range(40):
            admit(limited, 10.0 + number / 5)
        refuse(limited, 18.0 - 0.1)
        assert (limited.current_limit, limited.paced) == (40, False)

    def test_is_the_fill_rate_of_a_bucket_if_the_count_was_too_high(self) -> None:
        limited = estimator(600, per=8.0)
        # 375 in a second and a half of a bucket of 316.
        admit(limited, 0.0, 200)
        admit(limited, 1.5, 175)
        refuse(limited, 1.5)
        assert limited.current_limit == 375
        admit(limited, 10.0, 370)
        refuse(limited, 10.0)
        assert (limited.current_limit, limited.paced) == (316, False)

    def test_is_counted_again_if_no_burst_began_lately(self) -> None:
        limited = estimator(600, per=8.0)
        admit(limited, 0.0, 200)
        admit(limited, 6.0, 180)
        refuse(limited, 6.0)
        assert limited.current_limit == 380
        admit(limited, 15.0, 370)
        refuse(limited, 15.0)
        assert (limited.current_limit, limited.paced) == (370, True)


class TestASharedLimit:
    """Almost all of the limit had been admitted: another client uses the rest."""

    def shared(self) -> LimitEstimator:
        limited = estimator(100, per=8.0)
        admit(limited, 0.0, 80)
        refuse(limited, 0.0)
        return limited

    def test_is_spaced_evenly_over_the_window(self) -> None:
        limited = self.shared()
        assert (limited.current_limit, limited.paced) == (80, True)
        admit(limited, 10.0)
        assert limited.delay(10.0) == pytest.approx(0.1)
        admit(limited, 10.5)
        assert limited.delay(10.5) == pytest.approx(0.1)

    def test_delays_by_the_longer_of_log_and_pacing(self) -> None:
        limited = estimator(4, per=8.0)
        admit(limited, 0.0, 3)
        refuse(limited, 0.0)
        assert (limited.current_limit, limited.paced) == (3, True)
        admit(limited, 8.0)
        admit(limited, 11.0)
        send(limited, 14.0)
        assert limited.log.delay(14.0) == 2.0
        assert limited.delay(14.0) == pytest.approx(8.0 / 3)

    def test_ignores_a_late_response_once_it_was_lowered_again(self) -> None:
        limited = estimator(100, per=8.0)
        [stalled] = send(limited, 0.0)
        admit(limited, 0.0, 80)
        refuse(limited, 0.0)
        for number in range(60):
            admit(limited, 10.0 + number / 10)
        refuse(limited, 16.0)
        assert limited.current_limit == 50
        limited.release(stalled, 17.0)
        assert limited.current_limit == 50


class TestGrowth:
    def shrunk(self) -> LimitEstimator:
        limited = estimator(100, per=8.0)
        admit(limited, 0.0, 60)
        refuse(limited, 0.0)
        return limited

    def test_begins_after_six_quiet_windows(self) -> None:
        limited = self.shrunk()
        admit(limited, 47.9)
        assert limited.current_limit == 60
        admit(limited, 48.0)
        assert limited.current_limit == 61

    def test_doubles_with_each_window_up_to_the_limit(self) -> None:
        limited = self.shrunk()
        limits: list[int] = []
        for number in range(7):
            admit(limited, 48.0 + 8.0 * number)
            limits.append(limited.current_limit)
        assert limits == [61, 63, 67, 75, 91, 100, 100]

    def test_to_the_configured_limit_ends_the_pacing(self) -> None:
        limited = estimator(100, per=8.0)
        admit(limited, 0.0, 90)
        refuse(limited, 0.0)
        assert limited.paced
        for number in range(8):
            admit(limited, 48.0 + 8.0 * number)
        assert (limited.current_limit, limited.paced) == (100, False)
        assert limited.delay(200.0) == 0
        send(limited, 200.0, 100)

    def test_makes_an_old_count_obsolete(self) -> None:
        limited = estimator(100, per=8.0)
        # The window was used up when this client started.
        admit(limited, 0.0, 5)
        refuse(limited, 0.0)
        for number in range(8):
            admit(limited, 48.0 + 8.0 * number)
        assert limited.current_limit == 100
        admit(limited, 200.0, 90)
        refuse(limited, 200.0)
        assert (limited.current_limit, limited.paced) == (90, True)

    def test_of_a_small_limit_is_one(self) -> None:
        limited = estimator(4, per=8.0)
        refuse(limited, 0.0)
        assert limited.current_limit == 2
        admit(limited, 48.0)
        assert limited.current_limit == 3


class TestAbandoned:
    def test_permits_are_free_again_a_window_later(self) -> None:
        limited = estimator(4, per=8.0)
        send(limited, 0.0, 4)
        limited.abandon(1.0)
        assert limited.log.in_flight == 0
        assert [limited.delay(now) for now in (1.0, 9.0)] == [8.0, 0.0]

    def test_permits_are_ignored_when_they_are_released_late(self) -> None:
        limited = estimator(4, per=8.0)
        released, throttled = send(limited, 0.0, 2)
        limited.abandon(1.0)
        limited.release(released, 2.0)
        limited.throttled(throttled, 30.0, 2.0)
        assert (limited.log.in_flight, len(limited.log._free_again)) == (0, 2)
        assert limited.delay(2.0) == 0
        send(limited, 2.0, 2)
        assert limited.log.in_flight == 2

    def test_probe_lets_another_request_probe(self) -> None:
        limited = estimator(100, per=8.0)
        refuse(limited, 0.0)
        send(limited, 1.0)
        limited.abandon(2.0)
        [probe] = send(limited, 2.0)
        assert limited.delay(2.0) == math.inf
        limited.release(probe, 2.0)
        assert limited.delay(2.0) < math.inf
