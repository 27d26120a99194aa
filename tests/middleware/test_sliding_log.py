from __future__ import annotations

import pytest

from plivo_async.middleware.sliding_log import SlidingLog


def sliding_log(limit: int = 4, per: float = 8.0) -> SlidingLog:
    return SlidingLog(limit, per)


def take(log: SlidingLog, now: float, count: int = 1) -> None:
    """Take permits that must be free."""
    for _ in range(count):
        assert log.delay(now) == 0
        log.take()


class TestAPermit:
    def test_is_free_for_as_many_requests_as_the_limit(self) -> None:
        log = sliding_log(4)
        take(log, 0.0, 4)
        assert log.in_flight == 4
        assert log.delay(0.0) > 0

    def test_is_free_again_a_window_after_the_response(self) -> None:
        log = sliding_log(1, per=8.0)
        take(log, 0.0)
        log.release(3.0)
        assert log.in_flight == 0
        assert [log.delay(now) for now in (3.0, 10.0, 11.0)] == [8.0, 1.0, 0.0]

    def test_of_a_request_in_flight_is_free_a_window_from_now_at_the_earliest(self) -> None:
        log = sliding_log(1, per=8.0)
        take(log, 0.0)
        assert [log.delay(now) for now in (0.0, 100.0)] == [8.0, 8.0]

    def test_is_free_first_after_the_first_response(self) -> None:
        log = sliding_log(2, per=8.0)
        take(log, 0.0, 2)
        log.release(1.0)
        assert log.delay(2.0) == 7.0
        log.release(2.0)
        assert log.delay(2.0) == 7.0
        take(log, 9.0)
        assert log.delay(9.0) == 1.0

    def test_leaves_nothing_in_the_log_once_it_is_free(self) -> None:
        log = sliding_log(4)
        for now in range(0, 1000, 8):
            for _ in range(4):
                take(log, float(now))
                log.release(float(now))
        assert len(log._free_again) == 4

    def test_that_is_discarded_is_free_at_once(self) -> None:
        log = sliding_log(1)
        take(log, 0.0)
        log.discard()
        assert log.in_flight == 0
        take(log, 0.0)


class TestTheLimit:
    def test_may_be_lowered_below_the_permits_in_use(self) -> None:
        log = sliding_log(4, per=8.0)
        for now in (0.0, 1.0, 2.0):
            take(log, now)
            log.release(now)
        log.limit = 1
        assert log.delay(2.0) == 8.0
        assert log.delay(9.0) == 1.0
        assert log.delay(10.0) == 0

    def test_may_be_raised(self) -> None:
        log = sliding_log(1)
        take(log, 0.0)
        log.limit = 2
        take(log, 0.0)
        assert log.delay(0.0) > 0


class TestAdmitted:
    def test_counts_the_responses_of_the_last_window_since_the_first(self) -> None:
        log = sliding_log(4, per=8.0)
        for now in (0.0, 1.0, 2.0):
            take(log, now)
            log.release(now)
        take(log, 2.0)
        assert log.admitted(5.0) == (3, 5.0)
        assert log.admitted(8.5) == (2, 7.5)

    @pytest.mark.parametrize("now", [0.0, 8.0])
    def test_is_nothing_without_a_response(self, now: float) -> None:
        assert sliding_log().admitted(now) == (0, 0.0)
