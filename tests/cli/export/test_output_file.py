from __future__ import annotations

import asyncio
import io
import os
import sys
from pathlib import Path

import click
import pytest

from plivo_async.cli.export import output_file
from plivo_async.cli.export.output_file import (
    OutputError,
    ReaderGoneError,
    file_output,
    stdout_output,
)


def test_lines_are_written_without_a_buffer(tmp_path: Path) -> None:
    with file_output(tmp_path / "f") as output:
        output.write(b"a\n")
        output.write(b"b\n")
        assert (tmp_path / "f").read_bytes() == b"a\nb\n"
        assert output.end == 4
        output.sync()


def test_lines_are_appended_to_an_existing_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a\n")
    with file_output(tmp_path / "f") as output:
        assert output.end == 2
        output.write(b"b\n")

    assert (tmp_path / "f").read_bytes() == b"a\nb\n"


def test_two_exports_into_one_file_are_refused(tmp_path: Path) -> None:
    with (
        file_output(tmp_path / "f"),
        pytest.raises(click.ClickException, match="another export is writing to .*f"),
        file_output(tmp_path / "f"),
    ):
        pass


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    match = "cannot write to .*no/f: No such file or directory"
    with pytest.raises(click.ClickException, match=match), file_output(tmp_path / "no" / "f"):
        pass


def test_a_full_device_is_reported() -> None:
    with file_output(Path("/dev/full")) as output:
        assert not output.is_file
        with pytest.raises(OutputError, match="cannot write to /dev/full: No space left on device"):
            output.write(b"a\n")


def test_a_partial_line_on_a_full_disk_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Filling(io.FileIO):
        def write(self, data: object) -> int:
            if os.fstat(self.fileno()).st_size > 6:
                raise OSError(28, "No space left on device")
            return super().write(bytes(data)[:3])  # type: ignore[call-overload]

    monkeypatch.setattr("plivo_async.cli.export.output_file.FileIO", Filling)
    with file_output(tmp_path / "f") as output:
        output.write(b"first\n")
        with pytest.raises(OutputError, match="No space left on device"):
            output.write(b"second\n")

    assert (tmp_path / "f").read_bytes() == b"first\n"


def test_an_error_of_fsync_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with file_output(tmp_path / "f") as output, pytest.raises(OutputError, match="Input/output error"):
        output.sync()


def test_a_pipe_without_a_reader_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with open(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with stdout_output() as output:
            output.write(b"a\n")
            output.sync()
            os.close(reading)
            with pytest.raises(ReaderGoneError, match="stdout: the reader closed the pipe") as caught:
                output.write(b"b\n")

    assert caught.value.exit_code == 141


async def test_a_wait_for_a_full_pipe_does_not_block_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with io.TextIOWrapper(io.BufferedWriter(io.FileIO(writing, "w"))) as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with stdout_output() as output:
            await asyncio.wait_for(output.wait_until_writable(), 30)
            filled = 0
            try:
                while True:
                    filled += os.write(writing, b"x" * 4096)
            except BlockingIOError:
                pass
            waiting = asyncio.create_task(output.wait_until_writable())
            done, _ = await asyncio.wait([waiting], timeout=0.01)
            assert not done
            os.read(reading, filled)
            await asyncio.wait_for(waiting, 30)
    os.close(reading)


async def test_a_file_is_always_writable(tmp_path: Path) -> None:
    with file_output(tmp_path / "f") as output:
        await output.wait_until_writable()


def test_a_stdout_that_is_a_file_is_always_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "f", "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        with stdout_output() as output:
            output.write(b"a\n")
            assert output.fd is None

    assert (tmp_path / "f").read_bytes() == b"a\n"


def test_a_closed_stdout_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(click.ClickException, match="stdout is closed"), stdout_output():
        pass


def test_an_export_that_deletes_its_file_does_not_hand_it_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(b"a\n")
    locked: list[int] = []

    def lock_late(fd: int, path: Path) -> None:
        locked.append(fd)
        if len(locked) == 1:
            path.unlink()
        elif len(locked) == 2:
            path.rename(path.with_name("moved"))
            path.touch()

    monkeypatch.setattr(output_file, "lock", lock_late)
    with file_output(tmp_path / "f") as output:
        output.write(b"b\n")

    assert len(locked) == 3
    assert (tmp_path / "f").read_bytes() == b"b\n"


def test_a_new_file_is_private(tmp_path: Path) -> None:
    with file_output(tmp_path / "f"):
        pass

    assert (tmp_path / "f").stat().st_mode & 0o077 == 0


def test_a_new_file_is_deleted_if_another_one_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException), file_output(tmp_path / "f"):
        raise click.ClickException("no")
    assert not (tmp_path / "f").exists()

    (tmp_path / "f").touch()
    with pytest.raises(click.ClickException), file_output(tmp_path / "f"):
        raise click.ClickException("no")
    assert (tmp_path / "f").exists()


def test_a_file_that_was_deleted_is_reported_at_the_end(tmp_path: Path) -> None:
    with file_output(tmp_path / "f") as output:
        output.write(b"a\n")
        (tmp_path / "f").unlink()
        with pytest.raises(OutputError, match="f was deleted during the export, and its records with it"):
            output.sync()


def test_a_file_that_was_moved_is_reported_at_the_end(tmp_path: Path) -> None:
    with file_output(tmp_path / "f") as output:
        output.write(b"a\n")
        (tmp_path / "f").rename(tmp_path / "f.1")
        for _ in range(2):
            with pytest.raises(OutputError, match="f was moved or replaced .*: its records are in the file"):
                output.sync()
            (tmp_path / "f").write_bytes(b"other")


def test_a_file_that_was_emptied_is_reported_at_the_end(tmp_path: Path) -> None:
    with file_output(tmp_path / "f") as output:
        output.write(b"a\n")
        os.truncate(tmp_path / "f", 0)
        with pytest.raises(OutputError, match="f was cut short during the export, and lost records"):
            output.sync()


def test_lines_of_another_program_survive_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.FileIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("plivo_async.cli.export.output_file.FileIO", Full)
    with file_output(tmp_path / "f") as output:
        (tmp_path / "f").write_bytes(b"theirs\n")
        with pytest.raises(OutputError, match="No space left on device"):
            output.write(b"ours\n")

    assert (tmp_path / "f").read_bytes() == b"theirs\n"


def test_a_folder_that_cannot_be_searched_hides_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    with file_output(tmp_path / "f") as output:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "stat", fail)
            output.check_place()
        (tmp_path / "f").unlink()
        monkeypatch.setattr(Path, "stat", fail)
        with pytest.raises(OutputError, match="f was deleted"):
            output.check_place()


@pytest.mark.parametrize("old", [b"x\n", b"old old\n" * 9])
def test_the_first_line_replaces_the_old_content_before_the_rest_is_removed(
    old: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(old)
    seen: list[bytes] = []
    truncate = os.ftruncate

    def look_and_truncate(fd: int, size: int) -> None:
        seen.append((tmp_path / "f").read_bytes())
        truncate(fd, size)

    monkeypatch.setattr(os, "ftruncate", look_and_truncate)
    with file_output(tmp_path / "f") as output:
        output.begin(b"h\n")
        output.write(b"first\n")
        output.write(b"second\n")

    assert seen == [b"h\nfirst\n\0" + old[9:]]
    assert (tmp_path / "f").read_bytes() == b"h\nfirst\nsecond\n"


@pytest.mark.parametrize("old", [b"x\n", b"old old\n" * 9])
def test_the_old_content_survives_a_disk_that_fills_while_it_is_replaced(
    old: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f").write_bytes(old)
    pwrite, calls = os.pwrite, list[int]()

    def fill(fd: int, data: bytes, at: int) -> int:
        calls.append(at)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return pwrite(fd, data[:3], at)

    monkeypatch.setattr(os, "pwrite", fill)
    with file_output(tmp_path / "f") as output:
        output.begin(b"")
        with pytest.raises(OutputError, match="No space left on device"):
            output.write(b"first\n")
        assert output.keeps_old_content

    assert (tmp_path / "f").read_bytes() == old
