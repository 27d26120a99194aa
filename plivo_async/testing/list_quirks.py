"""How the lists of a fake Plivo deviate from the documentation."""

from __future__ import annotations

from typing import Literal

from attrs import Attribute, field, frozen, validators

from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.validation import positive_number, whole_number


def _check_count(_: object, attribute: Attribute[int], value: int) -> None:
    whole_number(attribute.name, value, least=0)


def _check_difference(_: object, attribute: Attribute[int], value: int) -> None:
    if type(value) is not int:
        raise ConfigurationError(f"{attribute.name} must be a whole number, not {value!r}")


def _check_days(_: object, attribute: Attribute[float | None], value: float | None) -> None:
    if value is not None:
        positive_number(attribute.name, value)


@exported
@frozen(kw_only=True)
class ListQuirks:
    """Deviations of a FakePlivo's lists, each of which was seen in a service or cannot be excluded.

    Args:
        total_count: The form of `meta.total_count`: a "number", "text", "null" or "missing".
        total_count_off_by: A whole number that is added to the count.
        empty_objects: The form of `objects` on a page without rows: a "list", "null" or "missing".
        next: The form of `meta.next` and `meta.previous`: a "path", "null", "missing", a "boolean", or a URL
            on an "other host".
        rows_off_by: How many more rows than `limit` a page has, or fewer if negative. It has at least one.
        repeat_every: Each n-th row of a page is sent twice, which makes the page longer; 0 for none.
        shuffled: The rows are out of order within blocks of this length; 0 for none.
        span_days: The number of days between the bounds, above which the status is 400. None for Plivo's.
        above_20: The effect of a `limit` above 20: a status of 400 ("error"), 20 rows ("clamp"), or all the
            rows ("more").

    Raises:
        ConfigurationError: A number cannot be used.
        ValueError: A form cannot be used.
    """

    total_count: Literal["number", "text", "null", "missing"] = field(
        default="number", validator=validators.in_(("number", "text", "null", "missing"))
    )
    total_count_off_by: int = field(default=0, validator=_check_difference)
    empty_objects: Literal["list", "null", "missing"] = field(
        default="list", validator=validators.in_(("list", "null", "missing"))
    )
    next: Literal["path", "null", "missing", "boolean", "other host"] = field(
        default="path", validator=validators.in_(("path", "null", "missing", "boolean", "other host"))
    )
    rows_off_by: int = field(default=0, validator=_check_difference)
    repeat_every: int = field(default=0, validator=_check_count)
    shuffled: int = field(default=0, validator=_check_count)
    span_days: float | None = field(default=None, validator=_check_days)
    above_20: Literal["error", "clamp", "more"] = field(
        default="error", validator=validators.in_(("error", "clamp", "more"))
    )
