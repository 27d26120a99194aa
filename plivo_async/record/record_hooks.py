"""The JSON form of a whole record: which key is which field, and the hooks for the fields' values."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Container, Mapping
from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import Any, TypeAlias, cast, get_args

import attrs
import cattrs

from plivo_async.record.documented_form import documented_form, documented_utc_time
from plivo_async.record.model import FrozenMapping
from plivo_async.record.record_form import RecordForm
from plivo_async.record.strict_json import check_depth
from plivo_async.record.value_hooks import structure_documented_time, structure_time
from plivo_async.record.value_readers import (
    folded_member,
    member_reader,
    null_refuser,
    utc_time_reader,
    utc_time_writer,
)
from plivo_async.text import message_of, printable, short_repr

# The exceptions by which a hook, the library's or a user's, refuses a value.
REFUSALS = (ValueError, TypeError, ArithmeticError, LookupError, cattrs.BaseValidationError)

_NO_VALUES = FrozenMapping({})
# The name of a field, the hook that reads it, its type, and the function that returns the documented form.
_Step: TypeAlias = tuple[str, Callable[[Any, Any], Any], Any, Callable[[Any], Any]]
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


def structure_factory(form: RecordForm, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    """Return the hook that reads a JSON object; it raises one RecordError for all keys at fault."""
    steps = _steps(form, converter)
    spellings, make, identity = form.spellings, form.kind, form.name

    def structure_record(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError(f"expected an object, got {_short(value)}")
        sent = cast("dict[str, Any]", value)
        known: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        refused: dict[str, str] = {}
        for key, member in sent.items():
            step = steps.get(key) or steps.get(_documented_spelling(key, sent, spellings))
            try:
                if step is None:
                    check_depth(member)
                    extra[key] = member
                elif member is not None:
                    name, hook, kind, _documented = step
                    known[name] = hook(member, kind)
            except REFUSALS as error:
                refused[key] = message_of(error)
        wire_values: Mapping[str, Any] = _NO_VALUES
        is_nameless = identity is not None and not known.get(identity)
        if refused or is_nameless:
            wire_values, reasons = _read_again(refused, sent, steps, form, known=known, extra=extra)
            if is_nameless:
                reasons.setdefault(identity or "", "expected a string that is not empty")
            if reasons:
                raise RecordError(reasons)
        return make(**known, extra=extra, wire_keys=_shared(tuple(sent)), wire_values=wire_values)

    return structure_record


def _read_again(
    refused: dict[str, str],
    sent: dict[str, Any],
    steps: dict[str, _Step],
    form: RecordForm,
    *,
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
        step = steps.get(key) or steps.get(_documented_spelling(key, sent, form.spellings))
        if step is not None and step[0] != form.name:
            name, hook, kind, documented = step
            try:
                if _is_null(member, name, form):
                    wire_values[key] = member
                    continue
                exact = documented(member)
                if exact is not None:
                    known[name] = hook(exact, kind)
                    wire_values[key] = member
                    continue
                if name in form.descriptive:
                    check_depth(member)
                    extra[key] = member
                    continue
            except REFUSALS as error:
                reason = message_of(error)
        reasons[key] = f"{reason}, got {_short(member)}"
    return FrozenMapping(wire_values), reasons


def unstructure_factory(form: RecordForm, converter: cattrs.Converter) -> Callable[[Any], dict[str, Any]]:
    """Return the hook that writes a record as a JSON object: the keys as sent, then what was set since."""
    kinds = field_types(form)
    steps = {key: (name, _writer(form, kinds[name], converter)) for key, name in form.fields.items()}
    documented = {name: documented for name, _, _, documented in _steps(form, converter).values()}
    spellings = form.spellings

    def unstructure_record(record: Any) -> dict[str, Any]:
        wire: dict[str, Any] = {}
        written: set[str] = set()
        extra = record.extra
        for key in record.wire_keys:
            step = steps.get(key) or steps.get(_documented_spelling(key, record.wire_keys, spellings))
            if step is not None:
                name, hook = step
                value = getattr(record, name)
                if value is not None:
                    wire[key] = hook(value)
                    if record.wire_values and key in record.wire_values:
                        wire[key] = _as_sent(wire[key], record.wire_values[key], documented[name])
                elif record.wire_values and _is_null(record.wire_values.get(key), name, form):
                    wire[key] = record.wire_values[key]
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


def _as_sent(written: Any, sent: Any, documented: Callable[[Any], Any]) -> Any:
    """Return the value as it was sent, unless the field was set since."""
    exact = documented(sent)
    return sent if type(exact) is type(written) and exact == written else written


def _is_null(member: Any, name: str, form: RecordForm) -> bool:
    """Whether a text in this field means None."""
    return isinstance(member, str) and member in form.nulls.get(name, ())


def _steps(form: RecordForm, converter: cattrs.Converter) -> dict[str, _Step]:
    kinds = field_types(form)
    steps: dict[str, _Step] = {}
    for key, name in form.fields.items():
        kind = kinds[name]
        hook = converter.get_structure_hook(kind)
        documented: Callable[[Any], Any] = functools.partial(documented_form, kind)
        if kind is datetime and form.is_utc:
            hook, documented = utc_time_reader(hook), documented_utc_time
        elif name in form.folded:
            hook, documented = member_reader(hook, kind), functools.partial(folded_member, kind)
        elif hook is structure_time:
            # In another form a time is read again, so that its text as sent is kept.
            hook = structure_documented_time
        if name in form.nulls:
            hook = null_refuser(hook, form.nulls[name])
        steps[key] = name, hook, kind, documented
    return steps


def _writer(form: RecordForm, kind: Any, converter: cattrs.Converter) -> Callable[[Any], Any]:
    hook = converter.get_unstructure_hook(kind)
    return utc_time_writer(hook) if kind is datetime and form.is_utc else hook


def _shared(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return one tuple for all records with the same keys: Plivo sends a handful of layouts."""
    # Bounded, because the server chooses the keys.
    return _cached(keys) if len("".join(keys)) <= _MAX_LAYOUT_CHARACTERS else keys


@functools.lru_cache(maxsize=_MAX_LAYOUTS)
def _cached(keys: tuple[str, ...]) -> tuple[str, ...]:
    return keys


def field_types(form: RecordForm) -> dict[str, Any]:
    """Return the type of each field without None: null is handled by the hook of the record."""
    attrs.resolve_types(form.kind)
    types = attrs.fields_dict(form.kind)
    return {name: _without_none(types[name].type) for name in form.fields.values()}


def _without_none(kind: Any) -> Any:
    parts = [part for part in get_args(kind) if part is not NoneType] or [kind]
    rest: Any = parts[0]
    for part in parts[1:]:
        rest |= part
    return rest


def _documented_spelling(key: str, keys: Container[str], spellings: Mapping[str, str]) -> str:
    """Return the documented spelling of a key, or the key itself.

    If a record has both spellings, the documented one is the field and the other an extra key.
    """
    documented = spellings.get(key, key)
    return key if documented in keys else documented


def _short(value: Any) -> str:
    return printable(str(value)) if isinstance(value, Decimal) else short_repr(value)
