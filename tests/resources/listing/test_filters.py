"""The filters of a list: what Plivo would answer with an empty list is refused before traffic."""

from __future__ import annotations

import re
import uuid
from enum import StrEnum
from typing import Any

import pytest

from plivo_async import (
    CallDirection,
    CallFilters,
    ConfigurationError,
    HangupCause,
    HangupSource,
    StirVerification,
)
from plivo_async.resources.listing.filters import CALL_FILTERS, filter_query, number

A_UUID = uuid.UUID(int=7)


def query(**given: Any) -> dict[str, str]:
    return filter_query(CALL_FILTERS, given, "end_time")


class Text(StrEnum):
    NUMBER = "12025550100"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, {}),
        ({"call_direction": "inbound"}, {"call_direction": "inbound"}),
        ({"call_direction": CallDirection.OUTBOUND}, {"call_direction": "outbound"}),
        ({"from_number": "+12025550100"}, {"from_number": "+12025550100"}),
        ({"to_number": "1202"}, {"to_number": "1202"}),
        ({"to_number": Text.NUMBER}, {"to_number": "12025550100"}),
        ({"to_number": "sip:sam@phone.plivo.com"}, {"to_number": "sip:sam@phone.plivo.com"}),
        ({"bill_duration": 0}, {"bill_duration": "0"}),
        (
            {"bill_duration__gt": 59, "bill_duration__lte": 60},
            {"bill_duration__gt": "59", "bill_duration__lte": "60"},
        ),
        ({"bill_duration": 7, "bill_duration__lt": 8}, {"bill_duration": "7", "bill_duration__lt": "8"}),
        ({"parent_call_uuid": A_UUID}, {"parent_call_uuid": str(A_UUID)}),
        ({"hangup_cause_code": HangupCause.NORMAL_HANGUP}, {"hangup_cause_code": "4000"}),
        ({"hangup_cause_code": 3010}, {"hangup_cause_code": "3010"}),
        ({"hangup_cause_code": HangupCause(123)}, {"hangup_cause_code": "123"}),
        ({"hangup_source": HangupSource.API_REQUEST}, {"hangup_source": "API Request"}),
        ({"stir_verification": "Not Verified"}, {"stir_verification": "Not Verified"}),
        ({"stir_verification": StirVerification.VERIFIED}, {"stir_verification": "Verified"}),
        ({"subaccount": "SAXXXXXXXXXXXXXXXXXX"}, {"subaccount": "SAXXXXXXXXXXXXXXXXXX"}),
        ({"call_direction": None, "subaccount": None}, {}),
    ],
    ids=str,
)
def test_a_filter_becomes_text(given: dict[str, Any], sent: dict[str, str]) -> None:
    found = query(**given)
    assert found == sent
    assert {type(text) for text in found.values()} <= {str}


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("call_direction", "Inbound", "'inbound' or 'outbound'"),
        ("call_direction", CallDirection("sideways"), "'inbound' or 'outbound'"),
        ("call_direction", True, "'inbound' or 'outbound'"),
        ("hangup_source", "callee", "'Caller' or 'Callee' or"),
        ("stir_verification", "verified", "'Verified' or 'Not Verified' or 'Not Applicable'"),
        ("from_number", "1-202-555-0100", "the digits of a number"),
        ("from_number", "12025550I00", "the digits of a number"),
        ("from_number", "", "the digits of a number"),
        ("from_number", "+", "the digits of a number"),
        ("to_number", 12025550100, "the digits of a number"),
        ("to_number", " 1202", "the digits of a number"),
        ("to_number", "1202\n", "the digits of a number"),
        ("to_number", "\u0661\u0662", "the digits of a number"),
        ("to_number", "sip:", "the digits of a number"),
        ("to_number", b"1202", "the digits of a number"),
        ("bill_duration", "60", "a whole number of at least 0"),
        ("bill_duration__gte", 1.0, "a whole number of at least 0"),
        ("bill_duration__lt", True, "a whole number of at least 0"),
        ("bill_duration__lte", -1, "a whole number of at least 0"),
        ("bill_duration__gt", 10**400, "a whole number of at least 0"),
        ("parent_call_uuid", "../etc", "a uuid.UUID or 1 to 128 characters"),
        ("parent_call_uuid", 7, "a uuid.UUID or 1 to 128 characters"),
        ("hangup_cause_code", "4000", "a HangupCause or its code"),
        ("hangup_cause_code", False, "a HangupCause or its code"),
        ("hangup_cause_code", 4001, "for a newer one pass HangupCause(4001)"),
        ("subaccount", "MAXXXXXXXXXXXXXXXXXX", "an auth ID of 20 characters that begins with SA"),
        ("subaccount", "SA123", "an auth ID of 20 characters that begins with SA"),
        ("subaccount", None.__class__, "an auth ID of 20 characters that begins with SA"),
    ],
    ids=str,
)
def test_a_wrong_filter_is_refused_with_its_name_value_and_rule(name: str, value: object, rule: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} must be .*{re.escape(rule)}.*, not ") as caught:
        query(**{name: value})
    assert str(caught.value).endswith(("…", repr(value)))


@pytest.mark.parametrize(
    "bounds",
    [
        {"bill_duration__gt": 60, "bill_duration__lt": 30},
        {"bill_duration__gt": 60, "bill_duration__lt": 61},
        {"bill_duration__gte": 60, "bill_duration__lt": 60},
        {"bill_duration": 60, "bill_duration__gt": 60},
    ],
    ids=str,
)
def test_bounds_that_leave_nothing_are_refused(bounds: dict[str, int]) -> None:
    with pytest.raises(ConfigurationError, match="no bill_duration fits all of bill_duration"):
        query(**bounds)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("limit", "page_size sets"),
        ("offset", "a list reads every page itself"),
        ("status", "this lists calls that have ended"),
        ("callback_url", "with it Plivo returns no records"),
        ("end_time", "use since and until"),
        ("end_time__gte", "use since and until"),
    ],
)
def test_a_parameter_that_the_list_sets_itself_is_refused(name: str, hint: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is not a filter: {hint}"):
        query(**{name: 5})


def test_a_filter_that_does_not_exist_is_a_type_error() -> None:
    with pytest.raises(
        TypeError, match="a list has no filter form_number; its filters are call_direction, from"
    ):
        query(form_number="1")


def test_every_filter_is_a_typed_argument() -> None:
    assert CallFilters.__annotations__.keys() == CALL_FILTERS.keys()


def test_a_number_may_be_sent_without_its_plus() -> None:
    assert number(plus=False)("from_number", "+12025550100") == "12025550100"
