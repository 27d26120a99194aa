from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode
from zoneinfo import ZoneInfo

import attrs
import pytest

from plivo_async import (
    CallDetailRecord,
    CallDirection,
    ConfigurationError,
    DecodeError,
    HangupCause,
    HangupSource,
    StirVerification,
)
from plivo_async.webhooks import CallStatus, HangupEvent
from plivo_async.webhooks.hangup_form import KEYS

INDIA = ZoneInfo("Asia/Kolkata")
NEW_YORK = ZoneInfo("America/New_York")
OFFSET = timezone(timedelta(hours=5, minutes=30))
UUID = "11111111-2222-4333-8444-555555555555"
BODY = (
    f"ALegRequestUUID={UUID}&ALegUUID={UUID}&AnswerTime=2026-11-27+21%3A57%3A43&BillDuration=120&BillRate=0.00850"
    f"&CallStatus=completed&CallUUID={UUID}&Direction=outbound&Duration=66&EndTime=2026-11-27+21%3A58%3A49"
    "&Event=Hangup&From=%2B12025550100&HangupCause=NORMAL_CLEARING&HangupCauseCode=4000"
    "&HangupCauseName=Normal+Hangup&HangupSource=Callee&ParentAuthID=MAXXXXXXXXXXXXXXXXXX"
    f"&RequestUUID={UUID}&STIRAttestation=&STIRVerification=Not+Applicable"
    "&SessionStart=2026-11-27+16%3A27%3A40.238707&StartTime=2026-11-27+21%3A57%3A40&To=12025550199&TotalCost=0.01700"
)


def event(form: Any = BODY, **more: str) -> HangupEvent:
    return HangupEvent.from_form(form, zone=INDIA)


def with_values(**values: str) -> str:
    return urlencode({**dict(parse_qsl(BODY, keep_blank_values=True)), **values})


def refused(form: Any, **options: Any) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        HangupEvent.from_form(form, **options)
    return caught.value


class TestAnEvent:
    def test_has_the_names_of_a_record(self) -> None:
        assert event() == HangupEvent(
            call_uuid=UUID,
            request_uuid=UUID,
            a_leg_uuid=UUID,
            a_leg_request_uuid=UUID,
            parent_auth_id="MAXXXXXXXXXXXXXXXXXX",
            event="Hangup",
            call_status=CallStatus.COMPLETED,
            call_direction=CallDirection.OUTBOUND,
            from_number="+12025550100",
            to_number="12025550199",
            initiation_time=datetime(2026, 11, 27, 21, 57, 40, tzinfo=OFFSET),
            answer_time=datetime(2026, 11, 27, 21, 57, 43, tzinfo=OFFSET),
            end_time=datetime(2026, 11, 27, 21, 58, 49, tzinfo=OFFSET),
            session_start=datetime(2026, 11, 27, 16, 27, 40, 238707, tzinfo=UTC),
            call_duration=66,
            billed_duration=120,
            total_rate=Decimal("0.00850"),
            total_amount=Decimal("0.01700"),
            hangup_cause_code=HangupCause.NORMAL_HANGUP,
            hangup_cause_name="Normal Hangup",
            hangup_source=HangupSource.CALLEE,
            freeswitch_cause="NORMAL_CLEARING",
            stir_verification=StirVerification.NOT_APPLICABLE,
            wire_values=dict(parse_qsl(BODY, keep_blank_values=True)),
        )
        assert str(event().total_rate) == "0.00850"

    def test_has_a_field_for_each_key_and_shares_its_names_with_the_record(self) -> None:
        fields = attrs.fields_dict(HangupEvent).keys()
        assert {name for name, _ in KEYS.values()} == fields - {"extra", "wire_values"}
        own = fields - attrs.fields_dict(CallDetailRecord).keys()
        assert own == {
            *("request_uuid", "a_leg_uuid", "a_leg_request_uuid", "parent_auth_id", "event", "call_status"),
            *("forwarded_from", "session_start", "freeswitch_cause"),
        }

    @pytest.mark.parametrize(
        "shape",
        [str, str.encode, parse_qsl, parse_qs, lambda body: dict(parse_qsl(body)), lambda body: body + "&&"],
    )
    def test_is_read_from_a_form_of_any_shape(self, shape: Callable[[str], Any]) -> None:
        body = BODY.replace("&STIRAttestation=", "")
        assert event(shape(body)) == event(body)

    def test_of_an_unanswered_call_has_no_answer_time(self) -> None:
        unanswered = event(with_values(AnswerTime="", CallStatus="no-answer", Duration="0"))
        assert (unanswered.answer_time, unanswered.is_answered) == (None, False)
        assert unanswered.call_status is CallStatus.NO_ANSWER
        assert unanswered.wire_values["AnswerTime"] == ""

    def test_needs_the_call_uuid_only(self) -> None:
        assert event({"CallUUID": "c1"}) == HangupEvent(call_uuid="c1", wire_values={"CallUUID": "c1"})

    def test_has_none_for_every_blank_value(self) -> None:
        blank = event({**dict.fromkeys(KEYS, ""), "CallUUID": "c1"})
        assert {name for name in attrs.fields_dict(HangupEvent) if getattr(blank, name) is not None} == {
            *("call_uuid", "extra", "wire_values")
        }

    def test_keeps_unknown_keys_and_all_their_values(self) -> None:
        found = event(BODY + "&DialBLegUUID=b1&X-PH-Order=7&X-PH-Order=8&SIP-H-Empty=&New=%FF")
        assert found.extra == {
            "DialBLegUUID": "b1",
            "X-PH-Order": ["7", "8"],
            "SIP-H-Empty": "",
            "New": "\ufffd",
        }

    def test_keeps_unknown_members_of_enumerations(self) -> None:
        found = event(with_values(CallStatus="eaten", HangupSource="Martian", HangupCauseCode="9999"))
        assert (found.call_status, found.hangup_source, found.hangup_cause_code) == ("eaten", "Martian", 9999)
        assert found.call_status is not None
        assert not found.call_status.is_known

    def test_explains_its_cause(self) -> None:
        assert event().hangup_cause == HangupCause.NORMAL_HANGUP.description
        assert event(with_values(HangupCauseCode="9999")).hangup_cause == "Normal Hangup"
        assert event({"CallUUID": "c1"}).hangup_cause is None

    def test_survives_copies_pickles_and_its_dict(self) -> None:
        found = event(BODY + "&X-PH-Order=7&X-PH-Order=8")
        assert {found, copy.deepcopy(found), pickle.loads(pickle.dumps(found))} == {found}
        assert event(found.to_dict()) == event(json.loads(found.to_json())) == found
        found.to_dict()["X-PH-Order"].append("9")
        assert found.extra["X-PH-Order"] == ["7", "8"]

    def test_has_a_short_repr(self) -> None:
        assert repr(event({"CallUUID": "c1", "BillRate": "0.10", "To": "", "New": "1"})) == (
            "HangupEvent(call_uuid='c1', total_rate=0.10, extra={'New': '1'})"
        )


class TestATime:
    def test_without_a_zone_is_none_and_its_text_is_kept(self) -> None:
        found = HangupEvent.from_form(BODY)
        assert (found.initiation_time, found.answer_time, found.end_time) == (None, None, None)
        assert found.session_start == datetime(2026, 11, 27, 16, 27, 40, 238707, tzinfo=UTC)
        assert found.wire_values["AnswerTime"] == "2026-11-27 21:57:43"
        assert found.is_answered

    @pytest.mark.parametrize("zone", [None, NEW_YORK])
    def test_with_an_offset_needs_no_zone(self, zone: Any) -> None:
        form = with_values(EndTime="2026-11-27T21:58:49+0530", SessionStart="2026-11-27 16:27:40Z")
        found = HangupEvent.from_form(form, zone=zone)
        assert found.end_time == datetime(2026, 11, 27, 21, 58, 49, tzinfo=OFFSET)
        assert found.session_start == datetime(2026, 11, 27, 16, 27, 40, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("texts", "seconds", "offsets"),
        [
            # New York goes from 2:00 back to 1:00 on 2026-11-01, which is 6:00 UTC.
            (("01:10:00", "05:10:00", "01:10:05", "01:20:05"), 600, (-4, -4, -4)),
            (("01:10:00", "06:10:00", "01:10:05", "01:20:05"), 600, (-5, -5, -5)),
            (("01:59:50", "05:59:50", "01:59:58", "01:00:08"), 10, (-4, -4, -5)),
            (("00:30:00", "04:30:00", "00:30:10", "01:20:10"), 6600, (-4, -4, -5)),
            (("00:30:00", "04:30:00", "00:30:10", "01:20:10"), 3000, (-4, -4, -4)),
            (("01:59:50", "05:59:50", "", "01:00:20"), 0, (-4, None, -5)),
            (("01:10:00", "", "01:10:05", "01:20:05"), 600, (-4, -4, -4)),
            (("", "", "", "01:20:05"), 600, (None, None, -4)),
        ],
    )
    def test_in_the_hour_that_is_repeated_fits_the_session_and_the_duration(
        self, texts: tuple[str, ...], seconds: int, offsets: tuple[int | None, ...]
    ) -> None:
        keys = "StartTime", "SessionStart", "AnswerTime", "EndTime"
        form = {key: text and f"2026-11-01 {text}" for key, text in zip(keys, texts, strict=True)}
        found = HangupEvent.from_form({"CallUUID": "c1", "Duration": str(seconds), **form}, zone=NEW_YORK)
        times = found.initiation_time, found.answer_time, found.end_time
        assert tuple(time and time.utcoffset() for time in times) == tuple(
            hours and timedelta(hours=hours) for hours in offsets
        )
        if found.answer_time and found.end_time:
            assert found.end_time - found.answer_time == timedelta(seconds=seconds)

    @pytest.mark.parametrize("seconds", ["999999999999999", "-999999999999999"])
    def test_of_the_end_needs_no_plausible_duration(self, seconds: str) -> None:
        assert event(with_values(Duration=seconds)).end_time == event().end_time

    @pytest.mark.parametrize("year", ["0001", "9999"])
    def test_may_be_of_any_year(self, year: str) -> None:
        time = event(with_values(EndTime=f"{year}-12-31 23:59:59")).end_time
        assert time is not None
        assert time.year == int(year)


class TestAFormIsRefused:
    @pytest.mark.parametrize("name", ["StartApp", "Ring", "hangup", "DialHangup"])
    def test_if_it_is_of_another_event(self, name: str) -> None:
        error = refused(with_values(Event=name, CallUUID=""))
        assert error.fields == ("Event",)
        assert f"Event: expected 'Hangup', got '{name}'" in str(error)

    @pytest.mark.parametrize("form", ["", "CallUUID=", "a=1", b"{}", {}])
    def test_if_it_has_no_call_uuid(self, form: Any) -> None:
        assert refused(form).fields == ("CallUUID",)

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("Duration", "12.5"),
            ("Duration", "9999999999999999999"),
            ("BillDuration", "a minute"),
            ("BillDuration", "1" * 5000),
            ("HangupCauseCode", "4000x"),
            ("BillRate", "0,00850"),
            ("TotalCost", "NaN"),
            ("TotalCost", "1e999999999"),
            ("StartTime", "2026-13-01 00:00:00"),
            ("StartTime", "0001-01-01 00:00:00+05:30"),
            ("AnswerTime", "0000-00-00 00:00:00"),
            ("EndTime", "27.11.2026 21:58"),
            ("SessionStart", "yesterday"),
        ],
    )
    def test_if_a_value_is_damaged(self, key: str, value: str) -> None:
        body = with_values(**{key: value})
        error = refused(body, zone=INDIA)
        assert (error.fields, error.body, error.retryable) == ((key,), body.encode(), False)
        assert len(str(error)) < 300

    def test_with_the_names_of_all_damaged_keys(self) -> None:
        assert refused(with_values(BillRate="x", Duration="y")).fields == ("BillRate", "Duration")

    def test_if_a_key_has_two_values(self) -> None:
        assert refused(BODY + "&CallUUID=c2").fields == ("CallUUID",)
        assert event(BODY + "&BillRate=0.00850").total_rate == Decimal("0.00850")

    def test_if_a_value_is_no_text(self) -> None:
        error = refused([("CallUUID", "c1"), ("Event", object())])
        assert (error.fields, str(error)) == (
            ("Event",),
            "the callback cannot be read: Event: expected a text",
        )

    def test_with_the_form_in_the_error_also_if_it_was_parsed(self) -> None:
        assert refused([("To", "+1 2")]).body == b"To=%2B1+2"

    @pytest.mark.parametrize("options", [{"form": 5}, {"form": BODY, "zone": "Asia/Kolkata"}])
    def test_if_an_argument_is_of_a_wrong_type(self, options: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError):
            HangupEvent.from_form(**options)
