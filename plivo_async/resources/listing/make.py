"""Builds a list from what a caller asks for, all of it checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import cattrs

from plivo_async.errors import ConfigurationError
from plivo_async.options import Options, RequestOptions
from plivo_async.requester import Requester
from plivo_async.resources.listing.fetcher import PageFetcher
from plivo_async.resources.listing.filters import filter_query
from plivo_async.resources.listing.listing import Listing
from plivo_async.resources.listing.spans import find_span
from plivo_async.resources.listing.spec import ListSpec
from plivo_async.text import short_repr
from plivo_async.validation import instance_of, positive_number, whole_number

Record = TypeVar("Record")

MAX_PAGE_SIZE = 20


def make_listing(
    requester: Requester,
    spec: ListSpec[Record],
    converter: cattrs.Converter,
    options: Options,
    given: Mapping[str, Any],
    *,
    since: object,
    until: object,
    zone: object,
    allow_partial: object,
    patience: float | None,
    page_size: int,
    concurrency: int,
    lane: object = None,
) -> Listing[Record]:
    """Return the list that a caller asks for, its arguments checked; `given` has options and filters.

    Raises:
        ConfigurationError: An argument cannot be used.
        RetentionError: The span begins before what Plivo keeps.
        TypeError: No such filter.
    """
    changes = {name: value for name, value in given.items() if name in RequestOptions.__annotations__}
    filters = {name: value for name, value in given.items() if name not in changes}
    query = filter_query(spec.filters, filters, spec.time_key)
    if whole_number("page_size", page_size, least=1) > MAX_PAGE_SIZE:
        raise ConfigurationError(
            f"page_size must be at most {MAX_PAGE_SIZE}, what Plivo returns for a request, "
            f"not {short_repr(page_size)}"
        )
    span = None
    if since is not None or until is not None or not spec.untimed & query.keys():
        span = find_span(
            since,
            until,
            zone,
            now=datetime.now(UTC),
            default=spec.default_span,
            kept=spec.kept,
            allow_partial=instance_of("allow_partial", allow_partial, bool),
        )
    return Listing(
        PageFetcher(
            requester=requester,
            spec=spec,
            converter=converter,
            options=options.changed(cast("RequestOptions", changes)),
            query=query,
        ),
        span,
        page_size=page_size,
        concurrency=whole_number("concurrency", concurrency, least=1),
        patience=None if patience is None else positive_number("patience", patience),
        lane=lane,
    )
