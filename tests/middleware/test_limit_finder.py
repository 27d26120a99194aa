from __future__ import annotations

import pytest

from plivo_async.middleware.limit_finder import LimitFinder


def counted(admitted: int = 60) -> LimitFinder:
    """A finder that had a 429 after so many of 100 requests."""
    finder = LimitFinder(100)
    finder.throttled(admitted, 0, None)
    return finder


def shared(admitted: int = 70) -> LimitFinder:
    """A finder that knows that others use a part of the limit; its own limit is `admitted`."""
    finder = counted(admitted)
    finder.throttled(admitted // 2 - 1, 0, None)
    assert (finder.limit, finder.paced) == (admitted, True)
    return finder


class TestTheFirstCount:
    @pytest.mark.parametrize(
        ("admitted", "limit"), [(99, 99), (65, 65), (64, 64), (45, 50), (39, 50), (0, 50)]
    )
    def test_is_the_limit_but_at_least_half(self, admitted: int, limit: int) -> None:
        assert counted(admitted).limit == limit

    @pytest.mark.parametrize(
        ("admitted", "paced"), [(99, True), (65, True), (64, False), (40, False), (39, True), (0, True)]
    )
    def test_about_half_alone_is_no_sign_of_others(self, admitted: int, paced: bool) -> None:
        assert counted(admitted).paced is paced

    def test_rises_with_requests_that_are_admitted_late(self) -> None:
        finder = counted()
        finder.admitted_late(70)
        assert finder.limit == 70
        finder.admitted_late(200)
        assert finder.limit == 100


class TestAFurther429:
    def test_with_the_same_low_count_confirms_it(self) -> None:
        finder = counted(20)
        finder.throttled(19, 0, None)
        assert (finder.limit, finder.paced) == (19, False)

    def test_with_another_low_count_leaves_half(self) -> None:
        finder = counted(20)
        for admitted in (0, 10, 0, 5):
            finder.throttled(admitted, 0, None)
        assert (finder.limit, finder.paced) == (50, True)

    def test_is_explained_by_a_bucket_that_was_full(self) -> None:
        finder = LimitFinder(100)
        finder.throttled(60, 0, 0.8)
        finder.throttled(60, 0, None)
        assert (finder.limit, finder.paced) == (48, False)

    def test_at_the_count_spaces_the_requests(self) -> None:
        finder = counted(60)
        finder.throttled(58, 1, None)
        assert (finder.limit, finder.paced) == (58, True)

    def test_below_the_count_shows_that_others_use_the_limit(self) -> None:
        finder = counted(60)
        finder.throttled(40, 0, None)
        assert (finder.limit, finder.paced) == (50, True)


class TestASharedLimit:
    def test_of_the_largest_client_gives_the_others_more_than_twice_of_what_they_had(self) -> None:
        finder = shared(90)
        finder.throttled(80, 0, None)
        assert finder.limit == 55
        finder.throttled(55, 0, None)
        assert finder.limit == 50

    def test_falls_faster_from_window_to_window(self) -> None:
        finder = shared(70)
        finder.throttled(60, 0, None)
        limits: list[int] = []
        for _ in range(5):
            finder.throttled(finder.limit, 0, None)
            limits.append(finder.limit)
        assert limits == [45, 40, 34, 29, 25]

    def test_of_a_smaller_client_falls_less(self) -> None:
        finder = shared(70)
        finder.limit = finder._good = 10
        finder.throttled(10, 0, None)
        assert finder.limit == 10

    def test_does_not_fall_while_less_than_half_of_it_is_admitted(self) -> None:
        finder = shared(70)
        finder.throttled(10, 20, None)
        assert finder.limit == 70

    def test_grows_by_5_10_and_20_percent_up_to_the_configured_one(self) -> None:
        finder = shared(70)
        finder.throttled(60, 0, None)
        limits: list[int] = []
        for _ in range(6):
            finder.grow()
            limits.append(finder.limit)
        assert limits == [55, 65, 85, 100, 100, 100]
        assert not finder.paced

    def test_grows_after_two_windows_or_ten_times_a_long_pause(self) -> None:
        assert [shared().quiet_windows(pause) for pause in (0.0, 0.125, 1.0)] == [2.0, 2.0, 10.0]


class TestACountThatGrows:
    def test_by_1_2_and_4_percent(self) -> None:
        finder = counted()
        limits: list[int] = []
        for _ in range(7):
            finder.grow()
            limits.append(finder.limit)
        assert limits == [61, 63, 67, 75, 91, 100, 100]

    def test_by_smaller_steps_if_it_is_far_below_the_configured_one(self) -> None:
        finder = LimitFinder(10_000)
        for _ in range(2):
            finder.throttled(300, 0, None)
        finder.grow()
        assert finder.limit == 330

    def test_after_six_windows_whatever_the_pause(self) -> None:
        assert [counted().quiet_windows(pause) for pause in (0.0, 2.0)] == [6.0, 6.0]

    def test_returns_to_the_last_good_limit_and_to_small_steps_at_a_429(self) -> None:
        finder = counted()
        for _ in range(4):
            finder.grow()
        assert finder.paced
        finder.throttled(67, 0, None)
        assert (finder.limit, finder.paced) == (67, False)
        finder.grow()
        assert finder.limit == 68

    def test_over_half_spaces_the_requests(self) -> None:
        finder = counted(50)
        paced: list[bool] = []
        for _ in range(3):
            finder.grow()
            paced.append(finder.paced)
        assert paced == [False, True, True]
