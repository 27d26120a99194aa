from __future__ import annotations

import copy
import pickle
import re
from enum import Enum
from typing import Any

import pytest

from plivo_async.record.enums import (
    CallDirection,
    HangupCause,
    HangupSource,
    StirAttestation,
    StirVerification,
)

TEXTS = [CallDirection, HangupSource, StirVerification, StirAttestation]
KNOWN: list[Any] = [*(member for vocabulary in TEXTS for member in vocabulary), *HangupCause]
UNKNOWN: list[Any] = [
    *(vocabulary(text) for vocabulary in TEXTS for text in ("new", "caller", "\ud800")),
    *map(HangupCause, (1, -1, 9999, 2**70)),
]
DOCUMENTED_CODES = """
0 1000 1010 1020 2000 2010 2020 2030 2040 2050 2060 2070 3000 3010 3020 3030 3040 3050 3070 3080 3090 3100
3110 3120 3130 3140 4000 4010 4020 4030 5000 5010 5020 5030 6000 6010 6020 7011 7012 7013 7014 7022 7023
7024 7032 7033 7034 8011 8012 8013 8014 9000 9100 9110
"""


class TestEveryValue:
    def test_equals_and_hashes_like_the_plain_value(self) -> None:
        for value in (*KNOWN, *UNKNOWN):
            plain = value.value
            assert type(plain) in (str, int), value
            assert value == plain
            assert {plain: "found"}[value] == "found"

    @pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL])
    def test_pickles(self, protocol: int) -> None:
        for value in (*KNOWN, *UNKNOWN):
            restored = pickle.loads(pickle.dumps(value, protocol))
            assert (type(restored), restored, restored.name, repr(restored)) == (
                type(value),
                value,
                value.name,
                repr(value),
            )

    def test_deep_copies(self) -> None:
        for value in (*KNOWN, *UNKNOWN):
            copied = copy.deepcopy(value)
            assert (type(copied), copied) == (type(value), value)

    def test_is_itself_when_structured_again(self) -> None:
        for value in (*KNOWN, *UNKNOWN):
            assert type(value)(value) is value, value

    def test_prints_as_the_plain_value(self) -> None:
        for value in (*KNOWN, *UNKNOWN):
            assert f"{value}" == str(value) == str(value.value)


def test_every_documented_value_is_known() -> None:
    assert [value for value in KNOWN if not value.is_known] == []


def test_no_undocumented_value_is_known() -> None:
    assert [value for value in UNKNOWN if value.is_known] == []


def test_a_member_name_is_not_a_known_value() -> None:
    assert not CallDirection("INBOUND").is_known


def test_the_repr_of_a_known_text_names_the_member() -> None:
    assert repr(CallDirection.INBOUND) == "<CallDirection.INBOUND: 'inbound'>"


def test_the_repr_of_an_unknown_text_is_marked_unknown() -> None:
    assert repr(CallDirection("sideways")) == "<CallDirection unknown: 'sideways'>"


def test_the_repr_of_a_known_code_names_the_member() -> None:
    assert repr(HangupCause(4000)) == "<HangupCause.NORMAL_HANGUP: 4000>"


def test_the_repr_of_an_unknown_code_is_marked_unknown() -> None:
    assert repr(HangupCause(4001)) == "<HangupCause unknown: 4001>"


@pytest.mark.parametrize("vocabulary", [*TEXTS, HangupCause])
def test_an_unknown_value_is_not_kept_among_the_members(vocabulary: type[Enum]) -> None:
    members = len(vocabulary)
    value = 77 if vocabulary is HangupCause else "new"
    assert vocabulary(value) is not vocabulary(value)
    assert len(vocabulary) == members


@pytest.mark.parametrize("value", [None, 1, b"inbound"])
def test_a_direction_must_be_text(value: Any) -> None:
    with pytest.raises(ValueError, match="CallDirection"):
        CallDirection(value)


@pytest.mark.parametrize("value", [None, "4000", 1.5, True])
def test_a_cause_must_be_an_int(value: Any) -> None:
    with pytest.raises(ValueError, match="HangupCause"):
        HangupCause(value)


def test_an_unknown_value_keeps_its_attributes_apart_from_the_class() -> None:
    assert (HangupSource("new").name, HangupSource("new").value) == ("new", "new")
    assert (HangupCause(77).name, HangupCause(77).value) == ("CODE_77", 77)


def test_every_documented_code_is_a_member() -> None:
    assert [int(cause) for cause in HangupCause] == [int(code) for code in DOCUMENTED_CODES.split()]


def test_each_cause_is_named_after_its_documented_text() -> None:
    for cause in HangupCause:
        assert cause.name == re.sub(r"\W+", "_", cause.description).strip("_").upper()


def test_a_cause_has_the_documented_text() -> None:
    assert HangupCause(1010).description == "Canceled (Out Of Credits)"


def test_an_unknown_code_has_no_text() -> None:
    assert HangupCause(4001).description == ""


def test_an_unattested_call_is_falsy() -> None:
    assert not StirAttestation.NONE
