from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from plivo_async.cli.record_table import RecordTable, record_facts
from plivo_async.record.model import CallDetailRecord

_FIXTURES = Path(__file__).parent.parent / "fixtures"
_DOCUMENTED = CallDetailRecord.from_json((_FIXTURES / "call_documented.json").read_bytes())
_UNANSWERED = CallDetailRecord.from_json((_FIXTURES / "call_2017_unanswered.json").read_bytes())


def record(**sent: Any) -> CallDetailRecord:
    return CallDetailRecord.from_json(json.dumps({"call_uuid": "c", **sent}))


def fact(of: CallDetailRecord, group: str, name: str) -> str | None:
    return dict(record_facts(of).get(group, [])).get(name)


def rendered(of: CallDetailRecord, *, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    Console(file=file, width=width).print(RecordTable(of))
    return raw.getvalue().decode(encoding)


def test_the_documented_record_looks_like_this() -> None:
    assert (
        rendered(_DOCUMENTED)
        == """\
╭────────────────────────────────────────────────────────────────────╮
│ Call      uuid          5607532d-5037-4066-befc-a8b40218dd4f       │
│           direction     outbound                                   │
│           from          +12025551111                               │
│           to            sip:sam9461399937766203278@phone.plivo.com │
│           state         ANSWER                                     │
│ Times     started       2022-10-12 21:57:40+05:30                  │
│           answered      2022-10-12 21:57:47+05:30                  │
│           ended         2022-10-12 21:57:47+05:30                  │
│           rang          7 s                                        │
│           lasted        1 s                                        │
│ Money     billed        1 s                                        │
│           rate          1.00000 per minute                         │
│           amount        0.01667                                    │
│ Hang-up   cause         8011 Invalid Answer XML                    │
│           source        Error                                      │
│ STIR      verified      Not Applicable                             │
│           attestation   A                                          │
│ Network   source IP     92.168.0.1                                 │
╰────────────────────────────────────────────────────────────────────╯
"""
    )


def test_an_unanswered_call_is_shown_as_unanswered() -> None:
    assert fact(_UNANSWERED, "Times", "answered") == "no"


def test_without_an_end_time_the_answer_is_not_shown() -> None:
    assert record_facts(record()) == {"Call": [("uuid", "c")]}


def test_null_and_empty_values_are_omitted() -> None:
    assert record_facts(record(from_number=None, Stir_attestation="", voice_network_group="", new=None)) == {
        "Call": [("uuid", "c")]
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "60 s (0:01:00)"), (3725, "3725 s (1:02:05)"), (-1, "-1 s")],
)
def test_long_durations_are_also_shown_in_hours(seconds: int, text: str) -> None:
    assert fact(record(call_duration=seconds), "Times", "lasted") == text


def test_the_longest_possible_duration_is_shown() -> None:
    assert fact(record(call_duration=2**63 - 1), "Times", "lasted") is not None


def test_a_ring_time_keeps_its_fraction() -> None:
    times = {"initiation_time": "2022-10-12 21:57:40+05:30", "end_time": "2022-10-12 21:57:47.25+05:30"}

    assert fact(record(**times), "Times", "rang") == "7.250 s"


def test_billable_seconds_are_shown_if_they_differ_from_the_duration() -> None:
    assert fact(record(call_duration=42, bill_duration=40), "Money", "billable") == "40 s"


def test_money_shows_every_digit() -> None:
    assert fact(record(total_amount="0.0000000"), "Money", "amount") == "0.0000000"


def test_a_different_spelling_of_a_hang_up_name_is_shown_as_sent() -> None:
    hangup = record(hangup_cause_code=4000, hangup_cause_name="normal_hangup")

    assert record_facts(hangup)["Hang-up"] == [("cause", "4000 Normal Hangup"), ("name", "normal_hangup")]


def test_an_undocumented_hang_up_code_is_shown_with_its_name() -> None:
    hangup = record(hangup_cause_code=4242, hangup_cause_name="Gremlins")

    assert record_facts(hangup)["Hang-up"] == [("cause", "4242 Gremlins")]


def test_a_hang_up_code_alone_is_shown_alone() -> None:
    assert record_facts(record(hangup_cause_code=4242))["Hang-up"] == [("cause", "4242")]


def test_a_hang_up_name_alone_is_shown_alone() -> None:
    assert record_facts(record(hangup_cause_name="Gremlins"))["Hang-up"] == [("cause", "Gremlins")]


def test_a_cnam_lookup_may_be_a_boolean() -> None:
    assert fact(record(cnam_lookup=False), "Network", "CNAM look-up") == "False"


def test_undocumented_keys_are_shown() -> None:
    assert record_facts(record(mood="fine", hops=[1, None]))["Other"] == [
        ("mood", "fine"),
        ("hops", "[1,null]"),
    ]


def test_control_characters_never_reach_the_terminal() -> None:
    text = rendered(record(**{"from_number": "\x1b[31mred\r\x9b", "key\x1b]0;": "\x07"}))

    assert not any(c in text for c in "\x1b\r\x9b\x07")


def test_an_unpaired_surrogate_is_escaped() -> None:
    assert "\\ud800" in rendered(record(from_number="\ud800"))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_characters_outside_the_encoding_are_escaped(encoding: str) -> None:
    assert "\\u263a" in rendered(record(from_number="☺"), encoding=encoding)


def test_at_40_columns_groups_are_headings_and_no_number_is_cut() -> None:
    assert (
        rendered(_DOCUMENTED, width=40)
        == """\
╭──────────────────────────────────────╮
│ Call                                 │
│   uuid          5607532d-5037-4066-b │
│                 efc-a8b40218dd4f     │
│   direction     outbound             │
│   from          +12025551111         │
│   to            sip:sam9461399937766 │
│                 203278@phone.plivo.c │
│                 om                   │
│   state         ANSWER               │
│ Times                                │
│   started       2022-10-12           │
│                 21:57:40+05:30       │
│   answered      2022-10-12           │
│                 21:57:47+05:30       │
│   ended         2022-10-12           │
│                 21:57:47+05:30       │
│   rang          7 s                  │
│   lasted        1 s                  │
│ Money                                │
│   billed        1 s                  │
│   rate          1.00000 per minute   │
│   amount        0.01667              │
│ Hang-up                              │
│   cause         8011 Invalid Answer  │
│                 XML                  │
│   source        Error                │
│ STIR                                 │
│   verified      Not Applicable       │
│   attestation   A                    │
│ Network                              │
│   source IP     92.168.0.1           │
╰──────────────────────────────────────╯
"""
    )


@pytest.mark.parametrize("width", [30, 40, 80])
def test_a_narrow_terminal_loses_no_character_of_the_id(width: int) -> None:
    text = rendered(_DOCUMENTED, width=width)

    assert all(len(line) <= width for line in text.splitlines())
    values = (
        line.strip("│ ").removeprefix("Call").strip().removeprefix("uuid").strip()
        for line in text.splitlines()
    )
    assert "5607532d-5037-4066-befc-a8b40218dd4f" in "".join(values)
