from __future__ import annotations

import asyncio
import gzip
import os
import sys
from pathlib import Path

import click
import pytest

from plivo_async.cli.export.id_set import IdSet
from plivo_async.cli.export.id_source import (
    ByteInput,
    IdSource,
    open_input,
)
from plivo_async.cli.inputs.lines import InputError


def source_of(text: bytes, tmp_path: Path, **options: str) -> IdSource:
    path = tmp_path / "ids.txt"
    path.write_bytes(text)
    return IdSource((), [open_input(str(path))], column=options.get("column"), key=options.get("key"))


async def ids_of(source: IdSource) -> list[str]:
    return [call_uuid async for call_uuid in source]


async def test_arguments_come_first_then_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes(b"c\nd\n")
    source = IdSource(["a", "b"], [open_input(str(path))])

    assert source.left == 4
    assert await ids_of(source) == ["a", "b", "c", "d"]
    assert source.left == 0


async def test_inputs_are_read_one_after_the_other(tmp_path: Path) -> None:
    inputs: list[ByteInput] = []
    for name, text in (("one.csv", b"id,x\na,1"), ("two.csv", b"x,id\n1,b\n1,A\n")):
        (tmp_path / name).write_bytes(text)
        inputs.append(open_input(str(tmp_path / name)))
    source = IdSource((), inputs, column="id")

    assert source.left == 5
    assert await ids_of(source) == ["a", "b"]
    assert (source.given, source.duplicates, source.left) == (3, 1, 0)


async def test_a_repeated_id_is_returned_once_and_counted(tmp_path: Path) -> None:
    source = source_of(b"\xef\xbb\xbfa\r\n\r\n  b \r\nA\r\na\r\n", tmp_path)

    assert await ids_of(source) == ["a", "b"]
    assert (source.given, source.blank, source.duplicates, source.pulled) == (4, 1, 2, 2)


async def test_an_id_that_is_already_written_is_skipped_and_counted(tmp_path: Path) -> None:
    written = IdSet()
    written.add("b")
    source = IdSource(["a", "b", "b", "c"], written=written)

    assert await ids_of(source) == ["a", "c"]
    assert (source.skipped, source.duplicates) == (1, 1)


async def test_csv_and_ndjson_are_read(tmp_path: Path) -> None:
    assert await ids_of(source_of(b"x,id\n1,a\n2,b", tmp_path, column="id")) == ["a", "b"]
    assert await ids_of(source_of(b'{"id":"a"}\n{"id":"b"}', tmp_path, key="id")) == ["a", "b"]


async def test_ids_before_an_invalid_line_are_returned(tmp_path: Path) -> None:
    source = source_of(b'{"id":"a"}\n{"id":"b"}\nx\n', tmp_path, key="id")
    given: list[str] = []

    with pytest.raises(InputError, match=r"ids\.txt, line 3: not JSON"):
        async for call_uuid in source:
            given.append(call_uuid)

    assert given == ["a", "b"]


async def test_an_unclosed_quote_at_the_end_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ids\.txt, line 2: the quote"):
        await ids_of(source_of(b'id\n"a\nb\n', tmp_path, column="id"))


async def test_a_large_file_is_read_in_chunks(tmp_path: Path) -> None:
    many = [f"{number:036}" for number in range(10_000)]

    assert await ids_of(source_of("\n".join(many).encode(), tmp_path)) == many


@pytest.mark.parametrize(("text", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2)])
def test_the_lines_of_a_file_are_counted_in_advance(text: bytes, lines: int, tmp_path: Path) -> None:
    assert source_of(text, tmp_path).left == lines


async def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_bytes(b"a\nb\nc\n")
    byte_input = open_input(str(tmp_path / "ids.txt"))
    byte_input.limit = 4
    source = IdSource((), [byte_input])

    assert await ids_of(source) == ["a", "b"]


async def test_stop_ends_the_wait_for_a_silent_pipe() -> None:
    reading, writing = os.pipe()
    source = IdSource((), [ByteInput(reading, "stdin")])
    os.write(writing, b"a\nb")
    assert source.left is None
    assert await asyncio.wait_for(anext(source), 30) == "a"
    waiting = asyncio.create_task(anext(source, "end"))
    done, _ = await asyncio.wait([waiting], timeout=0.01)
    assert not done

    source.stop()

    assert await asyncio.wait_for(waiting, 30) == "end"
    assert await ids_of(source) == []
    os.close(reading)
    os.close(writing)


async def test_a_pipe_is_read_until_it_is_closed() -> None:
    reading, writing = os.pipe()
    source = IdSource((), [ByteInput(reading, "stdin")])
    os.write(writing, b"a\nb")
    os.close(writing)

    assert await asyncio.wait_for(ids_of(source), 30) == ["a", "b"]
    source.stop()
    os.close(reading)


async def test_stop_may_be_called_twice() -> None:
    reading, writing = os.pipe()
    pipe = ByteInput(reading, "stdin")
    waiting = asyncio.create_task(pipe.read())
    await asyncio.sleep(0.01)

    pipe.stop()
    pipe.stop()

    assert await asyncio.wait_for(waiting, 30) == b""
    os.close(reading)
    os.close(writing)


async def test_a_stopped_input_is_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_bytes(b"a\n")
    byte_input = open_input(str(tmp_path / "ids.txt"))
    byte_input.stop()

    assert await byte_input.read() == b""
    os.close(byte_input.fd)


async def test_stop_ends_the_arguments() -> None:
    source = IdSource(["a", "b"])
    assert await anext(source) == "a"
    assert source.left == 1

    source.stop()

    assert await ids_of(source) == []


async def test_many_rows_without_an_id_do_not_hold_up_a_stop(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    source = source_of(b"\n" * 25_000 + b"a\n", tmp_path)

    def stop_soon() -> None:
        if source.blank:
            source.stop()
        else:
            loop.call_soon(stop_soon)

    stop_soon()

    assert await ids_of(source) == []
    assert 0 < source.blank < 25_000
    assert await ids_of(source_of(b"\n" * 25_000 + b"a\n", tmp_path)) == ["a"]


async def test_the_number_of_ids_left_is_unknown_if_rows_are_not_lines(tmp_path: Path) -> None:
    for text in (b'["a", "b"]', gzip.compress(b"a\nb\n"), b"a\rb"):
        source = source_of(text, tmp_path)
        assert await anext(source) == "a"
        assert source.left is None


async def test_a_read_error_is_reported(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "f", os.O_WRONLY | os.O_CREAT)
    source = IdSource((), [ByteInput(fd, "f")])
    assert source.left is None
    with pytest.raises(click.ClickException, match="cannot read f: Bad file descriptor"):
        await anext(source)
    os.close(fd)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match=r"cannot read .*no\.txt: No such file or directory"):
        open_input(str(tmp_path / "no.txt"))


def test_a_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="cannot read .*: it is a folder"):
        open_input(str(tmp_path))


def test_a_closed_stdin_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(click.ClickException, match="stdin is closed"):
        open_input("-")
