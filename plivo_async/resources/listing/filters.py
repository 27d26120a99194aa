"""The filters of a list, checked before traffic, because Plivo responds to a wrong one with no rows."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypedDict

from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.record.enums import CallDirection, HangupCause, HangupSource, OpenCode, StirVerification
from plivo_async.resources.call_uuid import check_call_uuid
from plivo_async.text import short_repr

# Returns the text of a value in the query. Its arguments: the name of the parameter, and the value.
Filter: TypeAlias = Callable[[str, Any], str]

_NUMBER = re.compile(r"\+?[0-9]{1,20}")
_SIP_URI = re.compile(r"sips?:[^\s\x00-\x1f]{1,250}", re.IGNORECASE)
_SUBACCOUNT = re.compile(r"SA[A-Z0-9]{18}")
_BOUNDS = ("gt", "gte", "lt", "lte")


@exported
class CallFilters(TypedDict, total=False):
    """The filters of `client.calls.list`, with the names that Plivo gives them.

    A call has to fit all of them. None is the same as no filter. A value that no call can fit raises
    ConfigurationError. https://www.plivo.com/docs/voice/api/call#list-all-calls

    Attributes:
        call_direction: `inbound` or `outbound`.
        from_number: The number of the caller or its first digits, or a SIP URI.
        to_number: The number that was called or its first digits, or a SIP URI.
        bill_duration: Exactly this number of billable seconds, 0 or more.
        bill_duration__gt: More billable seconds than this.
        bill_duration__gte: This number of billable seconds, or more.
        bill_duration__lt: Fewer billable seconds than this.
        bill_duration__lte: This number of billable seconds, or fewer.
        parent_call_uuid: The A leg: a call UUID, as in `calls.get`.
        hangup_cause_code: Why the call ended. An int has to be a documented code; pass `HangupCause(code)`
            for a newer one.
        hangup_source: Which party ended the call: a HangupSource or its text.
        stir_verification: The STIR/SHAKEN verdict on the caller's number: a StirVerification or its text.
        subaccount: The auth id of the subaccount that the call belongs to: `SA` and 18 characters.
    """

    call_direction: CallDirection | str
    from_number: str
    to_number: str
    bill_duration: int
    bill_duration__gt: int
    bill_duration__gte: int
    bill_duration__lt: int
    bill_duration__lte: int
    parent_call_uuid: str | uuid.UUID
    hangup_cause_code: HangupCause | int
    hangup_source: HangupSource | str
    stir_verification: StirVerification | str
    subaccount: str


def one_of(values: Iterable[str]) -> Filter:
    """Return the filter for an enumeration, which Plivo compares exactly."""
    known = tuple(map(str, values))

    def check(name: str, value: Any) -> str:
        if isinstance(value, str) and str.__str__(value) in known:
            return str.__str__(value)
        raise _unfit(name, " or ".join(map(repr, known)), value)

    return check


def whole(least: int = 0) -> Filter:
    """Return the filter for a whole number."""

    def check(name: str, value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**63:
            return str(int(value))
        raise _unfit(name, f"a whole number of at least {least}", value)

    return check


def number(*, plus: bool) -> Filter:
    """Return the filter for a phone number or its first digits, or a SIP URI.

    Args:
        plus: Whether a leading `+` is sent; else it is left out, because nothing fits a number that has one.
    """

    def check(name: str, value: Any) -> str:
        if isinstance(value, str):
            text = str.__str__(value)
            if _NUMBER.fullmatch(text):
                return text if plus else text.removeprefix("+")
            if _SIP_URI.fullmatch(text):
                return text
        raise _unfit(name, "the digits of a number, or its first digits, such as '12025550100'", value)

    return check


def hangup_cause(causes: type[OpenCode], example: int) -> Filter:
    """Return the filter for a hang-up cause; a code that is in no table has to be made one, on purpose."""
    kind = causes.__name__

    def check(name: str, value: Any) -> str:
        # A cause of another table has another meaning.
        if (isinstance(value, int) and not isinstance(value, bool | OpenCode)) or isinstance(value, causes):
            if isinstance(value, causes) or causes(value).is_known:
                return str(int(value))
            rule = f"a code in Plivo's table, such as {example}; for a newer one pass {kind}({value})"
            raise _unfit(name, rule, value)
        raise _unfit(name, f"a {kind} or its code, such as {example}", value)

    return check


def words(name: str, value: Any) -> str:
    """Check a text that is not empty, such as the name of a conference."""
    if isinstance(value, str) and str.__str__(value).isprintable() and value.strip():
        return str.__str__(value)
    raise _unfit(name, "a text without control characters that is not empty", value)


def subaccount(name: str, value: Any) -> str:
    """Check the auth ID of a subaccount."""
    if isinstance(value, str) and _SUBACCOUNT.fullmatch(value):
        return str.__str__(value)
    raise _unfit(name, "an auth ID of 20 characters that begins with SA", value)


def call_uuid(name: str, value: Any) -> str:
    """Check a call UUID."""
    try:
        return check_call_uuid(value)
    except ValueError:
        raise _unfit(name, "a uuid.UUID or 1 to 128 characters of A-Z a-z 0-9 _ -", value) from None


def with_bounds(name: str, check: Filter) -> dict[str, Filter]:
    """Return the filters for a value and for its bounds."""
    return {name: check, **{f"{name}__{bound}": check for bound in _BOUNDS}}


CALL_FILTERS: Mapping[str, Filter] = {
    "call_direction": one_of(CallDirection),
    "from_number": number(plus=True),
    "to_number": number(plus=True),
    **with_bounds("bill_duration", whole()),
    "parent_call_uuid": call_uuid,
    "hangup_cause_code": hangup_cause(HangupCause, 4000),
    "hangup_source": one_of(HangupSource),
    "stir_verification": one_of(StirVerification),
    "subaccount": subaccount,
}

# Parameters of Plivo's that this package sets itself, and what to use for them.
_INSTEAD = {
    "limit": "page_size sets how many records a request returns",
    "offset": "a list reads every page itself",
    "status": "this lists calls that have ended",
    "callback_url": "with it Plivo returns no records",
    "callback_method": "with it Plivo returns no records",
}


def filter_query(filters: Mapping[str, Filter], given: Mapping[str, Any], time_key: str) -> dict[str, str]:
    """Return the query of some filters; one that is None is left out.

    Args:
        filters: Those that the list has.
        given: The values.
        time_key: The parameter of the time, for which there are `since` and `until`.

    Raises:
        ConfigurationError: A value that nothing fits, or a parameter that this package sets itself.
        TypeError: No such filter.
    """
    query: dict[str, str] = {}
    for name, value in given.items():
        check = filters.get(name)
        if check is None:
            hint = "use since and until" if name.partition("__")[0] == time_key else _INSTEAD.get(name)
            if hint is not None:
                raise ConfigurationError(f"{name} is not a filter: {hint}")
            raise TypeError(f"a list has no filter {name}; its filters are {', '.join(filters)}")
        if value is not None:
            query[name] = check(name, value)
    _check_bounds(query)
    return query


def _check_bounds(query: Mapping[str, str]) -> None:
    """Check that the bounds of each value leave something between them."""
    for base in {name.partition("__")[0] for name in query if "__" in name}:
        least, most = 0, 2**63
        for name, text in query.items():
            if name.partition("__")[0] == base:
                value, bound = int(text), name.partition("__")[2]
                if bound in ("", "gt", "gte"):
                    least = max(least, value + (bound == "gt"))
                if bound in ("", "lt", "lte"):
                    most = min(most, value - (bound == "lt"))
        if least > most:
            bounds = ", ".join(f"{name}={text}" for name, text in query.items() if name.startswith(base))
            raise ConfigurationError(f"no {base} fits all of {bounds}")


def _unfit(name: str, rule: str, value: object) -> ConfigurationError:
    return ConfigurationError(f"{name} must be {rule}, not {short_repr(value)}")
