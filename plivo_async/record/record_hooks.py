"""The JSON form of a whole record: which key is which field. Made of the value hooks of one converter."""

from __future__ import annotations

import copy
import reprlib
from collections.abc import Callable
from decimal import Decimal
from types import NoneType
from typing import Any, Generic, TypeAlias, TypeVar, cast, get_args

import attrs
import cattrs

from plivo_async.record.model import CallDetailRecord
from plivo_async.record.strict_json import check_depth
from plivo_async.text import printable

# What a hook, one of a user's included, raises for a value that it does not accept.
REFUSALS = (ValueError, TypeError, ArithmeticError, LookupError, cattrs.BaseValidationError)

# Spellings in samples that are not the documented ones.
_OTHER_SPELLINGS = {"stir_attestation": "Stir_attestation", "call_status": "call_state"}
# The wire key of each field, as documented.
_FIELDS: dict[str, str] = {
    _OTHER_SPELLINGS.get(name, name): name
    for name in attrs.fields_dict(CallDetailRecord)
    if name not in ("extra", "wire_keys")
}
_REASONS_SHOWN = 8
_MAX_PLANS = 128
_MAX_PLAN_KEYS = 64
_MAX_PLAN_CHARACTERS = 2048

Plan = TypeVar("Plan")
Hook: TypeAlias = Callable[[Any, Any], Any]


class RecordError(ValueError):
    """An object is no record; `reasons` says why for each key at fault."""

    def __init__(self, reasons: dict[str, str]) -> None:
        self.reasons = reasons
        parts = [f"{printable(key)}: {reason}" for key, reason in list(reasons.items())[:_REASONS_SHOWN]]
        if len(reasons) > _REASONS_SHOWN:
            parts.append(f"and {len(reasons) - _REASONS_SHOWN} more")
        super().__init__("; ".join(parts))


class _Layouts(Generic[Plan]):
    """Remembers the plan for each layout of keys: Plivo sends a handful of layouts over and over."""

    def __init__(self, make_plan: Callable[[tuple[str, ...]], Plan]) -> None:
        self._make_plan = make_plan
        self._plans: dict[tuple[str, ...], Plan] = {}

    def plan(self, keys: tuple[str, ...]) -> Plan:
        plan = self._plans.get(keys)
        if plan is None:
            plan = self._make_plan(keys)
            # Bounded, because the server chooses the keys.
            if len(keys) <= _MAX_PLAN_KEYS and sum(map(len, keys)) <= _MAX_PLAN_CHARACTERS:
                if len(self._plans) >= _MAX_PLANS:
                    self._plans.clear()
                self._plans[keys] = plan
        return plan


def is_record(kind: Any) -> bool:
    """The predicate under which both factories are registered."""
    return kind is CallDetailRecord


def structure_factory(_: Any, converter: cattrs.Converter) -> Callable[[Any, Any], CallDetailRecord]:
    """The hook that makes a record of a JSON object; it raises RecordError, once, for all keys at fault."""
    hooks = {name: (converter.get_structure_hook(kind), kind) for name, kind in _field_types().items()}

    def make_step(key: str, name: str | None) -> tuple[str, str | None, Hook, Any]:
        hook, kind = hooks[name] if name else (_keep, Any)
        return key, name, hook, kind

    def make_plan(keys: tuple[str, ...]) -> tuple[tuple[str, ...], list[tuple[str, str | None, Hook, Any]]]:
        # The keys as well, so that all records of a layout share one tuple of them.
        return keys, [make_step(key, _field_of(key, keys)) for key in keys]

    layouts = _Layouts(make_plan)

    def structure_record(answer: Any, _: Any) -> CallDetailRecord:
        if not isinstance(answer, dict):
            raise ValueError(f"expected an object, got {_brief(answer)}")
        sent = cast("dict[str, Any]", answer)
        keys, steps = layouts.plan(tuple(sent))
        known: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        reasons: dict[str, str] = {}
        for (key, name, hook, kind), value in zip(steps, sent.values(), strict=True):
            try:
                if name is None:
                    extra[key] = hook(value, kind)
                elif value is not None:
                    known[name] = hook(value, kind)
            except REFUSALS as error:
                reasons[key] = f"{message_of(error)}, got {_brief(value)}"
        if not known.get("call_uuid"):
            reasons.setdefault("call_uuid", "expected a string that is not empty")
        if reasons:
            raise RecordError(reasons)
        return CallDetailRecord(**known, extra=extra, wire_keys=keys)

    return structure_record


def unstructure_factory(_: Any, converter: cattrs.Converter) -> Callable[[CallDetailRecord], dict[str, Any]]:
    """The hook that makes a JSON object of a record: the keys as sent, then what was set since."""
    hooks = {name: converter.get_unstructure_hook(kind) for name, kind in _field_types().items()}

    def make_plan(keys: tuple[str, ...]) -> tuple[list[tuple[str, str | None]], list[tuple[str, str]]]:
        sent = [(key, _field_of(key, keys)) for key in keys]
        names = {name for _, name in sent}
        return sent, [(key, name) for key, name in _FIELDS.items() if name not in names]

    layouts = _Layouts(make_plan)

    def unstructure_record(record: CallDetailRecord) -> dict[str, Any]:
        wire: dict[str, Any] = {}
        sent, rest = layouts.plan(record.wire_keys)
        extra = record.extra
        for key, name in sent:
            if name is not None:
                value = getattr(record, name)
                wire[key] = None if value is None else hooks[name](value)
            elif key in extra:
                wire[key] = copy.deepcopy(extra[key])
        for key, name in rest:
            value = getattr(record, name)
            if value is not None:
                wire[key] = hooks[name](value)
        for key in extra:
            if key not in wire:
                wire[key] = copy.deepcopy(extra[key])
        return wire

    return unstructure_record


def message_of(error: Exception) -> str:
    """The text of a refusal, bounded; its type where it has none."""
    return printable(str(error)) or type(error).__name__


def _field_types() -> dict[str, Any]:
    """The type of each field, None apart: null is the business of the record."""
    attrs.resolve_types(CallDetailRecord)
    types = attrs.fields_dict(CallDetailRecord)
    return {name: _without_none(types[name].type) for name in _FIELDS.values()}


def _without_none(kind: Any) -> Any:
    parts = [part for part in get_args(kind) if part is not NoneType] or [kind]
    rest: Any = parts[0]
    for part in parts[1:]:
        rest |= part
    return rest


def _field_of(key: str, keys: tuple[str, ...]) -> str | None:
    documented = _OTHER_SPELLINGS.get(key, key)
    # With both spellings in one record the documented one is the field, the other an extra key.
    return None if documented != key and documented in keys else _FIELDS.get(documented)


def _keep(value: Any, _: Any) -> Any:
    check_depth(value)
    return value


def _brief(value: Any) -> str:
    return printable(str(value) if isinstance(value, Decimal) else reprlib.repr(value))
