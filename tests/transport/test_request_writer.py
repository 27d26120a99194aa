"""What a request line may hold; errors show no header of their requests."""

from __future__ import annotations

import h11
import httpx
import pytest

from plivo_async.secret import Secret
from plivo_async.transport.proxy import parse_proxy
from plivo_async.transport.request_writer import RequestWriter
from tests.faults.leaks import shown_by

PROXY = parse_proxy(Secret("http://u:p@proxy.example"))
TOKEN = "tok3n"


def leaks_of(error: httpx.RequestError) -> list[str]:
    shown = shown_by(error)
    # An exception of httpx has its request.
    for how in [how for how in shown if how.endswith(("pickle", "vars"))]:
        del shown[how]
    return [text for text in shown.values() if TOKEN in text or "Basic " in text]


def request_line(request: httpx.Request, *, forwarded: bool = False) -> bytes:
    writer = RequestWriter(h11.Connection(h11.CLIENT))
    return writer.head(request, PROXY if forwarded else None).split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("url", "direct", "forwarded"),
    [
        ("http://me:secret@h.example/a?b=c#d", b"/a?b=c", b"http://h.example/a?b=c"),
        ("http://me@h.example:8080", b"/", b"http://h.example:8080/"),
        ("http://[::1]:1/a#", b"/a", b"http://[::1]:1/a"),
        ("http://H.example:80/?q=a%40b#@", b"/?q=a%40b", b"http://h.example/?q=a%40b"),
        ("http://bücher.example/ü", b"/%C3%BC", b"http://xn--bcher-kva.example/%C3%BC"),
    ],
)
def test_a_request_line_has_no_user_password_or_fragment(url: str, direct: bytes, forwarded: bytes) -> None:
    request = httpx.Request("GET", url)
    assert request_line(request) == b"GET %s HTTP/1.1" % direct
    assert request_line(request, forwarded=True) == b"GET %s HTTP/1.1" % forwarded


@pytest.mark.parametrize(
    ("method", "target", "direct", "forwarded"),
    [
        ("OPTIONS", b"*", b"*", b"http://h.example"),
        ("GET", b"/a%2fb?c@d", b"/a%2fb?c@d", b"http://h.example/a%2fb?c@d"),
        ("GET", b"https://other.example/@", b"https://other.example/@", b"https://other.example/@"),
        ("CONNECT", b"other.example:443", b"other.example:443", b"other.example:443"),
    ],
)
def test_a_target_replaces_that_of_the_url(
    method: str, target: bytes, direct: bytes, forwarded: bytes
) -> None:
    request = httpx.Request(method, "http://h.example/unused", extensions={"target": target})
    assert request_line(request) == b"%s %s HTTP/1.1" % (method.encode(), direct)
    assert request_line(request, forwarded=True) == b"%s %s HTTP/1.1" % (method.encode(), forwarded)


@pytest.mark.parametrize(
    "target",
    ["/a", 1, b"/a#b", b"http://me:secret@h.example/", b"me@h.example:443", b"/a b", b"/a\r\n", b""],
    ids=repr,
)
@pytest.mark.parametrize("forwarded", [False, True], ids=["direct", "forwarded"])
def test_an_unusable_target_is_refused(target: object, forwarded: bool) -> None:
    request = httpx.Request("GET", "http://h.example/", extensions={"target": target})
    with pytest.raises(httpx.LocalProtocolError) as caught:
        request_line(request, forwarded=forwarded)
    assert "secret" not in str(caught.value)


def test_a_get_with_a_target_is_not_written_as_one_before() -> None:
    machine = h11.Connection(h11.CLIENT)
    writer = RequestWriter(machine)
    plain = httpx.Request("GET", "http://h.example/a")
    writer.without_body(plain, None)

    assert writer.known_get(plain) is not None
    other = httpx.Request("GET", "http://h.example/a", headers=plain.headers, extensions={"target": b"/b"})
    assert writer.known_get(other) is None


def test_a_get_with_a_target_is_not_remembered() -> None:
    writer = RequestWriter(h11.Connection(h11.CLIENT))
    writer.without_body(httpx.Request("GET", "http://h.example/a", extensions={"target": b"/b"}), None)
    assert writer.known_headers is None


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Basic {TOKEN}\n"},
        {"authorization": f"Basic {TOKEN}\"'\x00"},
        {"authorization": TOKEN, "transfer-encoding": "gzip"},
        {"authorization": TOKEN, "content-length": "x"},
        {"authorization": TOKEN, "content-length": "3"},
        {TOKEN + " ": ""},
    ],
    ids=["line feed", "NUL", "transfer coding", "length", "missing body", "name"],
)
def test_an_error_shows_no_header(headers: dict[str, str]) -> None:
    writer = RequestWriter(h11.Connection(h11.CLIENT))
    request = httpx.Request("GET", "http://h.example/", headers=headers)
    # Of this frame: a traceback shows it too.
    del headers
    with pytest.raises(httpx.LocalProtocolError) as caught:
        writer.without_body(request, PROXY)
    assert leaks_of(caught.value) == []
    assert str(caught.value)


def test_a_request_out_of_turn_shows_no_header() -> None:
    writer = RequestWriter(h11.Connection(h11.CLIENT))
    request = httpx.Request("GET", "http://h.example/", headers={"authorization": TOKEN})
    writer.head(request, None)
    with pytest.raises(httpx.LocalProtocolError) as caught:
        writer.head(request, None)
    assert leaks_of(caught.value) == []


class TestTheHeadersOfATrace:
    """They differ from request to request, and h11 writes the others once."""

    def written(self, *traces: list[tuple[bytes, bytes]]) -> list[bytes | None]:
        """What follows a first request on the same connection, without h11; the first trace is its own."""
        writer = RequestWriter(h11.Connection(h11.CLIENT))
        first, *others = (
            httpx.Request(
                "GET", "http://h.example/a", headers=[(b"Host", b"h.example"), (b"X", b"1"), *trace]
            )
            for trace in traces
        )
        writer.without_body(first, None)
        return [writer.known_get(request) for request in others]

    @pytest.mark.parametrize("first", [[], [(b"traceparent", b"00-1-1-01")]])
    def test_they_may_change_appear_and_go(self, first: list[tuple[bytes, bytes]]) -> None:
        trace = [(b"traceparent", b"00-2-2-01"), (b"tracestate", b"a=b"), (b"baggage", b"k=v, l=w")]
        start = b"GET /a HTTP/1.1\r\nHost: h.example\r\nX: 1\r\n"

        assert self.written(first, trace, [], trace[:1]) == [
            start + b"traceparent: 00-2-2-01\r\ntracestate: a=b\r\nbaggage: k=v, l=w\r\n\r\n",
            start + b"\r\n",
            start + b"traceparent: 00-2-2-01\r\n\r\n",
        ]

    def test_the_same_bytes_are_written_by_h11(self) -> None:
        trace = [(b"traceparent", b"00-2-2-01"), (b"tracestate", b"a=b")]
        request = httpx.Request(
            "GET", "http://h.example/a", headers=[(b"Host", b"h.example"), (b"X", b"1"), *trace]
        )

        by_h11 = RequestWriter(h11.Connection(h11.CLIENT)).without_body(request, None)

        assert self.written([], trace) == [by_h11]

    @pytest.mark.parametrize(
        "trace",
        [
            [(b"traceparent", b"00\r\nEvil: 1")],
            [(b"traceparent", b"00\nEvil: 1")],
            [(b"traceparent", b" padded")],
            [(b"traceparent", b"")],
            [(b"tracestate", b"\xe4")],
            [(b"traceparent", b"0"), (b"Y", b"2")],
            [(b"content-length", b"5")],
        ],
    )
    def test_h11_decides_on_any_other(self, trace: list[tuple[bytes, bytes]]) -> None:
        assert self.written([], trace) == [None]
        assert self.written([(b"traceparent", b"0")], trace) == [None]
