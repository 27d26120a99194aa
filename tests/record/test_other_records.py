"""The records of SIP-trunk calls, their insights, recordings and live calls, and their JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async import (
    CallDirection,
    DecodeError,
    HangupCause,
    LiveCall,
    LiveCallStatus,
    Recording,
    StirAttestation,
    StirVerification,
    TrunkCallDetailRecord,
    TrunkCallInsights,
    TrunkCallParty,
    TrunkHangupCause,
    TrunkHangupSource,
    make_converter,
)
from plivo_async.record.converter import from_json_as, record_to_dict
from tests.record.samples import INSIGHTS, LIVE_CALL, RECORDING, TRUNK_CALL, TRUNK_CALL_OF_2022

SAMPLES: list[tuple[type[Any], dict[str, Any]]] = [
    (TrunkCallDetailRecord, TRUNK_CALL),
    (TrunkCallDetailRecord, TRUNK_CALL_OF_2022),
    (TrunkCallInsights, INSIGHTS),
    (Recording, RECORDING),
    (LiveCall, LIVE_CALL),
]
KINDS: dict[str, tuple[type[Any], dict[str, Any]]] = {
    kind.__name__: (kind, sample) for kind, sample in SAMPLES if sample is not TRUNK_CALL_OF_2022
}


def trunk(**changes: Any) -> TrunkCallDetailRecord:
    return TrunkCallDetailRecord.from_json(json.dumps(TRUNK_CALL | changes))


class TestARecord:
    @pytest.mark.parametrize(("kind", "sent"), SAMPLES)
    def test_comes_back_as_it_was_sent(self, kind: type[Any], sent: dict[str, Any]) -> None:
        text = json.dumps(sent, separators=(",", ":"))

        assert kind.from_json(text).to_json() == text

    @given(data=st.data())
    def test_with_values_of_any_type_comes_back_as_sent_or_is_refused(self, data: st.DataObject) -> None:
        kind, sample = KINDS[data.draw(st.sampled_from(sorted(KINDS)))]
        keys = data.draw(st.lists(st.sampled_from(sorted(sample)), max_size=4))
        odd: st.SearchStrategy[Any] = st.sampled_from(
            [
                None,
                "",
                "null",
                "x",
                "007",
                "1.50",
                "1e3",
                0,
                -1,
                2.5,
                True,
                [],
                {"a": 1},
                "2026-01-01 00:00:00",
            ]
        )
        sent = sample | {key: data.draw(odd) for key in keys} | {"new": data.draw(odd)}
        text = json.dumps(sent, separators=(",", ":"))

        try:
            record = kind.from_json(text)
        except DecodeError as error:
            assert error.fields
            assert set(error.fields) <= set(keys)
        else:
            assert record.to_json() == text
            assert kind.from_json(record.to_json()) == record

    @pytest.mark.parametrize(("kind", "sample"), KINDS.values(), ids=KINDS)
    def test_keeps_what_it_does_not_know_in_extra(self, kind: type[Any], sample: dict[str, Any]) -> None:
        record = kind.from_json(json.dumps(sample | {"new": {"a": [1]}}))

        assert dict(record.extra) == {"new": {"a": [1]}}
        assert record.to_dict()["new"] == {"a": [1]}

    @pytest.mark.parametrize(("kind", "sample"), KINDS.values(), ids=KINDS)
    def test_needs_its_name_and_nothing_else(self, kind: type[Any], sample: dict[str, Any]) -> None:
        name = "recording_id" if kind is Recording else "call_uuid"

        only: dict[str, Any] = {name: "a"}
        assert kind.from_json(json.dumps(only)) == kind(**only)
        wrongs: list[Any] = [{}, {name: None}, {name: ""}, {name: 5}, {"error": "no"}, []]
        for wrong in wrongs:
            with pytest.raises(DecodeError):
                kind.from_json(json.dumps(wrong))

    @pytest.mark.parametrize(("kind", "sample"), KINDS.values(), ids=KINDS)
    def test_is_a_value(self, kind: type[Any], sample: dict[str, Any]) -> None:
        record = kind.from_json(json.dumps(sample))

        assert hash(record) == hash(kind.from_json(json.dumps(sample)))
        assert repr(record).startswith(f"{kind.__name__}(")
        assert "wire_" not in repr(record)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            record.api_id = "x"

    def test_of_another_kind_is_named_in_the_error(self) -> None:
        with pytest.raises(DecodeError, match="not a record of a SIP-trunk call"):
            TrunkCallDetailRecord.from_json('{"error": "no"}')


class TestATrunkCall:
    def test_has_times_in_utc(self) -> None:
        assert trunk().end_time == datetime(2026, 11, 27, 16, 28, 15, tzinfo=UTC)
        assert trunk(end_time="2026-11-27T16:28:15.5").end_time == datetime(
            2026, 11, 27, 16, 28, 15, 500_000, tzinfo=UTC
        )

    @pytest.mark.parametrize(
        "text",
        [
            "2026-11-27T16:28:15",
            "2026-11-27 16:28:15.123",
            "2026-11-27 21:58:15+05:30",
            "2026-11-27 16:28:15Z",
        ],
    )
    def test_reads_a_time_in_another_form_and_returns_it_as_sent(self, text: str) -> None:
        record = trunk(end_time=text)

        assert record.end_time is not None
        assert record.end_time.utcoffset() == timedelta(0)
        assert record.to_dict()["end_time"] == text

    @pytest.mark.parametrize(
        "text", ["yesterday", "2026-11-27", "2026-13-01 00:00:00", 5, "9999-12-31 23:59:59-05:00"]
    )
    def test_refuses_what_is_no_time(self, text: Any) -> None:
        with pytest.raises(DecodeError) as caught:
            trunk(end_time=text)
        assert caught.value.fields == ("end_time",)

    def test_writes_a_time_that_was_set_in_utc_without_an_offset(self) -> None:
        zone = timezone(timedelta(hours=2))
        record = attrs.evolve(trunk(), end_time=datetime(2026, 1, 1, 2, tzinfo=zone))

        assert record.to_dict()["end_time"] == "2026-01-01 00:00:00"
        with pytest.raises(ValueError, match="wire form"):
            attrs.evolve(record, end_time=datetime(2026, 1, 1)).to_dict()

    def test_has_hang_up_causes_of_its_own(self) -> None:
        record = trunk()

        assert record.hangup_cause_code is TrunkHangupCause.NORMAL_HANGUP_BY_CARRIER
        assert record.hangup_cause_code.description == record.hangup_cause_name
        assert HangupCause(3000) is HangupCause.NO_ANSWER
        assert trunk(hangup_cause_code=1).hangup_cause_code == 1
        assert repr(TrunkHangupCause(1)) == "<TrunkHangupCause unknown: 1>"
        assert trunk(hangup_cause_code="3010").hangup_cause_code == 3010
        assert record.hangup_source is TrunkHangupSource.CARRIER

    @pytest.mark.parametrize(
        ("sent", "read"),
        [
            ("null", None),
            (None, None),
            ("A", StirAttestation.A),
            ("", StirAttestation.NONE),
            ("X", StirAttestation("X")),
        ],
    )
    def test_has_no_attestation_where_the_text_is_null(self, sent: Any, read: Any) -> None:
        record = trunk(attestation_indicator=sent)

        assert record.attestation_indicator == read
        assert record.to_dict()["attestation_indicator"] == sent
        assert dict(record.extra) == {}

    def test_forgets_the_text_null_when_the_field_is_set(self) -> None:
        record = attrs.evolve(trunk(), attestation_indicator=StirAttestation.B)

        assert record.to_dict()["attestation_indicator"] == "B"

    @pytest.mark.parametrize("sent", ["not applicable", "Not Applicable", "NOT APPLICABLE"])
    def test_has_a_verdict_in_any_letter_case(self, sent: str) -> None:
        record = trunk(stir_verification=sent)

        assert record.stir_verification is StirVerification.NOT_APPLICABLE
        assert record.to_dict()["stir_verification"] == sent
        assert trunk(stir_verification="perhaps").stir_verification == "perhaps"
        assert trunk(stir_verification=5).extra["stir_verification"] == 5

    @pytest.mark.parametrize(("sent", "read"), [(True, True), ("true", True), ("false", False), ("on", None)])
    def test_has_booleans_also_as_text(self, sent: Any, read: bool | None) -> None:
        record = trunk(srtp=sent)

        assert record.srtp is read
        assert record.to_dict()["srtp"] == sent

    def test_in_the_form_of_2022_is_no_error(self) -> None:
        record = TrunkCallDetailRecord.from_json(json.dumps(TRUNK_CALL_OF_2022))

        assert (record.call_duration, record.extra["duration"], record.srtp) == (None, "32", True)
        assert not record.is_answered
        assert trunk().is_answered


class TestInsights:
    def test_have_numbers_with_every_digit(self) -> None:
        record = TrunkCallInsights.from_json(json.dumps(INSIGHTS))

        assert (record.rtt, record.post_dial_delay) == (Decimal("42.0"), Decimal("1.8"))
        assert str(record.plivo_quality_score) == "4.3"
        assert record.caller == TrunkCallParty(carrier="Example Tel", number="+12025550100", region="US East")
        assert record.callee is not None
        assert record.callee.region == "US West"

    @pytest.mark.parametrize("sent", ["", "null", None])
    def test_have_none_for_what_was_not_measured(self, sent: Any) -> None:
        record = TrunkCallInsights.from_json(json.dumps(INSIGHTS | {"jitter": sent, "post_dial_delay": sent}))

        assert (record.jitter, record.post_dial_delay) == (None, None)
        assert record.to_dict()["jitter"] == sent
        assert dict(record.extra) == {}

    def test_keep_what_is_no_party(self) -> None:
        record = TrunkCallInsights.from_json(json.dumps(INSIGHTS | {"from": "+12025550100"}))

        assert (record.caller, record.extra["from"]) == (None, "+12025550100")

    def test_refuse_what_is_no_number(self) -> None:
        with pytest.raises(DecodeError) as caught:
            TrunkCallInsights.from_json(json.dumps(INSIGHTS | {"rtt": "slow"}))
        assert caught.value.fields == ("rtt",)


class TestARecording:
    def test_reads_numbers_as_text_or_as_numbers(self) -> None:
        as_sent = Recording.from_json(json.dumps(RECORDING))
        text = {key: str(RECORDING[key]) for key in ("rounded_recording_duration", "recording_storage_rate")}
        other = Recording.from_json(json.dumps(RECORDING | text | {"recording_duration_ms": 345100}))

        for record in (as_sent, other):
            assert record.rounded_recording_duration == 360
            assert record.recording_duration_ms == Decimal(345100)
            assert record.recording_storage_rate == Decimal("0.0004")
        assert str(as_sent.recording_start_ms) == "1795796882000.00000"

    def test_keeps_digits_that_a_float_has_not(self) -> None:
        sent = '{"recording_id":"r","recording_storage_rate":0.12345678901234567890}'

        record = Recording.from_json(sent)

        assert str(record.recording_storage_rate) == "0.12345678901234567890"
        assert record.to_json() == sent

    def test_has_a_time_with_an_offset(self) -> None:
        record = Recording.from_json(json.dumps(RECORDING))

        assert record.add_time is not None
        assert record.add_time.utcoffset() == timedelta(hours=5, minutes=30)

    def test_may_have_a_duration_below_zero(self) -> None:
        record = Recording.from_json(json.dumps({"recording_id": "r", "recording_duration_ms": "-1"}))

        assert record.recording_duration_ms == -1


class TestALiveCall:
    def test_has_the_names_of_a_call_detail_record(self) -> None:
        record = LiveCall.from_json(json.dumps(LIVE_CALL))

        assert (record.from_number, record.to_number) == ("+12025550100", "12025550199")
        assert record.call_direction is CallDirection.OUTBOUND
        assert record.call_status is LiveCallStatus.IN_PROGRESS
        assert record.session_start == datetime(2026, 11, 28, 10, 17, 49, 50872, tzinfo=UTC)

    def test_has_an_attestation_under_either_key(self) -> None:
        record = LiveCall.from_json('{"call_uuid":"a","Stir_attestation":"B"}')

        assert record.stir_attestation is StirAttestation.B
        assert record.to_json() == '{"call_uuid":"a","Stir_attestation":"B"}'


def test_a_converter_with_a_hook_for_times_reads_and_writes_those_without_an_offset_too() -> None:
    converter = make_converter()
    seen: list[str] = []

    def read(text: str, _: object) -> datetime:
        seen.append(text)
        return datetime.fromisoformat(text)

    converter.register_structure_hook(datetime, read)
    converter.register_unstructure_hook(datetime, lambda time: time)
    record = from_json_as(TrunkCallDetailRecord, json.dumps(TRUNK_CALL), converter)

    assert seen == ["2026-11-27 16:27:40+00:00", "2026-11-27 16:27:43+00:00", "2026-11-27 16:28:15+00:00"]
    assert record_to_dict(record, converter)["end_time"] == datetime(2026, 11, 27, 16, 28, 15, tzinfo=UTC)
