from __future__ import annotations

import math
import sys
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.errors import ConfigurationError
from plivo_async.text import short_repr
from plivo_async.urls import can_be_reached, is_loopback
from plivo_async.validation import (
    finite_number,
    instance_of,
    positive_number,
    whole_number,
)

NO_NUMBERS: list[Any] = [None, True, False, "1", b"1", Decimal(1), 1j, [], math]
NOT_FINITE = [math.nan, math.inf, -math.inf, 10**400, 10**5000, -(10**5000)]


class TestFiniteNumber:
    @given(st.floats(0, allow_nan=False, allow_infinity=False) | st.integers(0, 2**53))
    def test_gives_it_as_a_float(self, value: float) -> None:
        number = finite_number("wait", value, least=0.0)
        assert (number, type(number)) == (value, float)

    @pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
    def test_refuses_a_value_that_is_no_number(self, value: object) -> None:
        with pytest.raises(ConfigurationError, match="wait must be a number, not "):
            finite_number("wait", value, least=0.0)

    @pytest.mark.parametrize("value", NOT_FINITE, ids=["nan", "inf", "-inf", "1e400", "1e5000", "-1e5000"])
    def test_refuses_a_number_that_is_not_finite(self, value: float) -> None:
        with pytest.raises(ConfigurationError, match="wait must be finite and at least 0, not ") as caught:
            finite_number("wait", value, least=0.0)
        assert len(str(caught.value)) < 200

    def test_takes_the_least_and_nothing_below(self) -> None:
        assert finite_number("wait", 0.25, least=0.25) == 0.25
        with pytest.raises(ConfigurationError, match=r"wait must be finite and at least 0.25, not 0.24"):
            finite_number("wait", 0.24, least=0.25)

    def test_takes_the_largest_float(self) -> None:
        assert finite_number("wait", sys.float_info.max, least=0.0) == sys.float_info.max


class TestPositiveNumber:
    def test_gives_it_as_a_float(self) -> None:
        assert positive_number("wait", 5e-324) == 5e-324

    @pytest.mark.parametrize("value", [0, 0.0, -0.0])
    def test_refuses_zero(self, value: float) -> None:
        with pytest.raises(ConfigurationError, match="wait must be above zero"):
            positive_number("wait", value)

    @pytest.mark.parametrize("value", [-1, math.nan, True, "1"])
    def test_refuses_a_value_that_is_no_finite_number(self, value: object) -> None:
        with pytest.raises(ConfigurationError, match="wait must be "):
            positive_number("wait", value)


class TestWholeNumber:
    @pytest.mark.parametrize("value", [1, 2, 10**5000], ids=["least", "more", "much more"])
    def test_gives_it_back(self, value: int) -> None:
        assert whole_number("count", value, least=1) == value

    @pytest.mark.parametrize("value", [*NO_NUMBERS, 1.0, math.nan], ids=repr)
    def test_refuses_a_value_that_is_no_int(self, value: object) -> None:
        with pytest.raises(ConfigurationError, match="count must be a whole number, not "):
            whole_number("count", value, least=0)

    @pytest.mark.parametrize(
        ("value", "said"), [(0, "0"), (-(10**5000), "a value of type int")], ids=["0", "-10**5000"]
    )
    def test_refuses_less_than_the_least(self, value: int, said: str) -> None:
        with pytest.raises(ConfigurationError, match=f"count must be at least 1, not {said}$"):
            whole_number("count", value, least=1)


class TestInstanceOf:
    def test_gives_it_back(self) -> None:
        value = httpx.Timeout(1)
        assert instance_of("timeout", value, httpx.Timeout) is value

    @pytest.mark.parametrize("value", [None, 1, httpx.Timeout])
    def test_refuses_another_type(self, value: object) -> None:
        with pytest.raises(ConfigurationError, match="timeout must be of type Timeout, not "):
            instance_of("timeout", value, httpx.Timeout)


class TestCanBeReached:
    @pytest.mark.parametrize(
        "url",
        [
            "https://api.plivo.com",
            "https://api.plivo.com:1",
            "https://api.plivo.com:65535",
            "https://plivo_fake:8080",
            "https://127.0.0.1",
            "https://[::1]:8080",
            "https://xn--bcher-kva.example",
            f"https://{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}",
        ],
    )
    def test_a_name_and_an_address_can(self, url: str) -> None:
        assert can_be_reached(httpx.URL(url))

    @pytest.mark.parametrize(
        "url",
        [
            "https://",
            "https:///path",
            "https:api.plivo.com",
            "https://api.plivo.com:0",
            "https://api.plivo.com:65536",
            "https://api.plivo.com:99999",
            "https://xn--a",
            f"https://{'a' * 64}.com",
            f"https://{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 62}",
            "https://a..b",
            "https://.a",
            "https://a.",
            "https://a%2fb",
            "https://a\\b",
            "https://a,b",
            "https://a'b",
            "https://a*b",
        ],
    )
    def test_what_no_resolver_could_look_up_cannot(self, url: str) -> None:
        assert not can_be_reached(httpx.URL(url))


class TestIsLoopback:
    @pytest.mark.parametrize(
        "url",
        ["http://localhost", "http://LOCALHOST:1", "http://127.0.0.1", "http://127.9.9.9", "http://[::1]"],
    )
    def test_this_machine_is(self, url: str) -> None:
        assert is_loopback(httpx.URL(url))

    @pytest.mark.parametrize(
        "url",
        [
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://[::]",
            "http://2130706433",
            "http://api.plivo.com",
            "/path",
        ],
    )
    def test_another_is_not(self, url: str) -> None:
        assert not is_loopback(httpx.URL(url))


class TestShortRepr:
    def test_is_the_repr(self) -> None:
        assert short_repr("a\n") == "'a\\n'"

    def test_is_bounded(self) -> None:
        assert short_repr("a" * 80) == "'" + "a" * 79 + "…"
        assert short_repr("a" * 78) == repr("a" * 78)

    def test_names_the_type_of_an_int_that_has_no_repr(self) -> None:
        assert short_repr(10**5000) == "a value of type int"
