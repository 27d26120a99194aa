"""PageFetcher: sends the request for one page of a list."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Generic, TypeVar

import cattrs
from attrs import field, frozen

from plivo_async.options import Options
from plivo_async.requester import Requester
from plivo_async.resources.listing.page import RowPage, decode_page, read_rows
from plivo_async.resources.listing.reading import PageRequest
from plivo_async.resources.listing.spec import ListSpec

Record = TypeVar("Record")

# An account without records has an empty list.
_NOT_FOUND = "the server has no such list: check base_url and the auth ID"


@frozen(kw_only=True, eq=False)
class PageFetcher(Generic[Record]):
    """Fetches pages of one list.

    Attributes:
        requester: Sends the requests.
        spec: The rules of the list.
        converter: Between JSON and records.
        options: Of each request.
        query: The filters.
    """

    requester: Requester
    spec: ListSpec[Record]
    converter: cattrs.Converter
    options: Options
    query: Mapping[str, str] = field(factory=dict[str, str])

    async def fetch(self, request: PageRequest, lane: object) -> RowPage[Record]:
        """Fetch a page.

        Raises:
            PlivoError: Of the type that fits.
        """
        params = {
            **self.query,
            **request.window.query(self.spec.time_key),
            "limit": str(request.limit),
            "offset": str(request.offset),
        }
        return await self.requester.request(
            "GET",
            self.spec.path,
            self.options,
            lane=lane,
            params=params,
            decode=decode_page,
            not_found=_NOT_FOUND,
            operation=self.spec.operation,
            read=partial(read_rows, self.spec, self.converter),
        )
