from __future__ import annotations

import gc
import json
import pickle
import tracemalloc
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.record.converter import make_converter
from plivo_async.record.enums import CallDirection, HangupCause, StirAttestation
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.record_hooks import RecordError
from plivo_async.record.value_hooks import check_text

DOCUMENTED: dict[str, Any] = json.loads(
    Path(__file__).parents[1].joinpath("fixtures").joinpath("call_documented.json").read_bytes()
)
CONVERTER = make_converter()


def structure(sent: Any) -> CallDetailRecord:
    return CONVERTER.structure(sent, CallDetailRecord)


def unstructure(record: CallDetailRecord) -> dict[str, Any]:
    return CONVERTER.unstructure(record)  # type: ignore[no-any-return]


def reasons(sent: Any) -> dict[str, str]:
    with pytest.raises(RecordError) as caught:
        structure(sent)
    return caught.value.reasons


class TestReading:
    def test_reads_every_documented_key_into_its_field(self) -> None:
        zone = timezone(timedelta(hours=5, minutes=30))
        record = structure({**DOCUMENTED, "cnam_lookup": "disabled"})
        assert attrs.asdict(record, filter=lambda a, _: not a.name.startswith("wire_")) == {
            "call_uuid": "5607532d-5037-4066-befc-a8b40218dd4f",
            "api_id": "52cd2e1d-2bfd-11ec-a7bd-0242ac110005",
            "parent_call_uuid": None,
            "conference_uuid": None,
            "call_direction": CallDirection.OUTBOUND,
            "call_state": "ANSWER",
            "from_number": "+12025551111",
            "to_number": "sip:sam9461399937766203278@phone.plivo.com",
            "initiation_time": datetime(2022, 10, 12, 21, 57, 40, tzinfo=zone),
            "answer_time": datetime(2022, 10, 12, 21, 57, 47, tzinfo=zone),
            "end_time": datetime(2022, 10, 12, 21, 57, 47, tzinfo=zone),
            "call_duration": 1,
            "bill_duration": 1,
            "billed_duration": 1,
            "total_rate": Decimal("1.00000"),
            "total_amount": Decimal("0.01667"),
            "hangup_cause_code": HangupCause.INVALID_ANSWER_XML,
            "hangup_cause_name": "Invalid Answer XML",
            "hangup_source": "Error",
            "stir_verification": "Not Applicable",
            "stir_attestation": StirAttestation.A,
            "voice_network_group": "",
            "source_ip": "92.168.0.1",
            "cnam_lookup": "disabled",
            "resource_uri": "/v1/Account/MA2025RK4E639VJFZAGV/Call/5607532d-5037-4066-befc-a8b40218dd4f/",
            "extra": {},
        }

    def test_needs_the_call_uuid_only(self) -> None:
        assert structure({"call_uuid": "a"}) == CallDetailRecord(call_uuid="a")

    @pytest.mark.parametrize("key", [key for key in DOCUMENTED if key != "call_uuid"])
    def test_accepts_null_for_any_other_field(self, key: str) -> None:
        record = structure({"call_uuid": "a", key: None})
        assert record == CallDetailRecord(call_uuid="a")

    @pytest.mark.parametrize(
        "key", ["call_direction", "hangup_source", "stir_verification", "Stir_attestation"]
    )
    def test_keeps_an_unknown_value_usable(self, key: str) -> None:
        value = getattr(structure({"call_uuid": "a", key: "new"}), key.lower())
        assert (value, value.is_known) == ("new", False)

    def test_keeps_an_unknown_hangup_code_usable(self) -> None:
        code = structure({"call_uuid": "a", "hangup_cause_code": 4001}).hangup_cause_code
        assert code == 4001

    def test_keeps_unknown_keys(self) -> None:
        record = structure({"call_uuid": "a", "new": {"b": [1, None]}, "extra": None, "wire_keys": 1})
        assert record.extra == {"new": {"b": [1, None]}, "extra": None, "wire_keys": 1}

    @pytest.mark.parametrize("key", ["Stir_attestation", "stir_attestation"])
    def test_accepts_both_spellings_of_the_attestation(self, key: str) -> None:
        record = structure({"call_uuid": "a", key: "B"})
        assert (record.stir_attestation, record.extra) == ("B", {})

    @pytest.mark.parametrize("key", ["call_state", "call_status"])
    def test_accepts_both_spellings_of_the_state(self, key: str) -> None:
        record = structure({"call_uuid": "a", key: "ANSWER"})
        assert (record.call_state, record.extra) == ("ANSWER", {})

    @pytest.mark.parametrize(
        "keys", [("Stir_attestation", "stir_attestation"), ("stir_attestation", "Stir_attestation")]
    )
    def test_with_both_spellings_at_once_prefers_the_documented_one(self, keys: tuple[str, str]) -> None:
        record = structure({"call_uuid": "a", **{key: "A" if key[0] == "S" else "B" for key in keys}})
        assert (record.stir_attestation, record.extra) == ("A", {"stir_attestation": "B"})

    def test_shares_the_keys_between_records_of_a_layout(self) -> None:
        first, second = structure(dict(DOCUMENTED)), structure(dict(DOCUMENTED))
        assert first.wire_keys == tuple(DOCUMENTED)
        assert first.wire_keys is second.wire_keys

    def test_does_not_remember_a_layout_of_more_than_2048_characters(self) -> None:
        first, second = (structure({"call_uuid": "a", "k" * 2040: None}) for _ in range(2))
        assert first.wire_keys == second.wire_keys
        assert first.wire_keys is not second.wire_keys

    def test_remembers_128_layouts_at_most(self) -> None:
        first = structure({"call_uuid": "a", "new": None})
        for n in range(128):
            structure({"call_uuid": "a", f"key {n}": None})
        again = structure({"call_uuid": "a", "new": None})
        assert first.wire_keys == again.wire_keys
        assert first.wire_keys is not again.wire_keys


class TestRefusing:
    @pytest.mark.parametrize(
        ("key", "value", "reason"),
        [
            ("total_rate", "0,00850", "expected a decimal number as a string, got '0,00850'"),
            ("total_rate", "", "expected a decimal number as a string, got ''"),
            ("total_rate", "1" * 65, f"expected a decimal number as a string, got '{'1' * 65}'"),
            ("total_rate", Decimal("1E-64"), "expected a decimal number as a string, got 1E-64"),
            ("total_rate", "1E-64", "expected a decimal number as a string, got '1E-64'"),
            ("total_amount", True, "expected a decimal number as a string, got True"),
            ("total_amount", 0.5, "expected a decimal number as a string, got 0.5"),
            ("total_amount", [], "expected a decimal number as a string, got []"),
            ("call_duration", "1.0", "expected a whole number below 2**63, got '1.0'"),
            ("call_duration", "01", "expected a whole number below 2**63, got '01'"),
            ("call_duration", Decimal("1.5"), "expected a whole number below 2**63, got 1.5"),
            ("call_duration", Decimal("1E+64"), "expected a whole number below 2**63, got 1E+64"),
            ("call_duration", 2**63, f"expected a whole number below 2**63, got {2**63}"),
            ("call_duration", str(2**63), f"expected a whole number below 2**63, got '{2**63}'"),
            ("billed_duration", True, "expected a whole number below 2**63, got True"),
            ("hangup_cause_code", "none", "expected a whole number below 2**63, got 'none'"),
            ("from_number", Decimal("1.5"), "expected a string, got 1.5"),
            ("to_number", False, "expected a string, got False"),
            ("parent_call_uuid", [], "expected a string, got []"),
            ("call_direction", 1, "expected a string, got 1"),
            (
                "answer_time",
                "2022-10-12",
                "expected a time with an offset, such as '2022-10-12 21:57:47+05:30', got '2022-10-12'",
            ),
            (
                "answer_time",
                "2022-02-30 00:00:00Z",
                "day is out of range for month, got '2022-02-30 00:00:00Z'",
            ),
            ("call_uuid", 1, "expected a string, got 1"),
            ("call_uuid", "", "expected a string that is not empty"),
            ("call_uuid", None, "expected a string that is not empty"),
        ],
    )
    def test_gives_the_reason_for_the_key(self, key: str, value: Any, reason: str) -> None:
        assert reasons({"call_uuid": "a", key: value}) == {key: reason}

    def test_without_a_call_uuid(self) -> None:
        assert list(reasons({})) == ["call_uuid"]

    def test_names_all_keys_at_fault_at_once(self) -> None:
        assert list(reasons({"total_rate": "", "end_time": "", "new": deep(65)})) == [
            "total_rate",
            "end_time",
            "new",
            "call_uuid",
        ]

    @pytest.mark.parametrize("sent", [None, [], "text", 1, True, [("call_uuid", "a")]])
    def test_a_value_that_is_not_an_object(self, sent: Any) -> None:
        with pytest.raises(ValueError, match="expected an object"):
            structure(sent)

    def test_an_unknown_key_with_too_deep_a_value(self) -> None:
        assert list(reasons({"call_uuid": "a", "new": deep(65)})) == ["new"]

    def test_accepts_an_unknown_key_within_the_depth_limit(self) -> None:
        assert structure({"call_uuid": "a", "new": deep(64)}).extra["new"] == deep(64)

    def test_in_a_bounded_printable_message(self) -> None:
        sent = {
            "key\n" * 10**5: deep(65),
            **{f"k{n}": deep(65) for n in range(999)},
            "call_uuid": ["\n" * 10**6],
        }
        with pytest.raises(RecordError, match="and 993 more") as caught:
            structure(sent)
        assert len(str(caught.value)) < 4000
        assert str(caught.value).isprintable()
        assert len(caught.value.reasons) == 1001

    def test_names_the_type_of_an_error_without_text(self) -> None:
        converter = make_converter()

        def refuse(value: Any, _: Any) -> datetime:
            raise LookupError

        converter.register_structure_hook(datetime, refuse)
        with pytest.raises(RecordError, match="end_time: LookupError, got 'x'"):
            converter.structure({"call_uuid": "a", "end_time": "x"}, CallDetailRecord)


class TestWriting:
    def test_returns_the_keys_and_values_as_sent(self) -> None:
        assert list(unstructure(structure(DOCUMENTED)).items()) == list(DOCUMENTED.items())

    def test_returns_plain_types_only(self) -> None:
        assert {type(value) for value in unstructure(structure(DOCUMENTED)).values()} == {
            str,
            int,
            type(None),
        }

    @pytest.mark.parametrize(
        "sent",
        [
            {"call_status": "x", "call_uuid": "a", "stir_attestation": None},
            {"stir_attestation": "B", "Stir_attestation": "A", "call_uuid": "a"},
            {"new": None, "call_uuid": "a", "newer": [Decimal("1.10")]},
        ],
    )
    def test_keeps_order_spelling_nulls_and_unknown_keys(self, sent: dict[str, Any]) -> None:
        assert list(unstructure(structure(sent)).items()) == list(sent.items())

    def test_of_a_built_record_leaves_none_out_and_documents_the_keys(self) -> None:
        record = CallDetailRecord(call_uuid="a", stir_attestation=StirAttestation.A, extra={"new": None})
        assert unstructure(record) == {"call_uuid": "a", "Stir_attestation": "A", "new": None}

    def test_appends_fields_that_were_set_since(self) -> None:
        record = attrs.evolve(
            structure({"new": 1, "call_uuid": "a"}), total_rate=Decimal("1.0"), extra={"new": 2, "newer": 3}
        )
        assert list(unstructure(record).items()) == [
            ("new", 2),
            ("call_uuid", "a"),
            ("total_rate", "1.0"),
            ("newer", 3),
        ]

    def test_writes_null_for_a_field_that_was_sent_and_unset_since(self) -> None:
        record = attrs.evolve(structure({"call_uuid": "a", "call_status": "x"}), call_state=None)
        assert unstructure(record) == {"call_uuid": "a", "call_status": None}

    def test_drops_an_unknown_key_that_was_removed_since(self) -> None:
        record = attrs.evolve(structure({"call_uuid": "a", "new": 1}), extra={})
        assert unstructure(record) == {"call_uuid": "a"}

    def test_does_not_share_lists_with_the_record(self) -> None:
        record = structure({"call_uuid": "a", "new": [1]})
        unstructure(record)["new"].append(2)
        assert record.extra == {"new": [1]}

    def test_refuses_a_time_without_an_offset(self) -> None:
        record = CallDetailRecord(call_uuid="a", end_time=datetime(2022, 10, 12))
        with pytest.raises(ValueError, match="no wire form"):
            unstructure(record)


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_a_record_keeps_less_than_1700_bytes() -> None:
    count = 1000
    sent = [
        json.dumps(
            {
                **DOCUMENTED,
                "call_uuid": f"{n:08}-5037-4066-befc-a8b40218dd4f",
                "end_time": f"2022-10-12 21:{n % 60:02}:47+05:30",
                "total_rate": f"1.{n:05}",
            }
        )
        for n in range(count)
    ]
    records: list[CallDetailRecord | None] = [None] * count
    structure(json.loads(sent[0]))
    gc.collect()
    tracemalloc.start()
    try:
        for n, text in enumerate(sent):
            records[n] = structure(json.loads(text))
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept / count < 1700


class TestAnotherForm:
    @pytest.mark.parametrize(
        ("key", "value", "read"),
        [
            ("total_amount", Decimal("0.00850"), Decimal("0.00850")),
            ("total_amount", Decimal("8.5E-3"), Decimal("0.0085")),
            ("total_amount", 1, Decimal(1)),
            ("total_amount", "0E-5", Decimal("0.00000")),
            ("total_amount", ".00850", Decimal("0.00850")),
            ("total_amount", "+1.", Decimal(1)),
            ("total_rate", "00.5", Decimal("0.5")),
            ("total_rate", Decimal("-1E+3"), Decimal(-1000)),
            ("call_duration", "12", 12),
            ("bill_duration", "-3", -3),
            ("billed_duration", Decimal("12.0"), 12),
            ("billed_duration", Decimal("1E+2"), 100),
            ("hangup_cause_code", "4000", HangupCause.NORMAL_HANGUP),
            ("from_number", 12025551111, "12025551111"),
            ("call_status", 1, "1"),
        ],
    )
    def test_is_read_with_every_digit_and_comes_back_as_sent(self, key: str, value: Any, read: Any) -> None:
        sent = {"call_uuid": "a", key: value}
        record = structure(sent)
        field = getattr(record, {"call_status": "call_state"}.get(key, key))
        assert (type(field), repr(field)) == (type(read), repr(read))
        assert repr(unstructure(record)) == repr(sent)
        assert repr(unstructure(pickle.loads(pickle.dumps(record)))) == repr(sent)

    @pytest.mark.parametrize(
        ("text", "read"),
        [
            ("2022-10-12 21:57:47+0530", "2022-10-12 21:57:47+05:30"),
            ("2022-10-12 21:57:47-05", "2022-10-12 21:57:47-05:00"),
            ("2022-10-12 21:57:47 +05:30", "2022-10-12 21:57:47+05:30"),
            ("2022-10-12T21:57:47Z", "2022-10-12 21:57:47+00:00"),
            ("2022-10-12 21:57:47-00:00", "2022-10-12 21:57:47+00:00"),
            ("2022-10-12 21:57:47.5+05:30", "2022-10-12 21:57:47.500000+05:30"),
            ("2022-10-12 21:57:47.000000+05:30", "2022-10-12 21:57:47+05:30"),
            ("2022-10-12 21:57:47.123456789+05:30", "2022-10-12 21:57:47.123456+05:30"),
        ],
    )
    def test_of_a_time_is_read_and_comes_back_as_sent(self, text: str, read: str) -> None:
        sent = {"call_uuid": "a", "end_time": text}
        record = structure(sent)
        assert str(record.end_time) == read
        assert unstructure(record) == sent

    @pytest.mark.parametrize(
        "text",
        [
            "2022-10-12 21:57:47",
            "",
            "2022-10-12 21:57:47+5",
            "2022-10-12 21:57:47+05:60",
            "2022-02-30 00:00:00+0530",
            "2022-10-12 21:57:47.+05",
            1665592067,
        ],
    )
    def test_of_a_time_that_leaves_a_doubt_is_refused(self, text: Any) -> None:
        assert list(reasons({"call_uuid": "a", "end_time": text})) == ["end_time"]

    def test_counts_for_nothing_in_a_comparison(self) -> None:
        first, second = (
            structure({"call_uuid": "a", "total_rate": rate}) for rate in ("0.5", Decimal("0.5"))
        )
        assert first == second
        assert hash(first) == hash(second)

    @pytest.mark.parametrize("changed", [Decimal("0.51"), Decimal("0.50")])
    def test_is_forgotten_where_the_field_was_set_since(self, changed: Decimal) -> None:
        record = structure({"call_uuid": "a", "total_rate": Decimal("0.5")})
        assert unstructure(attrs.evolve(record, total_rate=changed)) == {
            "call_uuid": "a",
            "total_rate": str(changed),
        }

    def test_is_forgotten_where_a_hook_of_ones_own_writes_the_field(self) -> None:
        converter = make_converter()
        converter.register_unstructure_hook(int, lambda value: value * 1000)
        record = structure({"call_uuid": "a", "call_duration": "2", "bill_duration": 2})
        assert converter.unstructure(record, CallDetailRecord) == {
            "call_uuid": "a",
            "call_duration": 2000,
            "bill_duration": 2000,
        }

    def test_is_read_by_a_hook_of_ones_own(self) -> None:
        def in_cents(value: Any, _: Any) -> Decimal:
            return Decimal(check_text(value)) * 100

        converter = make_converter()
        converter.register_structure_hook(Decimal, in_cents)
        record = converter.structure({"call_uuid": "a", "total_rate": Decimal("0.5")}, CallDetailRecord)
        assert record.total_rate == 50

    def test_is_kept_beside_the_documented_ones_only_where_it_differs(self) -> None:
        assert structure(DOCUMENTED).wire_values == {}
        record = structure({**DOCUMENTED, "total_rate": 1})
        assert record.wire_values == {"total_rate": 1}
        assert "wire" not in repr(record)


class TestADescriptiveField:
    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("source_ip", ["1.2.3.4"]),
            ("voice_network_group", []),
            ("cnam_lookup", {"status": "disabled"}),
            ("cnam_lookup", 0),
            ("stir_verification", False),
            ("Stir_attestation", []),
            ("stir_attestation", {}),
            ("hangup_cause_name", Decimal("1.5")),
            ("hangup_source", False),
            ("resource_uri", {}),
        ],
    )
    def test_of_an_odd_type_is_an_extra_key(self, key: str, value: Any) -> None:
        sent = {"call_uuid": "a", key: value, "total_rate": "0.5"}
        record = structure(sent)
        assert getattr(record, key.lower()) is None
        assert record.extra == {key: value}
        assert repr(unstructure(record)) == repr(sent)

    def test_of_an_odd_type_may_be_set_since(self) -> None:
        record = attrs.evolve(structure({"call_uuid": "a", "source_ip": []}), source_ip="1.2.3.4")
        assert unstructure(record) == {"call_uuid": "a", "source_ip": "1.2.3.4"}

    def test_that_is_nested_too_deeply_is_refused(self) -> None:
        assert list(reasons({"call_uuid": "a", "source_ip": deep(65)})) == ["source_ip"]

    def test_of_an_odd_type_does_not_hide_another_fault(self) -> None:
        assert list(reasons({"call_uuid": "a", "source_ip": [], "total_rate": ""})) == ["total_rate"]


TIMES = st.datetimes(timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m))))
AMOUNTS = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?", fullmatch=True)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "total": AMOUNTS | st.integers(-(10**60), 10**60) | st.decimals(-1000, 1000, places=9),
    "time": TIMES.map(lambda time: time.isoformat(" "))
    | TIMES.map(lambda time: time.isoformat())
    | TIMES.map(lambda time: time.isoformat(" ")[:-3] + time.isoformat()[-2:]),
    "duration": st.integers(0, 10**6) | st.integers(0, 10**6).map(str),
    "code": st.integers(0, 10**4) | st.integers(0, 10**4).map(str),
}
UNKNOWN_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def values_of(key: str) -> st.SearchStrategy[Any]:
    kind = next((values for part, values in KINDS.items() if part in key), st.text())
    return kind if key == "call_uuid" else st.none() | kind


@st.composite
def wire_records_sent(draw: st.DrawFn) -> dict[str, Any]:
    known = [*DOCUMENTED, "stir_attestation", "call_status", "cnam_lookup"]
    keys = draw(st.lists(st.sampled_from(known), unique=True))
    unknown = st.text().filter(lambda key: key not in (*known, *attrs.fields_dict(CallDetailRecord)))
    sent = {key: draw(values_of(key)) for key in keys} | draw(st.dictionaries(unknown, UNKNOWN_VALUES))
    sent["call_uuid"] = draw(st.text(min_size=1))
    return {key: sent[key] for key in draw(st.permutations(list(sent)))}


@given(wire_records_sent())
def test_any_record_comes_back_as_sent(sent: dict[str, Any]) -> None:
    # Compared as text, since Decimal("1.0") equals Decimal("1.00").
    assert repr(unstructure(structure(sent))) == repr(sent)


@given(wire_records_sent())
def test_any_record_equals_itself_read_again(sent: dict[str, Any]) -> None:
    record = structure(sent)
    assert structure(unstructure(record)) == record
