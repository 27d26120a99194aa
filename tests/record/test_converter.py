from __future__ import annotations

import copy
import json
import pickle
import sys
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import attrs
import pytest
from cattrs import Converter
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.errors import DecodeError
from plivo_async.record.converter import (
    decode_json,
    decode_record,
    make_converter,
    record_from_json,
    record_to_dict,
    record_to_json,
)
from plivo_async.record.enums import CallDirection
from plivo_async.record.model import CallDetailRecord

FIXTURES = Path(__file__).parents[1].joinpath("fixtures")
DOCUMENTED = FIXTURES.joinpath("call_documented.json").read_bytes()
CONVERTER = make_converter()


def refusal(body: bytes, converter: Converter = CONVERTER) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        decode_record(body, converter)
    assert caught.value.body == body
    assert len(str(caught.value)) < 4000
    assert str(caught.value).isprintable()
    return caught.value


def exact(text: str | bytes) -> str:
    """Return the value of a JSON text, with every digit and in order."""
    return repr(json.loads(text, parse_float=Decimal))


class TestDecodeJson:
    def test_gives_the_value(self) -> None:
        assert decode_json(b'{"a": [1, 1.10, null, "\xc3\xbc"]}') == {"a": [1, Decimal("1.10"), None, "ü"]}

    @pytest.mark.parametrize(
        "body",
        [
            b"\xff",
            b'"\xed\xa0\x80"',
            '"a"'.encode("utf-16"),
            '"a"'.encode("utf-32-le"),
            b'\xef\xbb\xbf\xef\xbb\xbf"a"',
        ],
    )
    def test_accepts_utf_8_only(self, body: bytes) -> None:
        with pytest.raises(DecodeError, match="the body is not JSON"):
            decode_json(body)

    def test_skips_a_byte_order_mark(self) -> None:
        assert decode_json(b'\xef\xbb\xbf"a"') == "a"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"\xef\xbb\xbf",
            b"<html>",
            b"OK",
            b'{"a": 1',
            b'{"a": "b',
            b'{"a": 1}x',
            b"{}{}",
            b"\xff",
            b"nul",
        ],
    )
    def test_of_what_is_no_json_may_succeed_later(self, body: bytes) -> None:
        with pytest.raises(DecodeError) as caught:
            decode_json(body)
        assert caught.value.retryable

    @pytest.mark.parametrize(
        "body",
        [b"NaN", b"[Infinity]", b"9" * 5000, b"1e999999999999999999999", b"[" * 100_000, b'{"a":1,"a":2}'],
    )
    def test_of_json_that_breaks_a_rule_is_final(self, body: bytes) -> None:
        with pytest.raises(DecodeError) as caught:
            decode_json(body)
        assert not caught.value.retryable

    def test_an_empty_body_has_an_error_of_its_own(self) -> None:
        with pytest.raises(DecodeError, match="^the body is empty$"):
            decode_json(b"")

    def test_shows_the_beginning_of_a_body_that_is_not_json(self) -> None:
        with pytest.raises(DecodeError, match=r"Expecting value: .*; it begins with '<html> <b>Bad Gateway"):
            decode_json(b"<html>\r\n<b>Bad Gateway" + b"x" * 10**6)

    def test_raises_an_error_with_the_body(self) -> None:
        with pytest.raises(DecodeError) as caught:
            decode_json(b"x")
        assert caught.value.body == b"x"


class TestDecodeRecord:
    @pytest.mark.parametrize("name", ["call_documented.json", "call_2017_unanswered.json", "live_call.json"])
    def test_reads_every_sample(self, name: str) -> None:
        body = FIXTURES.joinpath(name).read_bytes()
        record = decode_record(body, CONVERTER)
        assert exact(record.to_json()) == exact(body)

    @pytest.mark.parametrize("row", [0, 1])
    def test_reads_the_rows_of_a_list(self, row: int) -> None:
        body = json.dumps(json.loads(FIXTURES.joinpath("call_list.json").read_bytes())["objects"][row])
        record = decode_record(body.encode(), CONVERTER)
        assert record.expected_amount == record.total_amount == Decimal("0.13600")

    def test_keeps_the_unknown_keys_of_a_live_call(self) -> None:
        record = decode_record(FIXTURES.joinpath("live_call.json").read_bytes(), CONVERTER)
        assert record.call_state == "in-progress"
        assert list(record.extra) == [
            "caller_name",
            "direction",
            "from",
            "request_uuid",
            "session_start",
            "to",
        ]

    def test_refuses_the_times_without_offset_of_a_trunk_call(self) -> None:
        error = refusal(FIXTURES.joinpath("zentrunk_call_documented.json").read_bytes())
        assert error.fields == ("end_time", "initiation_time", "answer_time")

    def test_names_the_fields_in_the_message(self) -> None:
        error = refusal(b'{"call_uuid": "a", "api_id": "b", "total_rate": "0,5", "call_duration": 1.5}')
        assert str(error) == (
            "the call detail record cannot be read: "
            "total_rate: expected a decimal number as a string, got '0,5'; "
            "call_duration: expected a whole number below 2**63, got 1.5"
        )
        assert (error.fields, error.api_id) == (("total_rate", "call_duration"), "b")

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("async_spawned.json", "'async api spawned'"),
            ("error_404.json", "'CDR for call uuid not found'"),
            ("error_capital_key.json", "'Trunk details for 00000000000000000 not found'"),
            ("error_envelope.json", "'answer_url parameter is missing'"),
        ],
    )
    def test_shows_the_message_in_a_body_that_is_not_a_record(self, name: str, message: str) -> None:
        error = refusal(FIXTURES.joinpath(name).read_bytes())
        assert str(error) == f"the body is not a call detail record: {message}"
        assert error.fields == ("call_uuid",)

    @pytest.mark.parametrize(
        "body", ["[]", "null", "true", '"call_uuid"', "1.5", "{}", '[{"call_uuid": "a"}]']
    )
    def test_shows_a_body_without_a_message(self, body: str) -> None:
        assert str(refusal(body.encode())) == f"the body is not a call detail record: {body!r}"

    @pytest.mark.parametrize("uuid", ["null", '""', "1", "[]"])
    def test_refuses_a_call_uuid_that_is_not_text(self, uuid: str) -> None:
        assert refusal(f'{{"call_uuid": {uuid}}}'.encode()).fields == ("call_uuid",)

    def test_bounds_and_escapes_the_message(self) -> None:
        error = refusal(json.dumps({"error": "\x1b[2J\ud800" + "x" * 10**4}).encode())
        assert r"\x1b[2J\ud800xxx" in str(error)

    def test_bounds_and_escapes_a_large_body(self) -> None:
        refusal(json.dumps({"k\x1b" * 10**5: "\x1b"}).encode())

    @pytest.mark.parametrize(
        "body",
        [
            b"\xff",
            b"NaN",
            b'{"call_uuid": "a", "new": NaN}',
            b'{"call_uuid": "a", "new": -Infinity}',
            b'{"call_uuid": "a"} x',
            b'{"call_uuid": "a", "call_duration": ' + b"9" * 5000 + b"}",
            b'{"call_uuid": "a", "new": ' + b"9" * 5000 + b"}",
            b'{"call_uuid": "a", "new": 1e' + b"9" * 30 + b"}",
            b'{"call_uuid": "a", "new": ' + b"[" * 10**6,
            b'{"call_uuid": "a", "new": ' + b"[" * 65 + b"]" * 65 + b"}",
            b'{"call_uuid": "a", "new": ' + b"[" * 5000 + b"]" * 5000 + b"}",
            b'{"call_uuid": "a", "call_state": ' + b"[" * 500 + b"]" * 500 + b"}",
            b'{"call_uuid": "a", "new": ' + b'{"a":' * 65 + b"1" + b"}" * 66,
        ],
        ids=lambda body: repr(body[:40]),
    )
    def test_raises_nothing_but_a_decode_error(self, body: bytes) -> None:
        refusal(body)

    def test_refuses_every_truncation(self) -> None:
        for length in range(len(DOCUMENTED.rstrip())):
            refusal(DOCUMENTED[:length])

    def test_the_deepest_value_allowed_can_be_copied_pickled_and_written(self) -> None:
        body = b'{"call_uuid": "a", "new": ' + b"[" * 64 + b"1.0" + b"]" * 64 + b"}"
        record = decode_record(body, CONVERTER)
        assert pickle.loads(pickle.dumps(record)) == copy.deepcopy(record) == record
        assert exact(record.to_json()) == exact(body)
        assert len(repr(record)) < 200

    def test_the_error_pickles(self) -> None:
        error = refusal(b'{"call_uuid": "a", "total_rate": []}')
        restored = pickle.loads(pickle.dumps(error))
        assert (str(restored), restored.fields, restored.body) == (str(error), error.fields, error.body)


class TestJson:
    def test_text_and_bytes_read_alike(self) -> None:
        assert record_from_json(DOCUMENTED) == record_from_json(DOCUMENTED.decode())

    def test_a_bytearray_is_accepted(self) -> None:
        assert record_from_json(bytearray(DOCUMENTED)) == record_from_json(DOCUMENTED)

    @pytest.mark.parametrize("text", [None, {}, 5])
    def test_other_types_are_refused(self, text: Any) -> None:
        with pytest.raises(DecodeError, match="expected JSON text as str or bytes, got"):
            record_from_json(text)

    def test_text_that_cannot_be_utf_8_is_refused(self) -> None:
        with pytest.raises(DecodeError, match="not JSON"):
            record_from_json('{"call_uuid": "\ud800"}')

    def test_an_escaped_lone_surrogate_survives(self) -> None:
        text = r'{"call_uuid":"a","call_state":"\ud800"}'
        assert record_from_json(text).to_json() == text

    @pytest.mark.parametrize(
        "number", ["1.10", "-0.0", "1E+400", "0.1000000000000000055511151231257827", "10"]
    )
    def test_a_number_in_an_unknown_key_keeps_its_digits(self, number: str) -> None:
        text = f'{{"call_uuid":"a","new":[{number},{{"b":{number}}}]}}'
        assert record_from_json(text).to_json() == text

    def test_a_built_record_comes_back_equal(self) -> None:
        record = CallDetailRecord(
            call_uuid="a",
            call_direction=CallDirection("new"),
            end_time=datetime(2022, 10, 12, tzinfo=UTC),
            total_amount=Decimal("0.10"),
            cnam_lookup=True,
            extra={"b": Decimal("0.1"), "c": {"d": [None]}},
        )
        assert record_from_json(record_to_json(record)) == record

    def test_an_extra_value_without_a_json_form_is_a_type_error(self) -> None:
        with pytest.raises(TypeError, match="set"):
            record_to_json(CallDetailRecord(call_uuid="a", extra={"new": {1}}))

    def test_a_custom_converter_can_be_passed(self) -> None:
        converter = make_converter()
        converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
        converter.register_unstructure_hook(datetime, datetime.isoformat)
        text = '{"call_uuid":"a","end_time":"2022-10-12T21:57:47"}'
        record = record_from_json(text, converter)
        assert record.end_time == datetime(2022, 10, 12, 21, 57, 47)
        assert record_to_json(record, converter) == text
        assert record_to_dict(record, converter)["end_time"] == "2022-10-12T21:57:47"


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    LARGE = 2


@attrs.frozen
class Invoice:
    colour: Colour
    size: Size
    amount: Decimal
    flag: bool


class TestHooksOfUsers:
    @pytest.fixture
    def converter(self) -> Converter:
        return make_converter()

    @staticmethod
    def local_time(value: str, _: Any) -> datetime:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)

    def test_for_a_type_wins(self, converter: Converter) -> None:
        converter.register_structure_hook(datetime, self.local_time)
        record = decode_record(FIXTURES.joinpath("zentrunk_call_documented.json").read_bytes(), converter)
        assert record.end_time == datetime(2022, 12, 6, 7, 2, tzinfo=UTC)

    def test_wins_after_the_converter_was_used(self, converter: Converter) -> None:
        decode_record(DOCUMENTED, converter)
        converter.register_structure_hook(Decimal, lambda value, _: Decimal(value) * 2)
        assert decode_record(DOCUMENTED, converter).total_rate == 2

    def test_wins_in_a_copy_of_the_converter_only(self, converter: Converter) -> None:
        copied = converter.copy()
        copied.register_structure_hook(Decimal, lambda value, _: Decimal(value) * 2)
        assert decode_record(DOCUMENTED, copied).total_rate == 2
        assert decode_record(DOCUMENTED, converter).total_rate == 1

    def test_for_text_does_not_change_the_enumerations(self, converter: Converter) -> None:
        converter.register_structure_hook(str, lambda value, _: value.upper())
        record = decode_record(DOCUMENTED, converter)
        assert (record.hangup_cause_name, record.call_direction) == ("INVALID ANSWER XML", "outbound")

    def test_for_int_does_not_change_the_hangup_code(self, converter: Converter) -> None:
        converter.register_structure_hook(int, lambda value, _: value * 2)
        record = decode_record(DOCUMENTED, converter)
        assert (record.call_duration, record.hangup_cause_code) == (2, 8011)

    def test_for_an_enumeration_wins(self, converter: Converter) -> None:
        converter.register_structure_hook(CallDirection, lambda value, _: CallDirection.INBOUND)
        assert decode_record(DOCUMENTED, converter).is_inbound

    def test_for_text_or_bool_wins(self, converter: Converter) -> None:
        converter.register_structure_hook_func(lambda kind: kind == str | bool, lambda value, _: f"{value}!")
        assert decode_record(b'{"call_uuid": "a", "cnam_lookup": 1}', converter).cnam_lookup == "1!"

    def test_for_the_record_wins(self, converter: Converter) -> None:
        converter.register_structure_hook(
            CallDetailRecord, lambda value, _: CallDetailRecord(call_uuid=value["call_uuid"].upper())
        )
        assert decode_record(b'{"call_uuid": "a"}', converter) == CallDetailRecord(call_uuid="A")

    @pytest.mark.parametrize("body", [b"{}", b"[]", b'{"call_uuid": 1}'])
    def test_for_the_record_may_refuse(self, body: bytes, converter: Converter) -> None:
        converter.register_structure_hook(
            CallDetailRecord, lambda value, _: CallDetailRecord(call_uuid=value["call_uuid"].upper() + 1)
        ) if body != b'{"call_uuid": 1}' else converter.register_structure_hook(
            CallDetailRecord, lambda value, _: CallDetailRecord(call_uuid="a" + value["call_uuid"])
        )
        assert refusal(body, converter).fields == ()

    def test_for_writing_wins(self, converter: Converter) -> None:
        converter.register_unstructure_hook(Decimal, float)
        record = decode_record(DOCUMENTED, converter)
        assert record_to_dict(record, converter)["total_amount"] == 0.01667

    def test_can_structure_custom_classes(self, converter: Converter) -> None:
        invoice = converter.structure({"colour": "red", "size": 2, "amount": "1.10", "flag": True}, Invoice)
        assert invoice == Invoice(Colour.RED, Size.LARGE, Decimal("1.10"), True)
        assert (type(invoice.colour), type(invoice.size)) == (Colour, Size)

    def test_can_structure_records_within_records(self, converter: Converter) -> None:
        rows = json.loads(FIXTURES.joinpath("call_list.json").read_bytes())["objects"]
        assert len(converter.structure(rows, list[CallDetailRecord])) == 2


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["call_uuid", "error"]) | st.text(), inner)
    ),
    max_leaves=10,
)


def decodes_or_refuses(body: bytes) -> CallDetailRecord | None:
    try:
        record = decode_record(body, CONVERTER)
    except DecodeError as error:
        assert error.body == body
        return None
    assert record_from_json(record.to_json()) == record
    return record


@given(st.binary())
def test_any_bytes_are_a_record_or_a_decode_error(body: bytes) -> None:
    decodes_or_refuses(body)


@given(JSON_VALUES)
def test_any_json_is_a_record_or_a_decode_error(value: Any) -> None:
    decodes_or_refuses(json.dumps(value).encode())


@given(st.sampled_from(sorted(json.loads(DOCUMENTED))), JSON_VALUES)
def test_any_value_for_a_field_is_read_or_the_field_is_named(key: str, value: Any) -> None:
    body = json.dumps({**json.loads(DOCUMENTED), key: value}).encode()
    try:
        record = decode_record(body, CONVERTER)
    except DecodeError as error:
        assert error.fields in ((key,), ())
    else:
        assert exact(record.to_json()) == exact(body)


@given(st.integers(0, len(DOCUMENTED) - 1), st.binary(min_size=1, max_size=3))
def test_any_damage_to_a_record_is_read_or_a_decode_error(position: int, damage: bytes) -> None:
    decodes_or_refuses(DOCUMENTED[:position] + damage + DOCUMENTED[position + len(damage) :])


def test_deep_nesting_that_the_parser_accepts_is_refused_too() -> None:
    depth = sys.getrecursionlimit() // 2
    refusal(b'{"call_uuid": "a", "new": ' + b"[" * depth + b"]" * depth + b"}")
