from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from plivo_async.cli.export.failed_file import failed_file, failed_line
from plivo_async.cli.export.output_file import OutputError
from plivo_async.errors import DecodeError, NetworkError, NotFoundError
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
    }
    assert json.loads(failed_line(Failed("ü\n", NetworkError("x", attempts=3))))["status"] is None
    assert failed_line(failure("ü\n")).count(b"\n") == 1


def test_a_line_has_the_body_of_a_response_that_is_no_record() -> None:
    body = b'{"call_uuid": "a", "total_amount": "0,5", "x": "\xc3\xbc"}'
    line = failed_line(Failed("a", DecodeError("no", status=200, body=body)))
    assert json.loads(line)["body"].encode() == body
    assert json.loads(failed_line(Failed("a", DecodeError("no", body=b"<\xff"))))["body"] == "<\\xff"
    assert "body" not in json.loads(failed_line(Failed("a", DecodeError("the body is empty"))))
    assert "body" not in json.loads(failed_line(Failed("a", NotFoundError("none", body=b"{}"))))


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


def test_a_new_export_deletes_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(failed_line(failure("old")))
    with failed_file(tmp_path / "f", resume=False):
        pass

    assert not (tmp_path / "f").exists()


def test_a_last_line_that_lacks_only_its_newline_is_kept(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(failed_line(failure("a")) + failed_line(failure("b")).rstrip())
    with failed_file(tmp_path / "f", resume=True) as file:
        assert file.before == len(failed_line(failure("a"))) * 2
        file.write(failure("c"))

    assert ids_in(tmp_path / "f") == ["a", "b", "c"]


def test_a_resumed_export_removes_settled_lines(tmp_path: Path) -> None:
    lines = [failed_line(failure(name)) for name in ("done", "again", "elsewhere")]
    (tmp_path / "f").write_bytes(b"".join(lines) + b"\nhello\n" + b'{"call_uuid": "torn')
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


def test_a_file_that_cannot_be_deleted_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "f").write_bytes(b"x\n")
    monkeypatch.setattr(Path, "unlink", refuse)
    match = "cannot write to .*f: Permission denied"
    with pytest.raises(click.ClickException, match=match), failed_file(tmp_path / "f", resume=False):
        pass


def test_a_file_that_cannot_be_created_is_reported_at_the_first_failure(tmp_path: Path) -> None:
    match = "cannot write to .*f: No such file or directory"
    with failed_file(tmp_path / "no" / "f", resume=False) as file, pytest.raises(OutputError, match=match):
        file.write(failure("a"))


@pytest.mark.parametrize(
    "text",
    [
        b"first\nlast, no newline",
        b"a-1\na-2",
        b'{"note": "cut',
        b'{"note": 1}',
        b'["a"]',
        b"\0\0",
        failed_line(failure("a")) + b"note",
    ],
)
def test_a_last_line_that_is_no_failure_is_refused_and_kept(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(text)
    match = "f ends with a line that is no failure, so it was not changed: name another file with --failed"
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
