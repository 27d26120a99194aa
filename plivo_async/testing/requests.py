"""The requests to a fake Plivo: read from an ASGI scope, and recorded for a test."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from attrs import define, field, frozen

from plivo_async.exported import exported

Scope = MutableMapping[str, Any]

_PATH = re.compile(rb"/v1/Account/([A-Za-z0-9_-]+)/Call/([A-Za-z0-9_-]+)/")
# An allow-list, because the report of a failed test shows the request and must not show credentials.
_KEPT_HEADERS = frozenset(
    (
        *(b"accept", b"accept-encoding", b"connection", b"content-length", b"content-type", b"host"),
        *(b"traceparent", b"tracestate", b"user-agent", b"x-request-id"),
    )
)


@define
class Request:
    """A request; `call_uuid` and `path_account` are None if the path is not that of a call."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    path_account: str | None
    call_uuid: str | None
    authorization: bytes | None = field(repr=False)

    @property
    def parameters(self) -> dict[str, list[str]]:
        """The parsed query."""
        return parse_qs(self.query, keep_blank_values=True) if self.query else {}

    def is_by(self, auth_id: str, auth_token: str) -> bool:
        """Whether it has these credentials (RFC 7617), and its path this account, if any."""
        scheme, _, encoded = (self.authorization or b"").partition(b" ")
        if scheme.lower() != b"basic" or self.path_account not in (auth_id, None):
            return False
        try:
            return b64decode(encoded.strip(), validate=True) == f"{auth_id}:{auth_token}".encode("ascii")
        except ValueError:
            return False

    def recorded(self, status: int | None, now: float) -> RecordedRequest:
        """Return the request as it is recorded."""
        return RecordedRequest(
            method=self.method,
            path=self.path,
            query=self.query,
            headers=self.headers,
            call_uuid=self.call_uuid,
            status=status,
            time=now,
        )


@exported
@frozen
class RecordedRequest:
    """A request to a FakePlivo, and the status of its response.

    Attributes:
        method: The method.
        path: The path as sent, without the query.
        query: The query as sent, without the question mark.
        headers: An allow-list of the headers, with lower-case names and without credentials.
        call_uuid: The call; None if the path is not that of a call.
        status: The status of the response; None if the connection was dropped.
        time: When it arrived, in seconds of the fake's clock.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(hash=False)
    call_uuid: str | None
    status: int | None
    time: float


def read_request(scope: Scope) -> Request:
    """Return the request in an ASGI scope of type `http`."""
    authorization: bytes | None = None
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        if name in _KEPT_HEADERS:
            headers[name.decode("latin-1")] = value.decode("latin-1")
        elif name == b"authorization":
            authorization = value
    # `scope["path"]` is decoded, so that %2F in it looks like a slash.
    path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    match = _PATH.fullmatch(path)
    account, call_uuid = (part.decode("ascii") for part in match.groups()) if match else (None, None)
    return Request(
        method=scope["method"],
        path=path.decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        path_account=account,
        call_uuid=call_uuid,
        authorization=authorization,
    )
