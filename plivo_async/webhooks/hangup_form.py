"""The form of a hang-up callback: which key is which field, and how its text is read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from plivo_async.errors import ConfigurationError, DecodeError
from plivo_async.record.documented_form import documented_form, documented_utc_time
from plivo_async.record.enums import (
    CallDirection,
    HangupCause,
    HangupSource,
    StirAttestation,
    StirVerification,
)
from plivo_async.record.record_hooks import RecordError
from plivo_async.record.value_hooks import check_int
from plivo_async.text import message_of, short_repr
from plivo_async.webhooks.hangup_event import CallStatus, HangupEvent
from plivo_async.webhooks.pairs import Form, NotTextError, Pairs, as_bytes, form_pairs

_NAME = "CallUUID"
_EVENT = "Hangup"


def _whole_number(text: str) -> int:
    return check_int(documented_form(int, text))


def _cause(text: str) -> HangupCause:
    return HangupCause(_whole_number(text))


def _amount(text: str) -> Decimal:
    digits = documented_form(Decimal, text)
    if digits is None:
        raise ValueError("expected a decimal number")
    return Decimal(digits)


def _time(text: str) -> datetime:
    """Return a time: naive, unless it has an offset."""
    aware, naive = documented_form(datetime, text), documented_utc_time(text)
    if naive is None:
        raise ValueError("expected a time, such as '2022-10-12 21:57:47'")
    return datetime.fromisoformat(aware or naive)


def _utc_time(text: str) -> datetime:
    time = _time(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


_Reader = Callable[[str], Any]
# The field of each key, and the function that reads its text.
KEYS: Mapping[str, tuple[str, _Reader]] = {
    _NAME: ("call_uuid", str),
    "RequestUUID": ("request_uuid", str),
    "ALegUUID": ("a_leg_uuid", str),
    "ALegRequestUUID": ("a_leg_request_uuid", str),
    "ParentCallUUID": ("parent_call_uuid", str),
    "ParentAuthID": ("parent_auth_id", str),
    "Event": ("event", str),
    "CallStatus": ("call_status", CallStatus),
    "Direction": ("call_direction", CallDirection),
    "From": ("from_number", str),
    "To": ("to_number", str),
    "ForwardedFrom": ("forwarded_from", str),
    "StartTime": ("initiation_time", _time),
    "AnswerTime": ("answer_time", _time),
    "EndTime": ("end_time", _time),
    "SessionStart": ("session_start", _utc_time),
    "Duration": ("call_duration", _whole_number),
    "BillDuration": ("billed_duration", _whole_number),
    "BillRate": ("total_rate", _amount),
    "TotalCost": ("total_amount", _amount),
    "HangupCauseCode": ("hangup_cause_code", _cause),
    "HangupCauseName": ("hangup_cause_name", str),
    "HangupSource": ("hangup_source", HangupSource),
    "HangupCause": ("freeswitch_cause", str),
    "STIRVerification": ("stir_verification", StirVerification),
    "STIRAttestation": ("stir_attestation", StirAttestation),
}


def read_hangup(form: Form, zone: tzinfo | None) -> HangupEvent:
    """Return the event in a form; see `HangupEvent.from_form`."""
    if zone is not None and not isinstance(zone, tzinfo):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(f"zone must be a tzinfo, such as a ZoneInfo, not {short_repr(zone)}")
    try:
        pairs = form_pairs(form)
    except NotTextError as error:
        message = f"the callback cannot be read: {error}: expected a text"
        raise DecodeError(message, fields=(str(error),)) from None
    sent = _by_key(pairs)
    found: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for key, text in sent.items():
        name, reader = KEYS.get(key, ("", str))
        try:
            if not name:
                extra[key] = text
            elif one := _only(text):
                found[name] = reader(one)
        except ValueError as error:
            reasons[key] = f"{message_of(error)}, got {short_repr(text)}"
    if found.get("event", _EVENT) != _EVENT:
        reasons = {"Event": f"expected '{_EVENT}', got {short_repr(found['event'])}"}
    elif "call_uuid" not in found:
        reasons.setdefault(_NAME, "expected a text that is not empty")
    if reasons:
        body = as_bytes(form) or urlencode(pairs).encode()
        message = f"not the callback of a hang-up that can be read: {RecordError(reasons)}"
        raise DecodeError(message, fields=tuple(reasons), body=body)
    _localize(found, zone)
    return HangupEvent(**found, extra=extra, wire_values=sent)


def _by_key(pairs: Pairs) -> dict[str, Any]:
    """Return the text of each key, or the list of its texts where it is repeated."""
    texts: dict[str, list[str]] = {}
    for key, value in pairs:
        texts.setdefault(key.decode(errors="replace"), []).append(value.decode(errors="replace"))
    return {key: some[0] if len(some) == 1 else some for key, some in texts.items()}


def _only(text: str | list[str]) -> str:
    if isinstance(text, str):
        return text
    if len(set(text)) > 1:
        raise ValueError("expected one value")
    return text[0]


def _localize(found: dict[str, Any], zone: tzinfo | None) -> None:
    """Give the times their zone, in place; without one, remove those without an offset."""
    near: datetime | None = found.get("session_start")
    for name in ("initiation_time", "answer_time", "end_time"):
        time: datetime | None = found.pop(name, None)
        if time is None or (time.tzinfo is None and zone is None):
            continue
        if name == "end_time" and "answer_time" in found and near is not None:
            # A duration of ages is of no help.
            with suppress(OverflowError):
                near += timedelta(seconds=found.get("call_duration", 0))
        found[name] = near = time if time.tzinfo is not None else _aware(time, zone, near)


def _aware(time: datetime, zone: tzinfo | None, near: datetime | None) -> datetime:
    """Return the time in the zone; of two such times the one that is nearer to another, else the first."""
    first, second = (_at_offset(time.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    return first if near is None else min(first, second, key=lambda one: abs(one - near))


def _at_offset(time: datetime) -> datetime:
    # As the times of a record are. Python subtracts two times of one zone as if it had no summer time.
    return time.replace(tzinfo=timezone(time.utcoffset() or timedelta()), fold=0)
