"""The rules of Plivo's lists: their filters, default spans and limits. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

Matcher = Callable[[Mapping[str, Any], str], bool]

_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "": operator.eq,
    "__gt": operator.gt,
    "__gte": operator.ge,
    "__lt": operator.lt,
    "__lte": operator.le,
}


def _equal(key: str) -> Matcher:
    return lambda record, value: str(record.get(key)) == value


def _titled(key: str) -> Matcher:
    # The records of trunks have the words in lower case, the filter has not.
    return lambda record, value: str(record.get(key)).title() == value


def _prefix(key: str) -> Matcher:
    return lambda record, value: str(record.get(key)).startswith(value)


def _prefix_without_plus(key: str) -> Matcher:
    # With a plus in the filter nothing matches, though the records have one.
    return lambda record, value: str(record.get(key)).removeprefix("+").startswith(value)


def _account(record: Mapping[str, Any], value: str) -> bool:
    return f"/Account/{value}/" in str(record.get("resource_uri"))


def _numbers(key: str) -> dict[str, Matcher]:
    def comparing(compare: Callable[[int, int], bool]) -> Matcher:
        def matches(record: Mapping[str, Any], value: str) -> bool:
            try:
                return compare(int(str(record.get(key))), int(value))
            except ValueError:
                return False

        return matches

    return {key + suffix: comparing(compare) for suffix, compare in _COMPARISONS.items()}


@frozen(kw_only=True)
class ListRules:
    """The rules of one list.

    Attributes:
        path: The path of the list, relative to the account.
        name: The key of a record's name.
        time: The key of the time by which the list is ordered, and the parameter of its bounds.
        default_days: The days before now that a list without bounds has; None for all.
        span_days: The days that the bounds may be apart.
        kept_days: The days after which a record is gone from the list; None if it stays.
        filters: Whether a record fits a value, by the name of the parameter.
        needs_lower: Whether an upper bound alone is refused.
        is_strict: Whether a parameter that is not a filter is refused.
        whole_with: The filter with which a list without bounds has all records.
    """

    path: str
    name: str = "call_uuid"
    time: str = "end_time"
    default_days: int
    span_days: int
    kept_days: int | None = 90
    filters: Mapping[str, Matcher] = field(hash=False)
    needs_lower: bool = False
    is_strict: bool = False
    whole_with: str | None = None


CALLS = ListRules(
    path="Call/",
    default_days=7,
    span_days=30,
    filters={
        "subaccount": _account,
        "call_direction": _equal("call_direction"),
        "from_number": _prefix("from_number"),
        "to_number": _prefix("to_number"),
        **_numbers("bill_duration"),
        "parent_call_uuid": _equal("parent_call_uuid"),
        "hangup_cause_code": _equal("hangup_cause_code"),
        "hangup_source": _equal("hangup_source"),
        "stir_verification": _equal("stir_verification"),
    },
)
TRUNK_CALLS = ListRules(
    path="Zentrunk/Call/",
    default_days=30,
    span_days=90,
    filters={
        "call_direction": _equal("call_direction"),
        "from_number": _prefix_without_plus("from_number"),
        "to_number": _prefix_without_plus("to_number"),
        **_numbers("bill_duration"),
        "hangup_cause_code": _equal("hangup_cause_code"),
        "hangup_source": _equal("hangup_source"),
        "stir_verification": _titled("stir_verification"),
    },
    needs_lower=True,
    is_strict=True,
)
RECORDINGS = ListRules(
    path="Recording/",
    name="recording_id",
    time="add_time",
    default_days=7,
    span_days=30,
    kept_days=None,
    filters={
        "subaccount": _account,
        "call_uuid": _equal("call_uuid"),
        "from_number": _prefix("from_number"),
        "to_number": _prefix("to_number"),
        "conference_name": _equal("conference_name"),
        "conference_uuid": _equal("conference_uuid"),
        "mpc_name": _equal("mpc_name"),
        "mpc_uuid": _equal("mpc_uuid"),
        **_numbers("recording_storage_duration"),
    },
    whole_with="call_uuid",
)
