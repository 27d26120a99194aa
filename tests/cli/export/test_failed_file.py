from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from plivo_async.cli.export.failed_file import FailedFile, failed_file, failed_line
from plivo_async.cli.inputs.lines import MAX_LINE_BYTES
from plivo_async.cli.inputs.parser import InputParser
from plivo_async.errors import DecodeError, NetworkError, NotFoundError
from plivo_async.options import DEFAULT_MAX_BODY_BYTES
from plivo_async.resources.outcome import Failed


def failure(call_uuid: str) -> Failed:
    return Failed(call_uuid, NotFoundError("HTTP 404: none", status=404, attempts=1))


def ids_in(path: Path) -> list[str]:
    return [json.loads(line)["call_uuid"] for line in path.read_text().splitlines()]


def test_a_line_has_the_details_of_a_failure() -> None:
    assert json.loads(failed_line(failure("a"))) == {
        "call_uuid": "a",
        "kind": "NotFoundError",
        "status": 404,
        "message": "HTTP 404: none",
        "attempts": 1,
        "retryable": False,
    }
    line = json.loads(failed_line(Failed("ü\n", NetworkError("x", attempts=3))))
    assert (line["status"], line["retryable"]) == (None, True)
    assert failed_line(failure("ü\n")).count(b"\n") == 1


def test_a_line_has_the_body_of_a_response_that_is_no_record() -> None:
    body = b'{"call_uuid": "a", "total_amount": "0,5", "x": "\xc3\xbc"}'
    line = failed_line(Failed("a", DecodeError("no", status=200, body=body)))
    assert json.loads(line)["body"].encode() == body
    assert json.loads(failed_line(Failed("a", DecodeError("no", body=b"<\xff"))))["body"] == "<\\xff"
    assert "body" not in json.loads(failed_line(Failed("a", DecodeError("the body is empty"))))
    assert "body" not in json.loads(failed_line(Failed("a", NotFoundError("none", body=b"{}"))))


def test_a_line_with_the_largest_body_can_be_read_as_an_input() -> None:
    line = failed_line(Failed("a", DecodeError("no", body=b"\1" * DEFAULT_MAX_BODY_BYTES)))

    assert len(line) > MAX_LINE_BYTES
    assert list(InputParser("f", key="call_uuid").feed(line)) == ["a"]


def test_there_is_no_file_without_a_failure(tmp_path: Path) -> None:
    with failed_file(tmp_path / "f", resume=False) as file:
        file.settle(lambda _: True)

    assert list(tmp_path.iterdir()) == []


def test_failures_are_appended(tmp_path: Path) -> None:
    with failed_file(tmp_path / "f", resume=False) as file:
        file.write(failure("a"))
        file.write(failure("b"))
        file.settle(lambda _: True)

    assert ids_in(tmp_path / "f") == ["a", "b"]


def test_old_failures_stay_until_a_new_record_or_failure(tmp_path: Path) -> None:
    old = failed_line(failure("old"))
    (tmp_path / "f").write_bytes(old)
    with failed_file(tmp_path / "f", resume=False) as file:
        assert file.before == 0
        file.settle(lambda _: True)
    assert (tmp_path / "f").read_bytes() == old

    with failed_file(tmp_path / "f", resume=False) as file:
        file.write(failure("new"))
        file.forget_replaced()
    assert ids_in(tmp_path / "f") == ["new"]

    with failed_file(tmp_path / "f", resume=False) as file:
        file.forget_replaced()
    assert not (tmp_path / "f").exists()


def test_a_last_line_that_lacks_only_its_newline_is_kept(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(failed_line(failure("a")) + failed_line(failure("b")).rstrip())
    with failed_file(tmp_path / "f", resume=True) as file:
        assert file.before == len(failed_line(failure("a"))) * 2
        file.write(failure("c"))

    assert ids_in(tmp_path / "f") == ["a", "b", "c"]


def test_a_resumed_export_removes_settled_lines(tmp_path: Path) -> None:
    lines = [failed_line(failure(name)) for name in ("done", "again", "elsewhere")]
    (tmp_path / "f").write_bytes(b"".join(lines) + b"\nhello\n" + b'{"call_uuid":"torn')
    with failed_file(tmp_path / "f", resume=True) as file:
        file.write(failure("again"))
        file.settle(lambda call_uuid: call_uuid in ("done", "again"))

    assert (tmp_path / "f").read_bytes() == lines[2] + b"hello\n" + lines[1]
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_resumed_export_without_failures_deletes_the_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(failed_line(failure("done")))
    with failed_file(tmp_path / "f", resume=True) as file:
        file.settle(lambda _: True)

    assert list(tmp_path.iterdir()) == []


def test_a_stopped_export_keeps_old_and_new_lines(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(failed_line(failure("old")))
    with failed_file(tmp_path / "f", resume=True) as file:
        file.write(failure("new"))

    assert ids_in(tmp_path / "f") == ["old", "new"]


def test_resume_works_without_a_failed_file(tmp_path: Path) -> None:
    with failed_file(tmp_path / "f", resume=True) as file:
        file.write(failure("a"))
        file.settle(lambda _: True)

    assert ids_in(tmp_path / "f") == ["a"]


@pytest.mark.parametrize("name", ["no/f", ".", "x" * 300])
@pytest.mark.parametrize("resume", [True, False])
def test_an_unusable_file_is_refused_at_the_start(name: str, resume: bool, tmp_path: Path) -> None:
    match = "cannot write to .*; name another file for the failures with --failed"
    with pytest.raises(click.ClickException, match=match), failed_file(tmp_path / name, resume=resume):
        pass


@pytest.mark.parametrize("resume", [True, False])
def test_two_exports_with_one_file_are_refused(resume: bool, tmp_path: Path) -> None:
    with (
        failed_file(tmp_path / "f", resume=True),
        pytest.raises(click.ClickException, match="another export is writing to .*f; name another file"),
        failed_file(tmp_path / "f", resume=resume),
    ):
        pass


def test_settling_keeps_the_mode_and_links(tmp_path: Path) -> None:
    lines = [failed_line(failure(name)) for name in ("done", "elsewhere")]
    (tmp_path / "target").write_bytes(b"".join(lines))
    (tmp_path / "target").chmod(0o640)
    (tmp_path / "f").symlink_to("target")
    with failed_file(tmp_path / "f", resume=True) as file:
        file.settle(lambda call_uuid: call_uuid == "done")

    assert (tmp_path / "f").is_symlink()
    assert (tmp_path / "target").read_bytes() == lines[1]
    assert (tmp_path / "target").stat().st_mode & 0o777 == 0o640

    with failed_file(tmp_path / "f", resume=True) as file:
        file.settle(lambda _: True)

    assert (tmp_path / "f").is_symlink()
    assert (tmp_path / "target").read_bytes() == b""


def test_settling_replaces_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(failed_line(failure("done")) + b"note\n")
    (tmp_path / "f.new").write_text("mine")
    with failed_file(tmp_path / "f", resume=True) as file:
        file.settle(lambda _: True)

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"f": "note\n", "f.new": "mine"}


def test_a_file_that_was_deleted_meanwhile_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(failed_line(failure("old")))
    with failed_file(tmp_path / "f", resume=True) as file:
        (tmp_path / "f").unlink()
        file.write(failure("new"))
        file.settle(lambda _: False)

    assert ids_in(tmp_path / "f") == ["old", "new"]


def test_an_empty_file_in_the_place_of_a_deleted_one_is_kept(tmp_path: Path) -> None:
    with failed_file(tmp_path / "f", resume=True):
        (tmp_path / "f").rename(tmp_path / "moved")
        (tmp_path / "f").touch()

    assert (tmp_path / "f").exists()


def test_failures_of_a_deleted_file_without_earlier_lines_are_written_anew(tmp_path: Path) -> None:
    for end in (FailedFile.keep, lambda file: file.settle(lambda _: True)):
        with failed_file(tmp_path / "f", resume=False) as file:
            file.write(failure("new"))
            (tmp_path / "f").unlink()
            end(file)
        assert ids_in(tmp_path / "f") == ["new"]
        (tmp_path / "f").unlink()


@pytest.mark.parametrize("end", ["rename", "unlink"])
def test_a_file_that_was_moved_or_replaced_is_reported_and_replaces_no_other(
    end: str, tmp_path: Path
) -> None:
    with failed_file(tmp_path / "f", resume=True) as file:
        file.write(failure("new"))
        if end == "rename":
            (tmp_path / "f").rename(tmp_path / "moved")
        else:
            (tmp_path / "f").unlink()
            (tmp_path / "f").write_text("mine")
        match = "its failures (are in the file that was moved|with it)"
        with pytest.raises(click.ClickException, match=match):
            file.settle(lambda _: False)

    assert (tmp_path / "f").exists() is (end == "unlink")
    assert ids_in(tmp_path / "moved") == ["new"] if end == "rename" else True


def test_a_long_text_is_cut_and_its_line_settled(tmp_path: Path) -> None:
    long = "\u00e9" * 200_000
    for _ in range(2):
        with failed_file(tmp_path / "f", resume=True) as file:
            file.write(failure(long))
            file.settle(lambda call_uuid: call_uuid == long)

        [cut] = ids_in(tmp_path / "f")
        assert (len(cut), cut[-2:]) == (1000, "\u00e9…")
        assert ids_in(tmp_path / "f") == [json.loads(failed_line(failure(cut)))["call_uuid"]]


def test_settling_keeps_a_second_name(tmp_path: Path) -> None:
    lines = [failed_line(failure(name)) for name in ("done", "elsewhere")]
    (tmp_path / "f").write_bytes(b"".join(lines))
    (tmp_path / "second").hardlink_to(tmp_path / "f")
    with failed_file(tmp_path / "f", resume=True) as file:
        file.settle(lambda call_uuid: call_uuid == "done")

    assert (tmp_path / "second").read_bytes() == lines[1]
    assert (tmp_path / "second").samefile(tmp_path / "f")

    with failed_file(tmp_path / "f", resume=True) as file:
        file.settle(lambda _: True)

    assert (tmp_path / "second").read_bytes() == b""


@pytest.mark.parametrize("function", ["NamedTemporaryFile", "os.fchown"])
def test_a_file_that_cannot_be_replaced_is_settled_in_place(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    lines = [failed_line(failure(name)) for name in ("done", "elsewhere")]
    (tmp_path / "f").write_bytes(b"".join(lines))
    before = (tmp_path / "f").stat().st_ino
    monkeypatch.setattr(f"plivo_async.cli.export.line_removal.{function}", fail)
    with failed_file(tmp_path / "f", resume=True) as file:
        file.settle(lambda call_uuid: call_uuid == "done")
        file.write(failure("again"))

    assert (tmp_path / "f").read_bytes() == lines[1] + failed_line(failure("again"))
    assert (tmp_path / "f").stat().st_ino == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("function", ["NamedTemporaryFile", "os.fchown"])
def test_a_deleted_file_is_written_anew_with_any_owner_or_reported(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with failed_file(tmp_path / "f", resume=False) as file:
        file.write(failure("new"))
        (tmp_path / "f").unlink()
        monkeypatch.setattr(f"plivo_async.cli.export.line_removal.{function}", fail)
        if function == "os.fchown":
            file.keep()
            assert ids_in(tmp_path / "f") == ["new"]
        else:
            with pytest.raises(PermissionError, match="f"):
                file.keep()


def test_a_new_file_is_private(tmp_path: Path) -> None:
    with failed_file(tmp_path / "f", resume=False) as file:
        file.write(failure("a"))

    assert (tmp_path / "f").stat().st_mode & 0o077 == 0


def test_failures_may_go_to_a_device() -> None:
    with failed_file(Path("/dev/null"), resume=True) as file:
        file.write(failure("a"))
        file.settle(lambda _: True)


@pytest.mark.parametrize(
    "text",
    [
        b"first\nlast, no newline",
        b"a-1\na-2",
        b'{"note": "cut',
        b'{"note": 1}',
        b'["a"]',
        b"\0\0",
        b'{"call_uuid":"a","note":"mine',
        b'{"ping":1}\n{"call_uuid":"mine',
        failed_line(failure("a")) + b"note",
    ],
)
def test_a_last_line_that_is_no_failure_is_refused_and_kept(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(text)
    match = "f ends with a line that is not a failure, so it was not changed: name another file with --failed"
    with pytest.raises(click.ClickException, match=match), failed_file(tmp_path / "f", resume=True):
        pass

    assert (tmp_path / "f").read_bytes() == text


@pytest.mark.parametrize("tail", [b'{"call_uuid":"b","ki', b"{", b"\0\0\0"])
def test_the_removal_of_an_incomplete_failure_is_reported(
    tail: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "f").write_bytes(failed_line(failure("a")) + tail)
    with failed_file(tmp_path / "f", resume=True):
        pass

    assert ids_in(tmp_path / "f") == ["a"]
    assert f"f: removed an incomplete last line ({len(tail)} bytes)" in capsys.readouterr().err


def test_lines_of_another_program_are_kept(tmp_path: Path) -> None:
    lines = b'{"call_uuid": "done", "event": "answered"}\n["a"]\n'
    (tmp_path / "f").write_bytes(lines)
    with failed_file(tmp_path / "f", resume=True) as file:
        file.settle(lambda _: True)

    assert (tmp_path / "f").read_bytes() == lines
