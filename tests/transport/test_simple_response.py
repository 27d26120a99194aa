"""The reader of simple responses agrees with h11, or leaves the response to it."""

from __future__ import annotations

import random
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.transport.response_head import MAX_HEAD_BYTES
from plivo_async.transport.simple_response import SimpleResponse, read_simple_response
from tests.faults.fault import Fault
from tests.faults.fault_server import Wire
from tests.faults.fault_table import FAULTS
from tests.faults.responses_on_the_wire import RECORD, chunked
from tests.transport.responses import make_response, read_by_h11

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SIZED = HEAD + b"Content-Length: 7\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BODY = b'{"a":1}'


def agrees_with_h11(data: bytes) -> bool:
    """Return whether the reader accepts it; fail if h11 reads it differently."""
    found = read_simple_response(data)
    if found is None:
        return False
    so_far, whole = read_by_h11([data]), read_by_h11([data, b"x" * found.missing])
    assert so_far is not None
    assert whole is not None
    assert (whole.is_complete, whole.is_reusable) == (True, True), data
    assert so_far.is_complete is (found.missing == 0), data
    assert whole.content == found.content + b"x" * found.missing, data
    read = (found.status_code, found.reason, found.headers, b"1.1", found.content)
    expected = (so_far.status_code, so_far.reason, so_far.headers, so_far.http_version, so_far.content)
    assert read == expected, data
    return True


class Recorder(Wire):
    """Stands in for a connection of the fault server; records the bytes that a fault sends."""

    def __init__(self) -> None:
        super().__init__(MagicMock())
        self.server.clock.tick = self._tick  # type: ignore[method-assign]
        self.transport = MagicMock()
        self.transport.can_write_eof.return_value = False
        self.sent = b""
        self._sends = 0

    async def request(self) -> bytes:
        return b""

    async def send(self, data: bytes) -> None:
        self.sent += data
        self._sends += 1
        self.hung_up = self._sends > 20

    async def _tick(self) -> None:
        # A stall ends; a drip goes on until `send` ends it.
        self.hung_up = self.hung_up or self._sends < 2


class TestAgreement:
    @given(st.randoms(use_true_random=False))
    def test_any_response_is_read_as_h11_does_or_left_to_it(self, chance: random.Random) -> None:
        agrees_with_h11(make_response(chance))

    def test_a_good_share_of_generated_responses_is_read(self) -> None:
        chance = random.Random(1)
        read = [agrees_with_h11(make_response(chance)) for _ in range(500)]
        assert 50 < sum(read) < 450

    @pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
    async def test_every_response_of_the_fault_table_is(self, fault: Fault) -> None:
        wire = Recorder()
        await fault.act(wire)
        for end in {*range(0, len(wire.sent), max(1, len(wire.sent) // 200)), len(wire.sent)}:
            agrees_with_h11(wire.sent[:end])


class TestRead:
    def test_a_response_with_a_length(self) -> None:
        headers = [(b"Content-Type", b"application/json"), (b"Content-Length", b"7")]
        assert read_simple_response(SIZED + BODY) == SimpleResponse(200, b"OK", headers, BODY, 0)

    def test_a_response_whose_body_is_still_missing(self) -> None:
        found = read_simple_response(SIZED + BODY[:3])
        assert found is not None
        assert (found.content, found.missing) == (BODY[:3], 4)

    def test_a_response_in_chunks(self) -> None:
        found = read_simple_response(CHUNKED + chunked(BODY, RECORD, b""))
        assert found is not None
        assert (found.content, found.missing) == (BODY + RECORD, 0)

    @pytest.mark.parametrize("status", [b"200 OK", b"299 ", b"404 Not Found", b"503 Busy"])
    def test_any_status_with_a_body(self, status: bytes) -> None:
        assert agrees_with_h11(b"HTTP/1.1 %s\r\nConnection: Keep-Alive\r\ncontent-length: 0\r\n\r\n" % status)


class TestLeftToH11:
    @pytest.mark.parametrize(
        "status_line",
        [
            b"HTTP/1.0 200 OK",
            b"HTTP/1.1 100 Continue",
            b"HTTP/1.1 204 No Content",
            b"HTTP/1.1 304 x",
            b"HTTP/1.1 200",
        ],
    )
    def test_a_status_line_that_changes_the_framing(self, status_line: bytes) -> None:
        assert read_simple_response(status_line + b"\r\nContent-Length: 0\r\n\r\n") is None

    @pytest.mark.parametrize(
        "fields",
        [
            b"",
            b"Content-Length: 7\r\nContent-Length: 7\r\n",
            b"Content-Length: 7\r\nTransfer-Encoding: chunked\r\n",
            b"Content-Length: +7\r\n",
            b"Content-Length: 0000000007\r\n",
            b"Content-Length: 7\r\nConnection: close\r\n",
            b"Content-Length: 7\r\nUpgrade: h2c\r\n",
            b"Content-Length: 7\n",
            b"Content-Length:7\r\n",
            b"Content-Length: 7 \r\n",
            b"Content-Length: 7\r\n X: folded\r\n",
            b"Content-Length: 7\r\nX: \xe9\r\n",
            b"Transfer-Encoding: gzip, chunked\r\n",
            # h11 reports it in lower case.
            b"Transfer-Encoding: Chunked\r\n",
            b"Upgrade: chunked\r\n",
        ],
    )
    def test_headers_that_need_interpretation(self, fields: bytes) -> None:
        assert read_simple_response(HEAD + fields + b"\r\n" + BODY) is None
        assert read_simple_response(HEAD + fields + b"\r\n" + chunked(BODY, b"")) is None

    def test_bytes_behind_the_body(self) -> None:
        assert read_simple_response(SIZED + BODY + b"x") is None

    def test_an_unfinished_head(self) -> None:
        assert read_simple_response(SIZED[:-2]) is None

    def test_a_head_above_the_bound(self) -> None:
        field = b"X: " + b"x" * MAX_HEAD_BYTES + b"\r\n"
        assert read_simple_response(HEAD + field + b"Content-Length: 0\r\n\r\n") is None

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"7\r\n" + BODY,
            chunked(BODY),
            chunked(BODY, b"") + b"x",
            b"7\r\n" + BODY + b"x\r\n0\r\n\r\n",
            b"7;x=y\r\n" + BODY + b"\r\n0\r\n\r\n",
            chunked(BODY) + b"0\r\nX: y\r\n\r\n",
            b"0000007\r\n" + BODY + b"\r\n0\r\n\r\n",
            b"g\r\n\r\n",
            chunked(*[b"x"] * 100, b""),
        ],
    )
    def test_chunks_that_are_incomplete_or_many_or_more_than_data(self, body: bytes) -> None:
        assert read_simple_response(CHUNKED + body) is None
