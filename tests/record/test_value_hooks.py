from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.record.enums import CallDirection, HangupCause
from plivo_async.record.value_hooks import (
    check_int,
    check_text,
    members_hook,
    structure_decimal,
    structure_int,
    structure_text,
    structure_text_or_bool,
    structure_time,
    unstructure_decimal,
    unstructure_time,
)

ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


class TestText:
    @given(st.text())
    def test_is_read_as_sent(self, text: str) -> None:
        assert structure_text(text, str) is text

    @pytest.mark.parametrize("value", [1, True, Decimal(1), [], {}, b"a"])
    def test_other_types_are_refused(self, value: Any) -> None:
        with pytest.raises(ValueError, match="expected a string"):
            structure_text(value, str)


class TestTextOrBool:
    @pytest.mark.parametrize("value", ["disabled", "", True, False])
    def test_is_read_as_sent(self, value: Any) -> None:
        assert structure_text_or_bool(value, str) is value

    @pytest.mark.parametrize("value", [0, 1, Decimal(1), [], {}])
    def test_other_types_are_refused(self, value: Any) -> None:
        with pytest.raises(ValueError, match="expected a string or a boolean"):
            structure_text_or_bool(value, str)


class TestInt:
    @pytest.mark.parametrize("value", [0, 1, -1, 2**63 - 1, 1 - 2**63])
    def test_is_read_as_sent(self, value: int) -> None:
        assert structure_int(value, int) is value

    @pytest.mark.parametrize("value", [True, False, "1", Decimal("1.0"), 1.0, [], {}, 2**63, -(2**63)])
    def test_other_types_are_refused(self, value: Any) -> None:
        with pytest.raises(ValueError, match=r"expected a whole number below 2\*\*63"):
            structure_int(value, int)


class TestDecimal:
    @given(st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?", fullmatch=True))
    def test_comes_back_digit_by_digit(self, text: str) -> None:
        assert unstructure_decimal(structure_decimal(text, Decimal)) == text

    @pytest.mark.parametrize(
        "value",
        [
            *["", " 1", "1 ", "1\n", "+1", "01", "-", "1.", ".5", "1e5", "1E5", "1_000", "1,5", "NaN"],
            *["Infinity", "٣", "１", "0x1", "1" * 65, "0." + "0" * 63, 1, 1.5, True, Decimal("1.5"), [], {}],
        ],
        ids=lambda value: ascii(value)[:12],
    )
    def test_is_refused_in_any_other_form(self, value: Any) -> None:
        with pytest.raises(ValueError, match="expected a decimal number as a string"):
            structure_decimal(value, Decimal)

    def test_may_have_64_characters(self) -> None:
        assert structure_decimal("1" * 64, Decimal) == Decimal("1" * 64)

    def test_is_written_without_an_exponent(self) -> None:
        assert unstructure_decimal(Decimal("1E+3")) == "1000"

    @pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "1E+999999999", "1E-64", "1" * 65])
    def test_is_not_written_if_it_could_not_be_read(self, text: str) -> None:
        with pytest.raises(ValueError, match="no wire form"):
            unstructure_decimal(Decimal(text))


class TestTime:
    def test_keeps_the_zone_as_sent(self) -> None:
        time = structure_time("2022-10-12 21:57:47+05:30", datetime)
        assert time == datetime(2022, 10, 12, 21, 57, 47, tzinfo=timezone(timedelta(hours=5, minutes=30)))
        assert time.utcoffset() == timedelta(hours=5, minutes=30)

    @given(st.datetimes(timezones=ZONES))
    def test_comes_back_as_sent(self, time: datetime) -> None:
        text = time.isoformat(" ")
        read = structure_time(text, datetime)
        assert (read, read.utcoffset()) == (time, time.utcoffset())
        assert unstructure_time(read) == text

    @pytest.mark.parametrize("text", ["2022-10-12T21:57:47Z", "2022-10-12 21:57:47-00:00"])
    def test_is_written_in_the_documented_form(self, text: str) -> None:
        assert unstructure_time(structure_time(text, datetime)) == "2022-10-12 21:57:47+00:00"

    def test_shares_the_zone_with_other_times(self) -> None:
        first, second = (structure_time(f"2022-10-12 21:57:4{n}-04:30", datetime) for n in range(2))
        assert first.tzinfo is second.tzinfo
        assert first.utcoffset() == -timedelta(hours=4, minutes=30)

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "2022-10-12",
            "2022-10-12 21:57:47",
            "2022-10-12 21:57+05:30",
            "2022-10-12 21:57:47 +05:30",
            "2022-10-12 21:57:47+0530",
            "2022-10-12 21:57:47+05",
            "2022-10-12 21:57:47+05:30:10",
            "2022-10-12 21:57:47+24:00",
            "2022-10-12 21:57:47+05:60",
            "2022-10-12 24:00:00+05:30",
            "2022-10-12 21:57:60+05:30",
            "2022-10-12 21:57:47.+05:30",
            "2022-10-12 21:57:47.1234567+05:30",
            "2022-10-12 21:57:47z",
            "2022-10-12  21:57:47+05:30",
            "2022-10-12 21:57:47+05:30\n",
            "2022-W41-3 21:57:47+05:30",
            "２022-10-12 21:57:47+05:30",
            1665592067,
            True,
            [],
            {},
        ],
    )
    def test_is_refused_in_any_other_form(self, value: Any) -> None:
        with pytest.raises(ValueError, match="expected a time with an offset"):
            structure_time(value, datetime)

    @pytest.mark.parametrize(
        "text",
        ["2022-02-30 00:00:00Z", "2022-13-01 00:00:00Z", "0000-01-01 00:00:00Z", "2022-00-01 00:00:00Z"],
    )
    def test_is_refused_if_the_calendar_has_no_such_day(self, text: str) -> None:
        with pytest.raises(ValueError, match="."):
            structure_time(text, datetime)

    @pytest.mark.parametrize("zone", [None, timezone(timedelta(hours=5, minutes=53, seconds=28))])
    def test_is_not_written_if_it_could_not_be_read(self, zone: timezone | None) -> None:
        with pytest.raises(ValueError, match="no wire form"):
            unstructure_time(datetime(2022, 10, 12, tzinfo=zone))

    def test_may_be_the_first_and_the_last_one(self) -> None:
        for moment in (datetime.min, datetime.max):
            time = moment.replace(tzinfo=UTC)
            assert structure_time(unstructure_time(time), datetime) == time


class TestMembers:
    def test_a_known_value_is_the_member(self) -> None:
        assert members_hook(CallDirection, check_text)("inbound", None) is CallDirection.INBOUND

    def test_an_unknown_value_is_accepted(self) -> None:
        value = members_hook(HangupCause, check_int)(4001, None)
        assert (type(value), value) == (HangupCause, 4001)

    @pytest.mark.parametrize("value", [True, "4000", Decimal("4000.0")])
    def test_a_value_of_another_type_is_refused(self, value: Any) -> None:
        with pytest.raises(ValueError, match="expected a whole number"):
            members_hook(HangupCause, check_int)(value, None)
