from __future__ import annotations

import math
from typing import Any

import pytest

from plivo_async import ConfigurationError, RateLimit
from plivo_async.middleware.rate_window import Permit, RateWindow


def window(requests: int = 4, per: float = 8.0) -> RateWindow:
    return RateWindow(RateLimit(requests, per))


def send(rate_window: RateWindow, now: float, count: int = 1) -> list[Permit]:
    """Take so many permits, all of which must be free."""
    permits: list[Permit] = []
    for _ in range(count):
        assert rate_window.delay(now) == 0
        permits.append(rate_window.take(now))
    return permits


def pass_(rate_window: RateWindow, now: float, count: int = 1) -> None:
    """So many requests are sent, one after the other, each answered at once."""
    for _ in range(count):
        rate_window.release(send(rate_window, now)[0], now)


def refuse(rate_window: RateWindow, now: float, retry_after: float | None = None) -> None:
    """One request is sent and answered with 429."""
    rate_window.throttled(send(rate_window, now)[0], retry_after, now)


class TestRateLimit:
    def test_is_what_plivo_allows(self) -> None:
        assert RateLimit() == RateLimit(300, 5.0) == RateLimit(requests=300, per=5.0)

    def test_holds_seconds_as_a_float(self) -> None:
        assert repr(RateLimit(1, 5)) == "RateLimit(requests=1, per=5.0)"

    @pytest.mark.parametrize("requests", [0, -1, 1.0, True, "300", None, math.nan])
    def test_refuses_what_is_no_number_of_requests(self, requests: Any) -> None:
        with pytest.raises(ConfigurationError, match="requests must be"):
            RateLimit(requests)

    @pytest.mark.parametrize("per", [0, 0.0, -1.0, math.nan, math.inf, True, "5", None])
    def test_refuses_what_is_no_time(self, per: Any) -> None:
        with pytest.raises(ConfigurationError, match="per must be"):
            RateLimit(300, per)


class TestAPermit:
    def test_is_there_for_as_many_as_the_limit_allows(self) -> None:
        limited = window(4)
        send(limited, 0.0, 4)
        assert limited.in_flight == 4
        assert limited.delay(0.0) > 0

    def test_is_free_again_a_window_after_its_answer(self) -> None:
        limited = window(1, per=8.0)
        [permit] = send(limited, 0.0)
        limited.release(permit, 3.0)
        assert limited.in_flight == 0
        assert [limited.delay(now) for now in (3.0, 10.0, 11.0)] == [8.0, 1.0, 0.0]

    def test_still_under_way_is_free_a_window_from_now_at_the_earliest(self) -> None:
        limited = window(1, per=8.0)
        send(limited, 0.0)
        assert [limited.delay(now) for now in (0.0, 100.0)] == [8.0, 8.0]

    def test_that_is_free_first_is_the_one_answered_first(self) -> None:
        limited = window(2, per=8.0)
        first, second = send(limited, 0.0, 2)
        limited.release(second, 1.0)
        assert limited.delay(2.0) == 7.0
        limited.release(first, 2.0)
        assert limited.delay(2.0) == 7.0
        send(limited, 9.0)
        assert limited.delay(9.0) == 1.0

    def test_once_free_leaves_nothing_behind(self) -> None:
        limited = window(4)
        for now in range(0, 1000, 8):
            pass_(limited, float(now), 4)
        assert len(limited._free_again) == 4


class TestA429:
    @pytest.mark.parametrize(
        ("random", "pause"), [(0.0, 1.0), (0.5, 1.125), (0.999999999, pytest.approx(1.25))]
    )
    def test_closes_the_gate_for_an_eighth_of_a_window_and_some(self, random: float, pause: Any) -> None:
        limited = window(per=8.0)
        [permit] = send(limited, 0.0)
        limited.throttled(permit, None, 2.0, random)
        assert limited.delay(2.0) == pause
        assert limited.gate == 2.0 + limited.delay(2.0)

    def test_of_a_long_window_pauses_for_a_second_at_first(self) -> None:
        limited = window(100, per=3600.0)
        now, pauses = 0.0, list[float]()
        for _ in range(14):
            refuse(limited, now)
            pauses.append(limited.gate - now)
            now = limited.gate
        assert pauses == [*(2.0**number for number in range(12)), 3600.0, 3600.0]

    def test_closes_the_gate_for_its_retry_after(self) -> None:
        limited = window()
        refuse(limited, 0.0, retry_after=30.0)
        assert [limited.delay(now) for now in (0.0, 29.0, 30.0)] == [30.0, 1.0, 0.0]

    def test_takes_no_permit(self) -> None:
        limited = window(4)
        refuse(limited, 0.0)
        assert limited.in_flight == 0
        assert not limited._free_again

    def test_is_followed_by_one_probe_before_all_others(self) -> None:
        limited = window(100)
        refuse(limited, 0.0)
        [probe] = send(limited, 1.0)
        assert limited.delay(1.0) == math.inf
        limited.release(probe, 2.0)
        send(limited, 2.0, 20)

    def test_to_the_probe_doubles_the_pause_up_to_a_window(self) -> None:
        limited = window(100, per=8.0)
        now, pauses = 0.0, list[float]()
        for _ in range(6):
            refuse(limited, now)
            pauses.append(limited.gate - now)
            now = limited.gate
        assert pauses == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]

    def test_after_a_thousand_others_pauses_no_longer_than_a_window(self) -> None:
        limited = window(100, per=8.0)
        for _ in range(1000):
            refuse(limited, max(0.0, limited.gate))
        assert limited.gate <= 8.0 * 1000

    def test_after_a_probe_that_passed_begins_with_a_short_pause_again(self) -> None:
        limited = window(100, per=8.0)
        refuse(limited, 0.0)
        refuse(limited, 1.0)
        pass_(limited, 3.0)
        refuse(limited, 3.0)
        assert limited.gate == 4.0

    @pytest.mark.parametrize("retry_after", [0.0, 0.5])
    def test_with_a_retry_after_that_proved_too_short_pauses_as_without_one(self, retry_after: float) -> None:
        limited = window(100, per=8.0)
        refuse(limited, 0.0, retry_after)
        assert limited.gate == retry_after
        refuse(limited, retry_after, retry_after)
        assert limited.gate == retry_after + 2.0

    def test_with_a_long_retry_after_again_and_again_pauses_for_it(self) -> None:
        limited = window(100, per=8.0)
        refuse(limited, 0.0, 20.0)
        refuse(limited, 20.0, 20.0)
        assert limited.gate == 40.0

    @pytest.mark.parametrize("retry_after", [3600.0, 1e9, 1e300])
    def test_closes_the_gate_for_an_hour_at_most(self, retry_after: float) -> None:
        limited = window()
        refuse(limited, 0.0, retry_after)
        assert limited.gate == 3600.0

    def test_of_the_same_wave_changes_nothing(self) -> None:
        limited = window(8)
        permits = send(limited, 0.0, 5)
        limited.throttled(permits[0], None, 1.0)
        before = limited.gate, limited.allowed
        for permit in permits[1:]:
            limited.throttled(permit, None, 1.5)
        assert (limited.gate, limited.allowed) == before
        assert limited.in_flight == 0

    def test_of_the_same_wave_may_say_to_wait_longer_but_not_shorter(self) -> None:
        limited = window(8)
        first, second, third = send(limited, 0.0, 3)
        limited.throttled(first, 4.0, 1.0)
        limited.throttled(second, 6.0, 1.0)
        limited.throttled(third, 1.0, 1.0)
        assert limited.gate == 7.0

    def test_whose_probe_finds_no_answer_for_a_window_lets_the_next_one_probe(self) -> None:
        limited = window(100, per=8.0)
        refuse(limited, 0.0)
        [lost] = send(limited, 1.0)
        assert [limited.delay(now) for now in (1.0, 8.9)] == [math.inf, math.inf]
        [second] = send(limited, 9.0)
        assert limited.delay(9.0) == math.inf
        limited.release(second, 9.5)
        assert limited.delay(9.5) == 0
        limited.release(lost, 20.0)
        assert limited.in_flight == 0

    def test_is_not_taken_back_by_an_answer_to_an_earlier_request(self) -> None:
        limited = window(100, per=8.0)
        refused, earlier = send(limited, 0.0, 2)
        limited.throttled(refused, None, 0.0)
        [probe] = send(limited, 1.0)
        limited.release(earlier, 1.0)
        assert limited.delay(1.0) == math.inf
        limited.throttled(probe, None, 1.0)
        # Still the second in a row.
        assert limited.gate == 3.0


class TestWhatIsAllowedAfterA429:
    def test_is_what_had_passed_in_the_window(self) -> None:
        limited = window(100)
        pass_(limited, 0.0, 60)
        refuse(limited, 0.0)
        assert (limited.allowed, limited.spread) == (60, False)

    def test_counts_what_was_under_way_and_passes_too(self) -> None:
        limited = window(100)
        pass_(limited, 0.0, 60)
        under_way = send(limited, 0.0, 10)
        refuse(limited, 0.0)
        for permit in under_way:
            limited.release(permit, 0.0)
        assert limited.allowed == 70

    def test_is_never_above_the_limit(self) -> None:
        limited = window(10, per=8.0)
        for now in (0.0, 4.0):
            permits = send(limited, now, 5)
            for permit in permits[:-1]:
                limited.release(permit, now + 1.0)
        limited.throttled(permits[-1], None, 6.0)
        assert 1 <= limited.allowed <= 10

    def test_is_at_least_half(self) -> None:
        limited = window(100)
        pass_(limited, 0.0, 5)
        refuse(limited, 0.0)
        assert (limited.allowed, limited.spread) == (50, False)

    def test_of_one_is_one(self) -> None:
        limited = window(1)
        for now in (0.0, 100.0, 200.0):
            refuse(limited, now)
        assert limited.allowed == 1

    def test_is_shrunk_once_a_window(self) -> None:
        limited = window(100, per=8.0)
        refuse(limited, 0.0)
        refuse(limited, 7.0)
        assert limited.allowed == 50
        refuse(limited, 8.0 + 1.0)
        assert limited.allowed == 25

    def test_is_what_had_passed_before_where_half_was_too_much(self) -> None:
        limited = window(100, per=8.0)
        pass_(limited, 0.0, 40)
        refuse(limited, 0.0)
        assert limited.allowed == 50
        pass_(limited, 10.0, 40)
        refuse(limited, 10.0)
        assert (limited.allowed, limited.spread) == (40, False)

    def test_is_what_a_bucket_would_let_pass_where_the_count_was_too_high(self) -> None:
        limited = window(600, per=8.0)
        # 375 in a second and a half of a bucket of 316.
        pass_(limited, 0.0, 200)
        pass_(limited, 1.5, 175)
        refuse(limited, 1.5)
        assert limited.allowed == 375
        pass_(limited, 10.0, 370)
        refuse(limited, 10.0)
        assert (limited.allowed, limited.spread) == (316, False)

    def test_is_counted_again_where_no_burst_began_lately(self) -> None:
        limited = window(600, per=8.0)
        pass_(limited, 0.0, 200)
        pass_(limited, 6.0, 200)
        refuse(limited, 6.0)
        assert limited.allowed == 400
        pass_(limited, 15.0, 250)
        refuse(limited, 15.0)
        assert limited.allowed == 250


class TestASharedLimit:
    """Almost all of it had passed, so that somebody else must have taken the rest."""

    def shared(self) -> RateWindow:
        limited = window(100, per=8.0)
        pass_(limited, 0.0, 80)
        refuse(limited, 0.0)
        return limited

    def test_is_spread_over_the_window(self) -> None:
        limited = self.shared()
        assert (limited.allowed, limited.spread) == (80, True)
        pass_(limited, 10.0)
        assert limited.delay(10.0) == pytest.approx(0.1)
        pass_(limited, 10.5)
        assert limited.delay(10.5) == pytest.approx(0.1)

    def test_shrinks_by_15_percent_with_each_further_429(self) -> None:
        limited = self.shared()
        allowed: list[int] = []
        for now in (10.0, 20.0, 30.0):
            refuse(limited, now)
            allowed.append(limited.allowed)
        assert allowed == [68, 57, 48]

    def test_counts_no_answer_to_a_request_of_before_once_it_shrank_again(self) -> None:
        limited = window(100, per=8.0)
        [stalled] = send(limited, 0.0)
        pass_(limited, 0.0, 80)
        refuse(limited, 0.0)
        refuse(limited, 10.0)
        limited.release(stalled, 11.0)
        assert limited.allowed == 68

    def test_is_at_least_one(self) -> None:
        limited = self.shared()
        for wave in range(50):
            refuse(limited, 10.0 * (wave + 1))
        assert limited.allowed == 1


class TestGrowth:
    def shrunk(self) -> RateWindow:
        limited = window(100, per=8.0)
        pass_(limited, 0.0, 60)
        refuse(limited, 0.0)
        return limited

    def test_begins_after_six_quiet_windows(self) -> None:
        limited = self.shrunk()
        pass_(limited, 47.9)
        assert limited.allowed == 60
        pass_(limited, 48.0)
        assert limited.allowed == 61

    def test_doubles_with_each_window_up_to_the_limit(self) -> None:
        limited = self.shrunk()
        allowed: list[int] = []
        for number in range(7):
            pass_(limited, 48.0 + 8.0 * number)
            allowed.append(limited.allowed)
        assert allowed == [61, 63, 67, 75, 91, 100, 100]

    def test_that_meets_a_429_returns_to_what_was_good(self) -> None:
        limited = self.shrunk()
        for number in range(4):
            pass_(limited, 48.0 + 8.0 * number)
        assert limited.allowed == 75
        refuse(limited, 73.0)
        assert (limited.allowed, limited.spread) == (67, False)

    def test_begins_anew_with_small_steps_after_it_met_a_429(self) -> None:
        limited = self.shrunk()
        for number in range(4):
            pass_(limited, 48.0 + 8.0 * number)
        refuse(limited, 73.0)
        pass_(limited, 73.0 + 47.0)
        assert limited.allowed == 67
        pass_(limited, 73.0 + 48.0)
        assert limited.allowed == 68

    def test_to_the_limit_ends_the_spreading(self) -> None:
        limited = window(100, per=8.0)
        pass_(limited, 0.0, 90)
        refuse(limited, 0.0)
        assert limited.spread
        for number in range(8):
            pass_(limited, 48.0 + 8.0 * number)
        assert (limited.allowed, limited.spread) == (100, False)
        assert limited.delay(200.0) == 0
        send(limited, 200.0, 100)

    def test_makes_what_was_counted_long_ago_count_no_more(self) -> None:
        limited = window(100, per=8.0)
        # The window was used up when this client began.
        pass_(limited, 0.0, 5)
        refuse(limited, 0.0)
        for number in range(8):
            pass_(limited, 48.0 + 8.0 * number)
        assert limited.allowed == 100
        pass_(limited, 200.0, 90)
        refuse(limited, 200.0)
        assert (limited.allowed, limited.spread) == (90, True)

    def test_of_a_small_limit_is_by_one(self) -> None:
        limited = window(4, per=8.0)
        refuse(limited, 0.0)
        assert limited.allowed == 2
        pass_(limited, 48.0)
        assert limited.allowed == 3
