from __future__ import annotations

import math
from typing import Any

import pytest

from plivo_async import ConfigurationError, RateLimit


class TestRateLimit:
    def test_equals_the_limit_of_plivo(self) -> None:
        assert RateLimit() == RateLimit(300, 5.0) == RateLimit(requests=300, per=5.0)

    def test_holds_seconds_as_a_float(self) -> None:
        assert repr(RateLimit(1, 5)) == "RateLimit(requests=1, per=5.0)"

    @pytest.mark.parametrize("requests", [0, -1, 1.0, True, "300", None, math.nan])
    def test_refuses_a_number_of_requests_below_one_or_not_whole(self, requests: Any) -> None:
        with pytest.raises(ConfigurationError, match="requests must be"):
            RateLimit(requests)

    @pytest.mark.parametrize("per", [0, 0.0, -1.0, math.nan, math.inf, True, "5", None])
    def test_refuses_seconds_that_are_not_positive_and_finite(self, per: Any) -> None:
        with pytest.raises(ConfigurationError, match="per must be"):
            RateLimit(300, per)
