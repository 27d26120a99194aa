"""The requests to a fake Plivo: read from an ASGI scope, and recorded for a test."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from attrs import define, field, frozen

from plivo_async.exported import exported
from plivo_async.testing.routes import Route, find_route

Scope = MutableMapping[str, Any]

# An allow-list, because the report of a failed test shows the request and must not show credentials.
_KEPT_HEADERS = frozenset(
    (
        *(b"accept", b"accept-encoding", b"connection", b"content-length", b"content-type", b"host"),
        *(b"traceparent", b"tracestate", b"user-agent", b"x-request-id"),
    )
)


@define
class Request:
    """A request, and where it leads."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    parameters: Mapping[str, list[str]]
    route: Route
    authorization: bytes | None = field(repr=False)

    @property
    def call_uuid(self) -> str | None:
        """The call that its path names, if any."""
        return self.route.name if self.route.kind.is_about_one_call else None

    def is_by(self, auth_id: str, auth_token: str) -> bool:
        """Whether it has these credentials (RFC 7617), and its path this account, if any."""
        scheme, _, encoded = (self.authorization or b"").partition(b" ")
        if scheme.lower() != b"basic" or self.route.account not in (auth_id, None):
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
            kind=str(self.route.kind),
        )


@exported
@frozen
class RecordedRequest:
    """A request to a FakePlivo, and the status of its response.

    Attributes:
        method: The HTTP method.
        path: The path as sent, without the query.
        query: The query as sent, without the question mark.
        headers: Some of the headers, with lower-case names and without credentials.
        call_uuid: The call UUID; None if the path is not that of a call.
        status: The status of the response; None if the connection was dropped.
        time: When the request arrived, in seconds of the fake's clock.
        kind: The kind of the request: "call", "call list", "live call", "live call list", "queued call",
            "queued call list", "trunk call", "trunk call list", "insights", "recording", "recording list" or
            "other".
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = field(hash=False)
    call_uuid: str | None
    status: int | None
    time: float
    kind: str = "other"


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
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    path = raw_path.decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    parameters = parse_qs(query, keep_blank_values=True) if query else {}
    return Request(
        method=scope["method"],
        path=path,
        query=query,
        headers=headers,
        parameters=parameters,
        route=find_route(path, parameters["status"][-1] if "status" in parameters else None),
        authorization=authorization,
    )
