from __future__ import annotations

import json

import pytest

from plivo_async.cli.export.torn_line import is_torn_failure, is_torn_object, is_torn_record, is_torn_row

_OBJECT = json.dumps(
    {"call_uuid": 'ü\\"\n', "a": [1, -2.5e-7, True, False, None, {}], "b": {"c": "", "d": [[]]}}, indent=None
).encode()
_ROW = b'c0,,"a ""quoted"", cell\nof two lines",+1,""'


def test_each_proper_beginning_of_an_object_is_torn() -> None:
    for line in (_OBJECT, _OBJECT.replace(b" ", b"")):
        for cut in range(1, len(line)):
            assert is_torn_object(line[:cut]), line[:cut]
            assert is_torn_object(line[:cut] + b"\0\0"), line[:cut]


@pytest.mark.parametrize(
    "line",
    [
        _OBJECT,
        b"{}",
        b"[",
        b"one line",
        b'{"a": 1, my note',
        b'{"a": 1} and more',
        b'{"a":1}{"a":2',
        b'{"a": tru ',
        b'{"a": "\\x',
        '{"a": "é'.encode(),
        b'{"a": 1\0 ',
        b"\0{",
        b"\xff\xfe",
        b"{'a': 1",
    ],
)
def test_no_other_line_is_a_torn_object(line: bytes) -> None:
    assert not is_torn_object(line)


def test_each_proper_beginning_of_a_failure_is_torn() -> None:
    line = b'{"call_uuid":"a","kind":{"call_uuid":1},"status":null'
    for cut in range(1, len(line) + 1):
        assert is_torn_failure(line[:cut] + b"\0", ("call_uuid", "kind", "status")), line[:cut]


@pytest.mark.parametrize(
    "line",
    [
        b'{"note":"',
        b'{"call_uuid":"a","note":"mine',
        b'{"call_uuid":"a","status":4',
        b'{"call_uuid":"a","kind":"b","c":1',
        b'{"call_uuid": "a',
        b'{"call_uuid" :',
        b"\0\0",
        b'{"b',
        b"[",
    ],
)
def test_an_object_with_other_keys_or_spaces_is_no_torn_failure(line: bytes) -> None:
    assert not is_torn_failure(line, ("call_uuid", "kind"))


def test_each_beginning_of_a_row_is_torn() -> None:
    for cut in range(len(_ROW) + 1):
        assert is_torn_row(_ROW[:cut], 5), _ROW[:cut]
        assert is_torn_row(_ROW[:cut] + b"\0", 5), _ROW[:cut]


@pytest.mark.parametrize(
    "row",
    [
        _ROW + b",one more",
        b"Total: 5 calls",
        b'"quoted id',
        b"a" * 129,
        b'c0,a"b',
        b'c0,"a"b,',
        b"c0,line\n",
    ],
)
def test_nothing_else_is_a_torn_row(row: bytes) -> None:
    assert not is_torn_row(row, 5)


def test_each_proper_beginning_of_a_record_is_torn() -> None:
    line = b'{"api_id":"x y","B":{"any":[":"]},"new":[1,"c"]}'
    for cut in range(1, len(line)):
        assert is_torn_record(line[:cut], ("api_id", "B")), line[:cut]
        assert is_torn_record(line[:cut] + b"\0", ("api_id", "B")), line[:cut]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\0\0",
        b'{"api_id": "x',
        b'{"api_id":1 ',
        b'{"x',
        b'{"api_id":"x","meta":{"',
        b'{"api_id":"x","me',
        b'{"api_id":"x","meta"',
        b'["api_id",',
        b'"api_id',
        b"{1",
        b'{"api_id":"x"}',
    ],
)
def test_nothing_else_is_a_torn_record(line: bytes) -> None:
    assert not is_torn_record(line, ("api_id", "b"))
