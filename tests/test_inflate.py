"""Decompression piece by piece."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.inflate import Inflater

TEXT = b'{"call_uuid": "abc"}' * 20
LIMIT = 1_000_000
MEGABYTE = 1024 * 1024


# Without the time of day, which would be in the names of the tests.
gzipped = partial(gzip.compress, mtime=0)


def raw_deflate(data: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-15)
    return compress.compress(data) + compress.flush()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzipped,
    "x-gzip": gzipped,
    "deflate": zlib.compress,
}
SIZES = pytest.mark.parametrize("size", [1, 3, 100_000])


def inflated(codings: list[str], data: bytes, size: int = 100_000, limit: int = LIMIT) -> Inflater:
    inflater = Inflater(codings, limit)
    for at in range(0, len(data), size):
        inflater.feed(data[at : at + size])
    return inflater


class TestABody:
    @SIZES
    @pytest.mark.parametrize(
        ("codings", "data"),
        [
            (["deflate"], raw_deflate(TEXT)),
            (["deflate"], zlib.compress(TEXT)),
            (["deflate"], gzipped(TEXT)),
            (["gzip"], gzipped(TEXT)),
            (["gzip"], gzipped(TEXT) + bytes(100)),
            (["gzip"], gzipped(TEXT[:100]) + gzipped(TEXT[100:])),
            (["gzip"], gzipped(TEXT) + bytes(7) + gzipped(b"") + bytes(7)),
            (["gzip", "deflate"], raw_deflate(gzipped(TEXT))),
            (["deflate", "gzip"], gzipped(zlib.compress(TEXT))),
            (["gzip", "gzip", "gzip"], gzipped(gzipped(gzipped(TEXT)))),
            (["gzip", "gzip"], gzipped(gzipped(TEXT) + bytes(9)) + bytes(9)),
        ],
        ids=[
            "raw deflate",
            "deflate",
            "gzip as deflate",
            "gzip",
            "padded gzip",
            "two members",
            "padding between members",
            "gzip in raw deflate",
            "deflate in gzip",
            "gzip thrice",
            "padded gzip in padded gzip",
        ],
    )
    def test_is_decompressed(self, codings: list[str], data: bytes, size: int) -> None:
        inflater = inflated(codings, data, size)
        assert (bytes(inflater.content), inflater.failure, inflater.is_complete) == (TEXT, "", True)

    @given(
        st.lists(st.sampled_from(sorted(COMPRESS)), min_size=1, max_size=3),
        st.binary(max_size=300),
        st.integers(1, 400),
    )
    def test_is_decompressed_whatever_it_holds(self, codings: list[str], data: bytes, size: int) -> None:
        packed = data
        for coding in codings:
            packed = COMPRESS[coding](packed)
        inflater = inflated(codings, packed, size)
        assert (bytes(inflater.content), inflater.is_complete) == (data, True)

    def test_may_be_larger_than_a_step(self) -> None:
        data = bytes(300_000)
        inflater = inflated(["deflate"], raw_deflate(data))
        assert (len(inflater.content), inflater.is_complete) == (300_000, True)

    def test_that_is_empty_is_complete(self) -> None:
        assert inflated(["gzip", "deflate"], b"").is_complete


class TestAFault:
    @SIZES
    @pytest.mark.parametrize(
        ("codings", "data", "failure"),
        [
            (["gzip"], b"<html></html>", "incorrect header check"),
            (["gzip"], zlib.compress(TEXT), "incorrect header check"),
            (["gzip"], gzipped(TEXT) + b"x", "bytes after its end"),
            (["gzip"], gzipped(TEXT) + b"\0x", "bytes after its end"),
            (["deflate"], zlib.compress(TEXT) + b"x", "bytes after its end"),
            (["gzip", "gzip"], gzipped(TEXT), "incorrect header check"),
            (["deflate"], b"\xff" * 10, "invalid block type"),
        ],
    )
    def test_has_a_reason(self, codings: list[str], data: bytes, failure: str, size: int) -> None:
        inflater = inflated(codings, data, size)
        assert failure in inflater.failure
        assert not inflater.is_complete

    @SIZES
    @pytest.mark.parametrize(
        ("codings", "data"),
        [
            (["gzip"], gzipped(TEXT)[:1]),
            (["gzip"], gzipped(TEXT)[:-1]),
            (["deflate"], zlib.compress(TEXT)[:1]),
            (["deflate"], raw_deflate(TEXT)[:-1]),
            (["gzip"], gzipped(TEXT) + gzipped(TEXT)[:5]),
            (["gzip", "deflate"], zlib.compress(gzipped(TEXT)[:-1])),
        ],
    )
    def test_of_a_body_cut_short_is_that_it_is_not_complete(
        self, codings: list[str], data: bytes, size: int
    ) -> None:
        inflater = inflated(codings, data, size)
        assert (inflater.failure, inflater.is_complete) == ("", False)

    @given(st.lists(st.sampled_from(sorted(COMPRESS)), min_size=1, max_size=3), st.binary(max_size=200))
    def test_whatever_the_bytes_raises_nothing(self, codings: list[str], data: bytes) -> None:
        inflated(codings, data, 7)


class TestABomb:
    @pytest.mark.parametrize("codings", [["gzip"], ["gzip", "gzip"], ["deflate"], ["gzip", "deflate"]])
    def test_stops_a_step_beyond_the_limit(self, codings: list[str]) -> None:
        bomb = bytes(64 * MEGABYTE)
        for coding in codings:
            bomb = COMPRESS[coding](bomb)
        inflater = Inflater(codings, LIMIT)
        tracemalloc.start()
        try:
            inflater.feed(bomb)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert LIMIT < inflater.size <= LIMIT + 64 * 1024
        assert peak < 4 * MEGABYTE

    def test_that_inflates_to_nothing_counts_by_what_it_was_before(self) -> None:
        compress = zlib.compressobj(wbits=31)
        start = compress.compress(b"") + compress.flush(zlib.Z_SYNC_FLUSH)
        empty_blocks = start + b"\0\0\0\xff\xff" * 4_000_000
        inflater = inflated(["gzip", "gzip"], gzipped(empty_blocks, compresslevel=1))
        assert not inflater.content
        assert LIMIT < inflater.size <= LIMIT + 64 * 1024
