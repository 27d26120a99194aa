from __future__ import annotations

import gzip
import pickle
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plivo_async.body as body_module
from plivo_async.body import read_body
from plivo_async.errors import DecodeError, ResponseTooLargeError
from plivo_async.transport import ResponseBody

TEXT = b'{"call_uuid": "abc"}' * 20
LIMIT = 10_000
REQUEST = httpx.Request("GET", "https://api.plivo.com/")
Headers = dict[str, str]


def raw_deflate(data: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-15)
    return compress.compress(data) + compress.flush()


class Chunks(httpx.AsyncByteStream):
    """A body that comes in pieces, and knows how far it was read and that it was closed."""

    def __init__(self, chunks: Iterable[bytes], failure: Exception | None = None) -> None:
        self.chunks = list(chunks)
        self.failure = failure
        self.taken = 0
        self.ended = False
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self.chunks:
                self.taken += 1
                yield chunk
            if self.failure is not None:
                raise self.failure
        finally:
            self.ended = True

    async def aclose(self) -> None:
        self.closed = True


class Received(ResponseBody):
    """A body of the pool that is here in whole."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.chunks = Chunks([content])
        self.was_taken = False

    def take(self, limit: int) -> bytes | None:
        self.was_taken = len(self.content) <= limit
        return self.content if self.was_taken else None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self.chunks)

    async def aclose(self) -> None:
        await self.chunks.aclose()


def response(body: Chunks | bytes, headers: Headers | None = None, status: int = 200) -> httpx.Response:
    stream = body if isinstance(body, Chunks) else Chunks([body])
    return httpx.Response(status, headers=headers, stream=stream, request=REQUEST, extensions={"x": 1})


def split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


class TestPlain:
    @given(st.lists(st.binary(max_size=100), max_size=20))
    async def test_is_read_whole(self, chunks: list[bytes]) -> None:
        body = Chunks(chunks)
        read = await read_body(response(body), LIMIT)
        assert read.content == b"".join(chunks)
        assert body.closed

    async def test_keeps_status_headers_and_extensions(self) -> None:
        read = await read_body(response(b"x", {"Server": "nginx", "X-A": "b"}, status=404), LIMIT)
        assert (read.status_code, read.headers["server"], read.headers["x-a"]) == (404, "nginx", "b")
        assert read.request is REQUEST
        assert read.extensions == {"x": 1}

    async def test_may_be_as_large_as_the_limit(self) -> None:
        read = await read_body(response(Chunks([b"x" * 5000, b"x" * 5000])), LIMIT)
        assert len(read.content) == LIMIT

    async def test_is_read_no_further_than_the_limit(self) -> None:
        body = Chunks([b"x" * 4000] * 100)
        with pytest.raises(ResponseTooLargeError, match="HTTP 500: the body is longer than max_body=10000"):
            await read_body(response(body, status=500), LIMIT)
        assert (body.taken, body.ended, body.closed) == (3, True, True)

    async def test_is_not_read_where_it_declares_to_be_larger(self) -> None:
        body = Chunks([b"x"])
        with pytest.raises(ResponseTooLargeError, match="declares 10001 bytes") as caught:
            await read_body(response(body, {"Content-Length": "10001", "Server": "nginx"}), LIMIT, attempts=2)
        assert (body.taken, body.closed) == (0, True)
        assert (caught.value.status, caught.value.attempts) == (200, 2)
        assert caught.value.headers["server"] == "nginx"

    async def test_of_a_head_request_is_none_whatever_it_declares(self) -> None:
        headers = {"Content-Length": "10001", "Content-Encoding": "gzip"}
        asked = httpx.Request("HEAD", REQUEST.url)
        answer = httpx.Response(200, headers=headers, stream=Chunks([]), request=asked)
        assert (await read_body(answer, LIMIT)).content == b""

    @pytest.mark.parametrize("length", ["9" * 5000, "10" * 30])
    async def test_may_declare_any_number(self, length: str) -> None:
        with pytest.raises(ResponseTooLargeError, match="declares"):
            await read_body(response(b"x", {"Content-Length": length}), LIMIT)

    @pytest.mark.parametrize("length", ["", "x", "-5", "1e9", "10000"])
    async def test_may_declare_nonsense(self, length: str) -> None:
        assert (await read_body(response(b"x", {"Content-Length": length}), LIMIT)).content == b"x"

    async def test_failure_passes_and_the_connection_is_given_back(self) -> None:
        body = Chunks([b"x"], httpx.ReadError("reset"))
        with pytest.raises(httpx.ReadError, match="reset"):
            await read_body(response(body), LIMIT)
        assert (body.ended, body.closed) == (True, True)


class TestReceivedInWhole:
    @pytest.fixture(params=[True, False], ids=["filled in", "read by httpx"], autouse=True)
    def can_fill_in(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(body_module, "_CAN_FILL_IN", request.param)

    def respond(self, received: Received, headers: Headers | None = None) -> httpx.Response:
        return httpx.Response(200, headers=headers, stream=received, request=REQUEST)

    async def test_is_taken_and_looks_as_if_httpx_had_read_it(self) -> None:
        received = Received(TEXT)
        read = await read_body(self.respond(received), LIMIT)
        assert received.was_taken
        assert (read.content, await read.aread(), read.read()) == (TEXT, TEXT, TEXT)
        assert (read.is_closed, read.is_stream_consumed) == (True, True)
        assert [chunk async for chunk in read.aiter_bytes()] == [TEXT]
        assert pickle.loads(pickle.dumps(read)).content == TEXT

    async def test_may_be_empty(self) -> None:
        assert (await read_body(self.respond(Received(b"")), LIMIT)).content == b""

    async def test_is_not_taken_where_it_is_larger_than_the_limit(self) -> None:
        received = Received(TEXT)
        with pytest.raises(ResponseTooLargeError):
            await read_body(self.respond(received), len(TEXT) - 1)
        assert (received.was_taken, received.chunks.closed) == (False, True)

    async def test_is_decompressed_where_it_is_compressed(self) -> None:
        received = Received(gzip.compress(TEXT))
        read = await read_body(self.respond(received, {"CONTENT-Encoding": "gzip"}), LIMIT)
        assert (read.content, received.was_taken) == (TEXT, False)

    async def test_is_not_taken_again_where_a_hook_has_read_it(self) -> None:
        received = Received(TEXT)
        hooked = self.respond(received)
        await hooked.aread()
        assert (await read_body(hooked, LIMIT)).content == TEXT
        assert not received.was_taken


def test_httpx_lets_a_body_be_filled_in() -> None:
    # If this fails, calls still work but take longer: find where httpx keeps the content of a response.
    assert body_module._CAN_FILL_IN


class TestCompressed:
    @pytest.mark.parametrize("size", [1, 7, 100_000])
    @pytest.mark.parametrize(
        ("encoding", "compress"),
        [
            ("gzip", gzip.compress),
            ("x-gzip", gzip.compress),
            (" GZIP ", gzip.compress),
            ("deflate", zlib.compress),
            ("identity", bytes),
            ("", bytes),
        ],
    )
    async def test_is_decompressed(self, encoding: str, compress: Any, size: int) -> None:
        read = await read_body(
            response(Chunks(split(compress(TEXT), size)), {"Content-Encoding": encoding}), LIMIT
        )
        assert read.content == TEXT
        assert "content-encoding" not in read.headers

    async def test_may_be_empty(self) -> None:
        assert (await read_body(response(Chunks([]), {"Content-Encoding": "gzip"}), LIMIT)).content == b""
        assert (
            await read_body(response(gzip.compress(b""), {"Content-Encoding": "gzip"}), LIMIT)
        ).content == b""

    @pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "compress", "x\x7f", "gzip, " * 5])
    async def test_in_a_way_not_asked_for_is_refused(self, encoding: str) -> None:
        body = Chunks([b"x"])
        with pytest.raises(DecodeError, match="was not asked for") as caught:
            await read_body(response(body, {"Content-Encoding": encoding}), LIMIT, attempts=2)
        assert (caught.value.status, caught.value.attempts, body.taken, body.closed) == (200, 2, 0, True)
        assert str(caught.value).isprintable()

    @pytest.mark.parametrize("encoding", ["br", "gzip"])
    async def test_of_an_error_status_may_be_broken_and_the_status_stays(self, encoding: str) -> None:
        body = Chunks([b"no gzip"])
        read = await read_body(response(body, {"Content-Encoding": encoding}, status=503), LIMIT)
        assert (read.status_code, read.content, body.closed) == (503, b"", True)

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"<html>", "incorrect header check"),
            (gzip.compress(TEXT)[:-1], "it is cut short"),
            (gzip.compress(TEXT)[:5], "it is cut short"),
            (gzip.compress(TEXT) + b"x", "bytes after its end"),
            (gzip.compress(TEXT)[:-5] + b"\0\0\0\0\0", "incorrect"),
        ],
        ids=["html", "cut at the end", "cut in the header", "trailing bytes", "wrong checksum"],
    )
    @pytest.mark.parametrize("size", [1, 100_000])
    async def test_wrongly_is_refused(self, body: bytes, reason: str, size: int) -> None:
        with pytest.raises(DecodeError, match=f"HTTP 200: the gzip body cannot be decompressed: .*{reason}"):
            await read_body(response(Chunks(split(body, size)), {"Content-Encoding": "gzip"}), LIMIT)

    @pytest.mark.parametrize("encoding", ["gzip", "x-gzip"])
    @pytest.mark.parametrize("compress", [zlib.compress, raw_deflate])
    async def test_as_deflate_is_no_gzip(self, encoding: str, compress: Callable[[bytes], bytes]) -> None:
        with pytest.raises(DecodeError, match="cannot be decompressed: .*incorrect header check"):
            await read_body(response(compress(TEXT), {"Content-Encoding": encoding}), LIMIT)

    @pytest.mark.parametrize("body", [b"<html>", gzip.compress(TEXT)[:-1]], ids=["html", "cut"])
    async def test_wrongly_may_be_compressed_well_the_next_time(self, body: bytes) -> None:
        with pytest.raises(DecodeError) as caught:
            await read_body(response(body, {"Content-Encoding": "gzip"}), LIMIT)
        assert caught.value.retryable

    async def test_in_a_way_not_asked_for_is_final(self) -> None:
        with pytest.raises(DecodeError) as caught:
            await read_body(response(b"x", {"Content-Encoding": "br"}), LIMIT)
        assert not caught.value.retryable

    async def test_wrongly_is_read_no_further(self) -> None:
        body = Chunks([b"<html>"] * 100)
        with pytest.raises(DecodeError):
            await read_body(response(body, {"Content-Encoding": "gzip"}), LIMIT)
        assert body.taken == 1

    @pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
    @pytest.mark.parametrize("size", [11, 100_000_000])
    async def test_counts_as_large_as_it_decompresses_to(
        self, encoding: str, compress: Any, size: int
    ) -> None:
        body = Chunks(split(compress(b"x" * (LIMIT + 1)), size))
        with pytest.raises(ResponseTooLargeError):
            await read_body(response(body, {"Content-Encoding": encoding}), LIMIT)

    async def test_may_decompress_to_the_limit(self) -> None:
        body = gzip.compress(b"x" * LIMIT)
        assert len((await read_body(response(body, {"Content-Encoding": "gzip"}), LIMIT)).content) == LIMIT

    async def test_counts_as_large_as_it_is_sent_too(self) -> None:
        # Empty blocks decompress to nothing, for ever.
        compress = zlib.compressobj(wbits=31)
        start = compress.compress(b"") + compress.flush(zlib.Z_SYNC_FLUSH)
        body = Chunks([start, *[b"\0\0\0\xff\xff" * 1000] * 100])
        with pytest.raises(ResponseTooLargeError):
            await read_body(response(body, {"Content-Encoding": "gzip"}), LIMIT)
        assert body.taken < 5

    async def test_bomb_costs_little_memory(self) -> None:
        compress = zlib.compressobj(wbits=31)
        megabyte = bytes(1024 * 1024)
        bomb = b"".join(compress.compress(megabyte) for _ in range(192)) + compress.flush()
        tracemalloc.start()
        try:
            with pytest.raises(ResponseTooLargeError):
                await read_body(response(bomb, {"Content-Encoding": "gzip"}), 4 * 1024 * 1024)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 8 * 1024 * 1024

    @given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate"]))
    async def test_whatever_the_bytes_it_ends_typed(self, body: bytes, encoding: str) -> None:
        try:
            read = await read_body(response(body, {"Content-Encoding": encoding}), LIMIT)
        except (DecodeError, ResponseTooLargeError):
            return
        assert body == b"" or zlib.decompress(body, 47) == read.content


class TestReadBefore:
    """An event hook of a borrowed client may have read the body."""

    async def test_is_taken_as_it_is(self) -> None:
        hooked = response(gzip.compress(TEXT), {"Content-Encoding": "gzip"})
        await hooked.aread()
        read = await read_body(hooked, LIMIT)
        assert read.content == TEXT
        assert "content-encoding" not in read.headers

    async def test_is_held_to_the_limit(self) -> None:
        hooked = response(b"x" * (LIMIT + 1))
        await hooked.aread()
        with pytest.raises(ResponseTooLargeError):
            await read_body(hooked, LIMIT)


class Iterator(httpx.AsyncByteStream):
    """A body of a transport that does without generators."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self.chunks:
            raise StopAsyncIteration
        return self.chunks.pop(0)


async def test_a_stream_that_is_no_generator_is_read_too() -> None:
    response = httpx.Response(200, stream=Iterator(TEXT, b"!"), request=REQUEST)
    assert (await read_body(response, LIMIT)).content == TEXT + b"!"
