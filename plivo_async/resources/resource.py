"""Resource: what the resources of an account have in common."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import cattrs

from plivo_async.options import Options, RequestOptions
from plivo_async.requester import Requester
from plivo_async.resources.single_record import RecordSpec, fetch_record

Record = TypeVar("Record")


class Resource:
    """Some endpoints of an account, under the options of a client."""

    def __init__(
        self, requester: Requester, converter: cattrs.Converter, options: Options, lane: object = None
    ) -> None:
        self._requester = requester
        self._converter = converter
        self._options = options
        self._lane = lane

    def _fetch(self, spec: RecordSpec[Record], asked: str, options: RequestOptions) -> Awaitable[Record]:
        """Return the fetch of the record with a name, which has been checked, to be awaited."""
        chosen = self._options.changed(options)
        return fetch_record(self._requester, spec, self._converter, chosen, asked, lane=self._lane)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._requester.account_url}>"
