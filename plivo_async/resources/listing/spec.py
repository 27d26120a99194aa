"""ListSpec: the rules of one kind of list, so that calls, trunk calls and recordings share the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Generic, TypeVar

import cattrs
from attrs import frozen

from plivo_async.resources.listing.filters import Filter

Record = TypeVar("Record")


@frozen(kw_only=True, eq=False)
class ListSpec(Generic[Record]):
    """The rules of one kind of list.

    Attributes:
        path: The endpoint, relative to the account.
        structure: Reads one row from its value, its JSON for an error, and the converter; raises
            DecodeError.
        filters: The check of each filter, by its name.
        id_key: The key of the row that makes it one of a kind.
        time_key: The parameter of the time.
        longest_window: The longest span of one query.
        default_span: How long before its end a list begins, unless the caller sets one.
        untimed: Filters that bound a list enough: with one of them no times are sent, unless the caller gives
            some.
        kept: How long Plivo keeps the records; None for any time.
        operation: The method of the client that reads it.
    """

    path: str
    structure: Callable[[Any, bytes, cattrs.Converter], Record]
    filters: Mapping[str, Filter]
    id_key: str = "call_uuid"
    time_key: str = "end_time"
    longest_window: timedelta = timedelta(days=30)
    default_span: timedelta = timedelta(days=7)
    untimed: frozenset[str] = frozenset()
    kept: timedelta | None = timedelta(days=90)
    operation: str = "request"
