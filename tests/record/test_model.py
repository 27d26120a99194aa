from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.record.enums import CallDirection, HangupCause, HangupSource
from plivo_async.record.model import CallDetailRecord, FrozenMapping

DOCUMENTED = Path(__file__).parents[1].joinpath("fixtures").joinpath("call_documented.json").read_bytes()
START = datetime(2022, 10, 12, 21, 57, 40, tzinfo=timezone(timedelta(hours=5, minutes=30)))


@pytest.fixture
def documented() -> CallDetailRecord:
    return CallDetailRecord.from_json(DOCUMENTED)


def record(**fields: Any) -> CallDetailRecord:
    return CallDetailRecord(call_uuid="5607532d", **fields)


def test_only_the_call_uuid_is_needed() -> None:
    bare = record()
    assert bare.extra == {}
    assert bare.wire_keys == ()
    assert bare.wire_values == {}
    others = [
        a.name
        for a in attrs.fields(CallDetailRecord)
        if a.name not in ("call_uuid", "extra", "wire_keys", "wire_values")
    ]
    assert [getattr(bare, name) for name in others] == [None] * 24


def test_fields_are_keyword_only() -> None:
    with pytest.raises(TypeError):
        CallDetailRecord("5607532d")  # type: ignore[call-arg]


def test_a_field_cannot_be_set() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        record().api_id = "other"  # type: ignore[misc]


def test_a_record_has_slots_only() -> None:
    assert not hasattr(record(), "__dict__")


def test_equal_records_hash_alike(documented: CallDetailRecord) -> None:
    again = CallDetailRecord.from_json(DOCUMENTED)
    assert again == documented
    assert hash(again) == hash(documented)


def test_a_record_with_extra_keys_hashes() -> None:
    assert len({record(extra={"new": [1]}), record(extra={"new": [1]})}) == 1


def test_another_extra_key_makes_another_record() -> None:
    assert record(extra={"new": 1}) != record(extra={"new": 2})


def test_the_order_of_the_keys_does_not_count_in_comparisons() -> None:
    assert record(wire_keys=("api_id", "call_uuid")) == record()


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_a_record_pickles(documented: CallDetailRecord, protocol: int) -> None:
    original = attrs.evolve(documented, extra={"new": [1]}, hangup_source=HangupSource("new"))
    restored = pickle.loads(pickle.dumps(original, protocol))
    assert restored == original
    assert restored.to_json() == original.to_json()


def test_a_record_deep_copies(documented: CallDetailRecord) -> None:
    original = attrs.evolve(documented, extra={"new": [1]})
    copied = copy.deepcopy(original)
    assert copied == original
    assert copied.extra["new"] is not original.extra["new"]


class TestAnswered:
    def test_with_an_answer_time(self) -> None:
        assert record(answer_time=START).is_answered

    def test_not_without_one(self) -> None:
        assert not record().is_answered


class TestDirection:
    def test_inbound(self) -> None:
        call = record(call_direction=CallDirection.INBOUND)
        assert (call.is_inbound, call.is_outbound) == (True, False)

    def test_outbound(self) -> None:
        call = record(call_direction=CallDirection.OUTBOUND)
        assert (call.is_inbound, call.is_outbound) == (False, True)

    @pytest.mark.parametrize("direction", [None, CallDirection("sideways")])
    def test_unknown_is_neither(self, direction: CallDirection | None) -> None:
        call = record(call_direction=direction)
        assert (call.is_inbound, call.is_outbound) == (False, False)


class TestBLeg:
    def test_with_a_parent(self) -> None:
        assert record(parent_call_uuid="90b6eb07").is_b_leg

    @pytest.mark.parametrize("parent", [None, ""])
    def test_not_without_one(self, parent: str | None) -> None:
        assert not record(parent_call_uuid=parent).is_b_leg


class TestRingTime:
    def test_of_an_answered_call_lasts_to_the_answer(self) -> None:
        call = record(
            initiation_time=START,
            answer_time=START + timedelta(seconds=7),
            end_time=START + timedelta(seconds=60),
        )
        assert call.ring_time == timedelta(seconds=7)

    def test_of_an_unanswered_call_lasts_to_the_end(self) -> None:
        call = record(initiation_time=START, end_time=START + timedelta(seconds=30))
        assert call.ring_time == timedelta(seconds=30)

    def test_counts_across_zones(self) -> None:
        call = record(initiation_time=START, answer_time=START.astimezone(UTC))
        assert call.ring_time == timedelta(0)

    def test_is_unknown_without_an_initiation(self) -> None:
        assert record(answer_time=START).ring_time is None

    def test_is_unknown_without_an_end(self) -> None:
        assert record(initiation_time=START).ring_time is None


class TestHangupCauseText:
    def test_is_the_documented_one_of_the_code(self) -> None:
        call = record(hangup_cause_code=HangupCause(4000), hangup_cause_name="normal_hangup")
        assert call.hangup_cause == "Normal Hangup"

    def test_is_the_documented_one_of_code_zero(self) -> None:
        assert record(hangup_cause_code=HangupCause(0), hangup_cause_name="other").hangup_cause == "Unknown"

    def test_is_the_name_as_sent_for_an_unknown_code(self) -> None:
        assert record(hangup_cause_code=HangupCause(4001), hangup_cause_name="New").hangup_cause == "New"

    def test_is_the_name_as_sent_without_a_code(self) -> None:
        assert record(hangup_cause_name="New").hangup_cause == "New"

    def test_is_none_if_nothing_was_sent(self) -> None:
        assert record().hangup_cause is None


class TestExpectedAmount:
    def test_is_the_total_amount_of_the_documented_record(self, documented: CallDetailRecord) -> None:
        assert documented.expected_amount == documented.total_amount == Decimal("0.01667")

    @pytest.mark.parametrize(
        ("rate", "seconds", "amount"),
        [
            ("0.00850", 960, "0.13600"),
            ("0.03570", 0, "0.00000"),
            ("0.00030", 1, "0.00001"),  # 0.000005 exactly: half up, where half even gives 0
            ("0.00150", 1, "0.00003"),  # 0.000025 exactly
            ("0.00029", 1, "0.00000"),
        ],
    )
    def test_rounds_half_up_to_five_places(self, rate: str, seconds: int, amount: str) -> None:
        expected = record(total_rate=Decimal(rate), billed_duration=seconds).expected_amount
        assert str(expected) == amount

    def test_ignores_the_decimal_context_of_the_caller(self) -> None:
        with localcontext() as context:
            context.prec = 2
            expected = record(total_rate=Decimal("1.23456"), billed_duration=3600).expected_amount
        assert str(expected) == "74.07360"

    @pytest.mark.parametrize("fields", [{"total_rate": Decimal(1)}, {"billed_duration": 1}])
    def test_is_unknown_if_a_factor_is(self, fields: dict[str, Any]) -> None:
        assert record(**fields).expected_amount is None

    @given(
        st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?", fullmatch=True),
        st.integers(-(2**63), 2**63),
    )
    def test_is_within_half_a_unit_of_the_exact_amount(self, rate: str, seconds: int) -> None:
        expected = record(total_rate=Decimal(rate), billed_duration=seconds).expected_amount
        assert expected is not None
        with localcontext() as context:
            context.prec = 200
            assert abs(expected * 60 - Decimal(rate) * seconds) <= Decimal("0.000005") * 60


class TestRepr:
    def test_shows_known_fields_in_readable_form(self) -> None:
        call = record(
            call_direction=CallDirection.OUTBOUND,
            initiation_time=START,
            total_rate=Decimal("1.00000"),
            hangup_cause_code=HangupCause(4000),
            extra={"new": None},
            wire_keys=("call_uuid",),
        )
        assert repr(call) == (
            "CallDetailRecord(call_uuid='5607532d', call_direction=<CallDirection.OUTBOUND: 'outbound'>, "
            "initiation_time=2022-10-12 21:57:40+05:30, total_rate=1.00000, "
            "hangup_cause_code=<HangupCause.NORMAL_HANGUP: 4000>, extra={'new': None})"
        )

    def test_shows_zero_and_empty_text(self) -> None:
        assert "call_duration=0, source_ip=''" in repr(record(call_duration=0, source_ip=""))

    def test_is_bounded_for_huge_values(self) -> None:
        call = record(call_state="x" * 10**6, extra={str(n): "y" * 10**6 for n in range(50)})
        assert len(repr(call)) < 1000


class TestFrozenMapping:
    def test_is_a_copy(self) -> None:
        items = {"new": 1}
        call = record(extra=items)
        items["new"] = 2
        assert call.extra == {"new": 1}

    def test_cannot_be_changed(self) -> None:
        with pytest.raises(TypeError):
            record(extra={"new": 1}).extra["new"] = 2  # type: ignore[index]

    def test_reads_like_a_dict(self) -> None:
        extra = record(extra={"b": 1, "a": None}).extra
        assert (list(extra), len(extra), extra.get("b"), "c" in extra) == (["b", "a"], 2, 1, False)

    def test_is_used_without_a_copy(self) -> None:
        extra = FrozenMapping({"new": 1})
        assert record(extra=extra).extra is extra

    def test_is_one_object_for_all_records_without_extra_keys(self) -> None:
        empty = record(extra={}).extra
        assert empty is record().extra
        assert pickle.loads(pickle.dumps(empty)) is empty

    def test_shows_its_items(self) -> None:
        assert repr(FrozenMapping({"new": 1})) == "{'new': 1}"


def test_to_dict_returns_the_wire_form(documented: CallDetailRecord) -> None:
    assert documented.to_dict()["answer_time"] == "2022-10-12 21:57:47+05:30"


def test_to_json_is_one_line(documented: CallDetailRecord) -> None:
    assert "\n" not in documented.to_json()


def test_from_json_takes_text_and_bytes(documented: CallDetailRecord) -> None:
    assert CallDetailRecord.from_json(DOCUMENTED.decode()) == documented
