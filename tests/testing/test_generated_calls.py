"""Generated calls: repeatable and plausible, their records not held."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from plivo_async import CallDetailRecord, ConfigurationError, HangupCause
from plivo_async.testing import FakePlivo, GeneratedCalls
from plivo_async.testing.documented import DOCUMENTED_CALL
from tests.testing.asking import ask

_SAMPLE = 3000


def wire(calls: GeneratedCalls) -> list[dict[str, Any]]:
    return [record for call_uuid in calls.call_uuids if (record := calls.record(call_uuid)) is not None]


def read(calls: GeneratedCalls) -> list[CallDetailRecord]:
    return [CallDetailRecord.from_json(json.dumps(record)) for record in wire(calls)]


@pytest.fixture(scope="module")
def records() -> list[CallDetailRecord]:
    return read(GeneratedCalls(_SAMPLE, seed=1))


def test_the_same_seed_gives_the_same_calls() -> None:
    assert wire(GeneratedCalls(20, seed=5)) == wire(GeneratedCalls(20, seed=5))


def test_these_are_the_first_calls_of_seed_0_on_every_machine() -> None:
    calls = GeneratedCalls(2)

    assert list(calls.call_uuids) == [
        "6e406b45-f523-4166-81d1-000000000000",
        "4d5e83bd-beb3-4ce8-8d0b-000000000001",
    ]
    assert calls.record(calls.call_uuids[0]) == {
        "answer_time": "2025-04-01 05:24:10+05:30",
        "api_id": "2a63c6f6-f85b-4bd4-8aca-0242ac110005",
        "bill_duration": 349,
        "billed_duration": 360,
        "call_direction": "outbound",
        "call_duration": 349,
        "call_state": "ANSWER",
        "call_uuid": "6e406b45-f523-4166-81d1-000000000000",
        "conference_uuid": None,
        "end_time": "2025-04-01 05:29:59+05:30",
        "from_number": "+12025550145",
        "hangup_cause_code": 4000,
        "hangup_cause_name": "Normal Hangup",
        "hangup_source": "Callee",
        "initiation_time": "2025-04-01 05:24:00+05:30",
        "parent_call_uuid": None,
        "resource_uri": "/v1/Account/MA2025RK4E639VJFZAGV/Call/6e406b45-f523-4166-81d1-000000000000/",
        "stir_verification": "Not Applicable",
        "to_number": "+442079460621",
        "total_amount": "0.21420",
        "total_rate": "0.03570",
        "Stir_attestation": "B",
        "voice_network_group": "",
        "source_ip": "203.0.113.7",
        "cnam_lookup": "disabled",
    }


def test_another_seed_gives_other_calls() -> None:
    assert set(GeneratedCalls(100, seed=1).call_uuids).isdisjoint(GeneratedCalls(100, seed=2).call_uuids)


def test_a_larger_size_only_adds_calls() -> None:
    assert wire(GeneratedCalls(60, seed=9))[:20] == wire(GeneratedCalls(20, seed=9))


def test_every_call_has_a_record_of_its_own() -> None:
    calls = GeneratedCalls(_SAMPLE)

    assert [record["call_uuid"] for record in wire(calls)] == list(calls.call_uuids)
    assert len(set(calls.call_uuids)) == _SAMPLE


def test_a_call_uuid_looks_like_a_uuid_of_version_4() -> None:
    for call_uuid in GeneratedCalls(50).call_uuids:
        assert [len(part) for part in call_uuid.split("-")] == [8, 4, 4, 4, 12]
        assert (call_uuid[14], call_uuid[19]) == ("4", "8")


@pytest.mark.parametrize(
    "stranger",
    [
        "",
        "x",
        DOCUMENTED_CALL["call_uuid"],
        GeneratedCalls(11).call_uuids[10],
        GeneratedCalls(1, seed=1).call_uuids[0],
        GeneratedCalls(1).call_uuids[0].upper() + "0",
        GeneratedCalls(1).call_uuids[0][:24] + "-00000000001",
        GeneratedCalls(1).call_uuids[0][:24] + "zzzzzzzzzzzz",
    ],
)
def test_another_call_has_no_record(stranger: str) -> None:
    assert GeneratedCalls(10).record(stranger) is None


@pytest.mark.parametrize(("size", "seed"), [(-1, 0), (True, 0), (1.5, 0), (1, -1), (1, "x")])
def test_an_invalid_size_or_seed_is_refused(size: Any, seed: Any) -> None:
    with pytest.raises(ConfigurationError):
        GeneratedCalls(size, seed)


_SPAN: Any = {
    "since": datetime(2026, 11, 1, tzinfo=UTC),
    "until": datetime(2026, 11, 28, tzinfo=UTC),
}


def test_in_a_span_the_calls_are_the_same_at_other_times() -> None:
    calls, fixed = GeneratedCalls(200, **_SPAN), GeneratedCalls(200)
    moved = [calls.record(call_uuid) or {} for call_uuid in calls.call_uuids]
    times = {"initiation_time", "answer_time", "end_time"}

    assert calls.call_uuids == fixed.call_uuids
    for record in moved:
        if record["parent_call_uuid"] is None:
            unmoved = fixed.record(record["call_uuid"]) or {}
            assert all(record[key] == unmoved[key] for key in record.keys() - times)
    ends = [datetime.fromisoformat(record["end_time"]) for record in moved]
    assert ends == sorted(ends, reverse=True)
    assert _SPAN["since"] <= ends[-1] < _SPAN["since"] + timedelta(hours=6)
    assert _SPAN["until"] - timedelta(hours=6) < ends[0] < _SPAN["until"]


@pytest.mark.parametrize("size", [1, 7, 500, 20_000])
def test_in_a_span_of_any_density_every_call_lasts_and_the_newest_is_first(size: int) -> None:
    calls = GeneratedCalls(size, since=_SPAN["until"] - timedelta(hours=1), until=_SPAN["until"])
    ends = list(map(calls.ended, range(size)))

    assert ends == sorted(ends, reverse=True)
    for call_uuid in calls.call_uuids[:500]:
        record = CallDetailRecord.from_json(json.dumps(calls.record(call_uuid)))
        assert record.ring_time is not None
        assert record.ring_time > timedelta(0)
        assert (record.call_duration or 0) >= 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": _SPAN["since"]},
        {"until": _SPAN["until"]},
        _SPAN | {"since": datetime(2026, 11, 1)},
        _SPAN | {"until": datetime(2026, 11, 28)},
        {"since": _SPAN["until"], "until": _SPAN["until"]},
        {"since": _SPAN["until"], "until": _SPAN["since"]},
    ],
)
def test_a_span_needs_two_aware_times_a_second_apart(wrong: Any) -> None:
    with pytest.raises(ConfigurationError):
        GeneratedCalls(3, **wrong)


def test_calls_are_a_value() -> None:
    assert GeneratedCalls(3, seed=1) == GeneratedCalls(3, seed=1)
    assert repr(GeneratedCalls(3)) == (
        "GeneratedCalls(size=3, seed=0, auth_id='MA2025RK4E639VJFZAGV', since=None, until=None)"
    )


def test_a_record_has_the_documented_keys_in_their_order_and_cnam_lookup() -> None:
    calls = GeneratedCalls(1)
    record = calls.record(calls.call_uuids[0])

    assert record is not None
    assert list(record) == [*DOCUMENTED_CALL, "cnam_lookup"]


def test_the_client_reads_every_record_and_loses_nothing(records: list[CallDetailRecord]) -> None:
    calls = GeneratedCalls(_SAMPLE, seed=1)

    assert [record.to_dict() for record in records] == wire(calls)
    assert not any(record.extra for record in records)


def test_every_value_of_an_enumeration_is_documented(records: list[CallDetailRecord]) -> None:
    for record in records:
        assert record.call_direction is not None
        assert record.call_direction.is_known
        assert record.hangup_source is not None
        assert record.hangup_source.is_known
        assert record.hangup_cause_code is not None
        assert record.hangup_cause_code.is_known
        assert record.hangup_cause_name == record.hangup_cause
        assert record.stir_verification is not None
        assert record.stir_verification.is_known
        assert record.stir_attestation is not None
        assert record.stir_attestation.is_known


def test_the_amount_is_rate_times_billed_minutes_rounded_half_up(records: list[CallDetailRecord]) -> None:
    for record in records:
        assert record.total_rate is not None
        assert record.billed_duration is not None
        exact = record.total_rate * record.billed_duration / 60
        assert record.total_amount == exact.quantize(Decimal("0.00001"), ROUND_HALF_UP)
        assert record.total_amount == record.expected_amount


def test_billed_seconds_are_rounded_up_to_an_increment(records: list[CallDetailRecord]) -> None:
    increments: set[int] = set()
    for record in records:
        assert record.bill_duration is not None
        assert record.billed_duration is not None
        fits = [
            increment
            for increment in (1, 15, 60)
            if record.billed_duration == -(-record.bill_duration // increment) * increment
        ]
        assert fits
        increments.add(fits[0])
    assert increments == {1, 15, 60}


def test_an_unanswered_call_has_no_duration_and_no_cost(records: list[CallDetailRecord]) -> None:
    unanswered = [record for record in records if not record.is_answered]

    assert _SAMPLE / 10 < len(unanswered) < _SAMPLE / 2
    for record in unanswered:
        assert (record.call_duration, record.bill_duration, record.billed_duration) == (0, 0, 0)
        assert record.total_amount == 0
        assert record.call_state is None
        assert record.hangup_cause_code not in (HangupCause.NORMAL_HANGUP, None)


def test_times_follow_each_other_and_agree_with_the_duration(records: list[CallDetailRecord]) -> None:
    for record in records:
        assert record.initiation_time is not None
        assert record.end_time is not None
        assert record.initiation_time < record.end_time
        if record.answer_time is not None:
            assert record.initiation_time < record.answer_time
            assert (record.end_time - record.answer_time).total_seconds() == record.call_duration


def test_the_newest_call_comes_first(records: list[CallDetailRecord]) -> None:
    ends = [record.end_time for record in records if record.end_time is not None]

    assert ends == sorted(ends, reverse=True)


def test_a_million_calls_fit_into_the_90_days_that_plivo_keeps() -> None:
    # Calls are spaced evenly: the tenth part of a million shows how many days a million take.
    calls = GeneratedCalls(100_000)
    newest, oldest = (
        CallDetailRecord.from_json(json.dumps(calls.record(calls.call_uuids[i]))) for i in (0, -1)
    )

    assert newest.end_time is not None
    assert oldest.end_time is not None
    assert 30 < 10 * (newest.end_time - oldest.end_time) / timedelta(days=1) < 90


def test_an_account_has_one_zone_and_seeds_have_several() -> None:
    zones = [{record["end_time"][19:] for record in wire(GeneratedCalls(50, seed))} for seed in range(4)]

    assert zones == [{"+05:30"}, {"+00:00"}, {"+04:00"}, {"-07:00"}]


def test_a_b_leg_names_a_parent_that_lasts_longer(records: list[CallDetailRecord]) -> None:
    by_uuid = {record.call_uuid: record for record in records}
    b_legs = [record for record in records if record.is_b_leg]

    assert len(b_legs) == _SAMPLE // 12
    for record in b_legs:
        parent = by_uuid[record.parent_call_uuid or ""]
        assert record.is_outbound
        assert record.is_answered
        assert not parent.is_b_leg
        assert parent.answer_time is not None
        assert parent.end_time is not None
        assert record.initiation_time is not None
        assert record.end_time is not None
        assert parent.answer_time < record.initiation_time
        assert record.end_time <= parent.end_time


def test_calls_are_of_many_kinds(records: list[CallDetailRecord]) -> None:
    causes = Counter(record.hangup_cause_code for record in records)

    assert causes.most_common(1)[0][0] == HangupCause.NORMAL_HANGUP
    assert len(causes) > 12
    assert HangupCause.UNKNOWN in causes
    assert {record.call_direction for record in records} == {"inbound", "outbound"}
    assert {(record.stir_attestation or "").strip() for record in records} == {"", "A", "B", "C"}
    assert any(record.conference_uuid for record in records)
    assert any(record.source_ip for record in records)
    assert any(not record.source_ip for record in records)
    numbers = [record.to_number or "" for record in records]
    assert {number[:1] for number in numbers} == {"+", "1", "4", "s"}


async def test_the_fake_serves_generated_calls_next_to_its_own() -> None:
    fake = FakePlivo(rate_limit=None)
    call_uuids = fake.generate(50, seed=4)

    assert list(fake.call_uuids) == [DOCUMENTED_CALL["call_uuid"], *call_uuids]
    for call_uuid in fake.call_uuids:
        assert (await fake.client().calls.get(call_uuid)).call_uuid == call_uuid


async def test_generated_calls_belong_to_the_account_of_the_fake() -> None:
    fake = FakePlivo([], auth_id="SAMINE")
    (call_uuid,) = fake.generate(1)

    assert (await ask(fake)).json()["resource_uri"] == f"/v1/Account/SAMINE/Call/{call_uuid}/"


async def test_seeds_add_up_and_the_same_seed_replaces_its_calls() -> None:
    fake = FakePlivo([])
    first, second = fake.generate(3, seed=1), fake.generate(4, seed=2)
    assert list(fake.call_uuids) == [*first, *second]
    assert (await ask(fake, call_uuid=second[3])).status_code == 200

    assert list(fake.generate(2, seed=1)) == list(first[:2])
    assert list(fake.call_uuids) == [*first[:2], *second]
    assert (await ask(fake, call_uuid=first[2])).status_code == 404


def test_a_list_of_call_uuids_is_the_callers_own() -> None:
    fake = FakePlivo([])
    fake.generate(3).clear()
    fake.call_uuids.clear()

    assert len(fake.call_uuids) == 3


def test_a_generated_call_takes_the_memory_of_its_call_uuid() -> None:
    tracemalloc.start()
    try:
        calls = GeneratedCalls(20_000, seed=1)
        assert all(calls.record(call_uuid) for call_uuid in calls.call_uuids[::100])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held / 20_000 < 110
