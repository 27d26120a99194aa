"""The JSON form of a whole record: which key is which field, and the hooks for the fields' values."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Container, Mapping
from decimal import Decimal
from types import NoneType
from typing import Any, TypeAlias, cast, get_args

import attrs
import cattrs

from plivo_async.record.documented_form import documented_form
from plivo_async.record.model import CallDetailRecord, FrozenMapping
from plivo_async.record.strict_json import check_depth
from plivo_async.record.value_hooks import structure_documented_time, structure_time
from plivo_async.text import message_of, printable, short_repr

# The exceptions by which a hook, the library's or a user's, refuses a value.
REFUSALS = (ValueError, TypeError, ArithmeticError, LookupError, cattrs.BaseValidationError)

# Other spellings, seen in samples, of documented keys.
_DOCUMENTED_SPELLINGS = {"stir_attestation": "Stir_attestation", "call_status": "call_state"}
# The field of each documented key.
_FIELDS: dict[str, str] = {
    _DOCUMENTED_SPELLINGS.get(name, name): name
    for name in attrs.fields_dict(CallDetailRecord)
    if name not in ("extra", "wire_keys", "wire_values")
}
# Fields that nothing is computed from. A value of an odd type is no reason to lose the record.
_DESCRIPTIVE = frozenset(
    {
        "api_id",
        "call_state",
        "cnam_lookup",
        "hangup_cause_name",
        "hangup_source",
        "resource_uri",
        "source_ip",
        "stir_attestation",
        "stir_verification",
        "voice_network_group",
    }
)
_NO_VALUES = FrozenMapping({})
# The name of a field, the hook that reads it, and its type.
_Step: TypeAlias = tuple[str, Callable[[Any, Any], Any], Any]
_MAX_REASONS = 8
_MAX_LAYOUTS = 128
_MAX_LAYOUT_CHARACTERS = 2048


class RecordError(ValueError):
    """An object is not a record; `reasons` has the reason for each key at fault."""

    def __init__(self, reasons: dict[str, str]) -> None:
        self.reasons = reasons
        parts = [f"{printable(key)}: {reason}" for key, reason in list(reasons.items())[:_MAX_REASONS]]
        if len(reasons) > _MAX_REASONS:
            parts.append(f"and {len(reasons) - _MAX_REASONS} more")
        super().__init__("; ".join(parts))


def structure_factory(_: Any, converter: cattrs.Converter) -> Callable[[Any, Any], CallDetailRecord]:
    """Return the hook that reads a JSON object; it raises one RecordError for all keys at fault."""
    kinds = _field_types()
    steps: dict[str, _Step] = {
        key: (name, _exact_hook(converter.get_structure_hook(kinds[name])), kinds[name])
        for key, name in _FIELDS.items()
    }

    def structure_record(value: Any, _: Any) -> CallDetailRecord:
        if not isinstance(value, dict):
            raise ValueError(f"expected an object, got {_short(value)}")
        sent = cast("dict[str, Any]", value)
        known: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        refused: dict[str, str] = {}
        for key, member in sent.items():
            step = steps.get(key) or steps.get(_documented_spelling(key, sent))
            try:
                if step is None:
                    check_depth(member)
                    extra[key] = member
                elif member is not None:
                    name, hook, kind = step
                    known[name] = hook(member, kind)
            except REFUSALS as error:
                refused[key] = message_of(error)
        wire_values: Mapping[str, Any] = _NO_VALUES
        if refused or not known.get("call_uuid"):
            wire_values, reasons = _read_again(refused, sent, steps, known, extra)
            if not known.get("call_uuid"):
                reasons.setdefault("call_uuid", "expected a string that is not empty")
            if reasons:
                raise RecordError(reasons)
        return CallDetailRecord(**known, extra=extra, wire_keys=_shared(tuple(sent)), wire_values=wire_values)

    return structure_record


def _read_again(
    refused: dict[str, str],
    sent: dict[str, Any],
    steps: dict[str, _Step],
    known: dict[str, Any],
    extra: dict[str, Any],
) -> tuple[FrozenMapping, dict[str, str]]:
    """Read the values that the hooks refused: in their documented form, or as an extra key.

    Returns:
        The values of which the documented form was read, and the reasons for those that cannot be read.
    """
    wire_values: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for key, first_reason in refused.items():
        member, reason = sent[key], first_reason
        step = steps.get(key) or steps.get(_documented_spelling(key, sent))
        if step is not None and step[0] != "call_uuid":
            name, hook, kind = step
            try:
                form = documented_form(kind, member)
                if form is not None:
                    known[name] = hook(form, kind)
                    wire_values[key] = member
                    continue
                if name in _DESCRIPTIVE:
                    check_depth(member)
                    extra[key] = member
                    continue
            except REFUSALS as error:
                reason = message_of(error)
        reasons[key] = f"{reason}, got {_short(member)}"
    return FrozenMapping(wire_values), reasons


def unstructure_factory(_: Any, converter: cattrs.Converter) -> Callable[[CallDetailRecord], dict[str, Any]]:
    """Return the hook that writes a record as a JSON object: the keys as sent, then what was set since."""
    kinds = _field_types()
    steps = {key: (name, converter.get_unstructure_hook(kinds[name])) for key, name in _FIELDS.items()}

    def unstructure_record(record: CallDetailRecord) -> dict[str, Any]:
        wire: dict[str, Any] = {}
        written: set[str] = set()
        extra = record.extra
        for key in record.wire_keys:
            step = steps.get(key) or steps.get(_documented_spelling(key, record.wire_keys))
            if step is not None:
                name, hook = step
                value = getattr(record, name)
                if value is not None:
                    wire[key] = hook(value)
                    if record.wire_values and key in record.wire_values:
                        wire[key] = _as_sent(wire[key], record.wire_values[key], kinds[name])
                else:
                    wire[key] = copy.deepcopy(extra.get(key)) if extra else None
                written.add(name)
            elif key in extra:
                wire[key] = copy.deepcopy(extra[key])
        for key, (name, hook) in steps.items():
            if name not in written and (value := getattr(record, name)) is not None:
                wire[key] = hook(value)
        for key in extra:
            if key not in wire:
                wire[key] = copy.deepcopy(extra[key])
        return wire

    return unstructure_record


def _as_sent(written: Any, sent: Any, kind: Any) -> Any:
    """Return the value as it was sent, unless the field was set since."""
    form = documented_form(kind, sent)
    return sent if type(form) is type(written) and form == written else written


def _exact_hook(hook: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    # In another form a time is read again, so that its text as sent is kept.
    return structure_documented_time if hook is structure_time else hook


def _shared(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return one tuple for all records with the same keys: Plivo sends a handful of layouts."""
    # Bounded, because the server chooses the keys.
    return _cached(keys) if len("".join(keys)) <= _MAX_LAYOUT_CHARACTERS else keys


@functools.lru_cache(maxsize=_MAX_LAYOUTS)
def _cached(keys: tuple[str, ...]) -> tuple[str, ...]:
    return keys


def _field_types() -> dict[str, Any]:
    """Return the type of each field without None: null is handled by the hook of the record."""
    attrs.resolve_types(CallDetailRecord)
    types = attrs.fields_dict(CallDetailRecord)
    return {name: _without_none(types[name].type) for name in _FIELDS.values()}


def _without_none(kind: Any) -> Any:
    parts = [part for part in get_args(kind) if part is not NoneType] or [kind]
    rest: Any = parts[0]
    for part in parts[1:]:
        rest |= part
    return rest


def _documented_spelling(key: str, keys: Container[str]) -> str:
    """Return the documented spelling of a key, or the key itself.

    If a record has both spellings, the documented one is the field and the other an extra key.
    """
    documented = _DOCUMENTED_SPELLINGS.get(key, key)
    return key if documented in keys else documented


def _short(value: Any) -> str:
    return printable(str(value)) if isinstance(value, Decimal) else short_repr(value)
