"""The part of a response head that h11 may read."""

from __future__ import annotations

import random

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.transport.response_head import MAX_HEAD_BYTES, InvalidHeadError, find_head
from tests.transport.responses import make_response

HEAD = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"


def test_a_whole_head_is_passed_on_without_the_body() -> None:
    assert find_head(bytearray(HEAD + b"body\n\n")) == len(HEAD)


def test_bare_line_feeds_end_a_head_too() -> None:
    assert find_head(bytearray(b"HTTP/1.1 200 OK\n\n\0")) == 17


def test_an_unfinished_head_is_held_back() -> None:
    assert find_head(bytearray(HEAD[:-1])) == 0
    assert find_head(bytearray()) == 0


@pytest.mark.parametrize("start", [b"\x15\x03", b" HTTP/1.1", b"\r\n"])
def test_bytes_that_cannot_start_a_head_are_passed_on_at_once(start: bytes) -> None:
    assert find_head(bytearray(start)) == len(start)


def test_a_head_of_the_maximum_length_is_passed_on() -> None:
    head = HEAD[:-4] + b"y" * (MAX_HEAD_BYTES - len(HEAD)) + b"\r\n\r\n"
    assert find_head(bytearray(head)) == MAX_HEAD_BYTES


@pytest.mark.parametrize("end", [b"\r\n\r\n", b""])
def test_a_longer_head_is_refused(end: bytes) -> None:
    head = HEAD[:-4] + b"y" * (MAX_HEAD_BYTES - len(HEAD) + 1 + 4 - len(end)) + end
    with pytest.raises(InvalidHeadError, match="longer than 16384 bytes"):
        find_head(bytearray(head))


@pytest.mark.parametrize("character", [b"\0", b"\x0b", b"\x0c", b"\ra"])
def test_a_character_that_makes_h11_slow_is_refused(character: bytes) -> None:
    with pytest.raises(InvalidHeadError, match="illegal character"):
        find_head(bytearray(b"HTTP/1.1 200 OK\r\nX:" + b" " * 9000 + character))


@given(st.randoms(use_true_random=False))
def test_h11_refuses_every_head_that_is_refused_here(chance: random.Random) -> None:
    data = bytearray(make_response(chance))
    try:
        find_head(data)
    except InvalidHeadError:
        connection = h11.Connection(h11.CLIENT)
        connection.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
        connection.receive_data(bytes(data) + b"\r\n\r\n")
        with pytest.raises(h11.RemoteProtocolError):
            connection.next_event()
