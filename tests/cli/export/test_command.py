"""`plivo-async export`, run in this process."""

from __future__ import annotations

import errno
import io
import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from plivo_async.cli import signals
from plivo_async.cli.app import run
from plivo_async.cli.export import exporter, progress
from plivo_async.cli.export.failed_file import failed_file
from plivo_async.cli.export.options import ExportOptions
from plivo_async.cli.export.record_format import SAFE_CSV_HEADER
from plivo_async.testing import FakePlivo, FakeRateLimit, StubResponse

_QUIET = ["--rate", "none", "--quiet"]


@pytest.fixture
def ids(served: FakePlivo, folder: Path) -> list[str]:
    """The ids of the calls, which are also in ids.txt."""
    calls = list(served.call_uuids)
    (folder / "ids.txt").write_text("\n".join(calls) + "\n")
    return calls


def written(path: str = "calls.ndjson") -> list[str]:
    return [json.loads(line)["call_uuid"] for line in Path(path).read_text().splitlines()]


def failures(path: str = "calls.ndjson.failed") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def export(*arguments: str) -> int:
    return run(["export", *_QUIET, *arguments])


def pressing(number: signal.Signals, *when: int, seconds: float = 0.0) -> Callable[[], float]:
    """Return a latency that sends a signal to this process at the requests with these numbers."""
    numbers = itertools.count(1)

    def latency() -> float:
        if next(numbers) in when:
            signal.pthread_kill(threading.main_thread().ident or 0, number)
        return seconds

    return latency


def test_every_id_of_a_file_is_written_once(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert export("-i", "ids.txt", "-o", "calls.ndjson") == 0

    assert sorted(written()) == sorted(ids)
    assert capsys.readouterr() == ("", "")
    assert not Path("calls.ndjson.failed").exists()


def test_records_are_what_plivo_sent(ids: list[str], served: FakePlivo) -> None:
    export("-o", "calls.ndjson", ids[0])

    body = served._account.calls.body(ids[0])
    assert body is not None
    assert json.loads(Path("calls.ndjson").read_text()) == json.loads(body)


def test_records_go_to_stdout_by_default(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "--rate", "none", *ids[:3]]) == 0

    captured = capsys.readouterr()
    assert {json.loads(line)["call_uuid"] for line in captured.out.splitlines()} == set(ids[:3])
    assert re.search(r"Written +3 in", captured.err)


def test_ids_are_read_from_a_piped_stdin(ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with open("ids.txt") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert export("-o", "calls.ndjson") == 0

    assert sorted(written()) == sorted(ids)


def test_the_file_name_decides_the_format(ids: list[str]) -> None:
    assert export("-i", "ids.txt", "-o", "calls.csv") == 0

    lines = Path("calls.csv").read_text().splitlines()
    assert lines[0].startswith("call_uuid,api_id,")
    assert sorted(line.partition(",")[0] for line in lines[1:]) == sorted(ids)


def test_a_safe_csv_has_no_formula_and_is_continued_as_one(
    ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    served.add({"call_uuid": "-a", "from_number": "=1+1"})
    assert export("--safe-csv", "-o", "calls.csv", "--", ids[0], "-a") == 0
    first = Path("calls.csv").read_text()
    assert first.startswith('"call_uuid","api_id",')
    assert "\n'-a," in "\n" + first
    assert "'=1+1" in first
    served.add({"call_uuid": "b", "from_number": "@b"})

    assert export("--resume", "-o", "calls.csv", "--", "-a", "b") == 0

    assert Path("calls.csv").read_text() == first + Path("calls.csv").read_text().splitlines()[-1] + "\n"
    assert Path("calls.csv").read_text().splitlines()[-1].startswith("b,")
    assert ",'@b," in Path("calls.csv").read_text()
    assert run(["summarize", "calls.csv"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == 3


def test_a_header_of_safe_csv_alone_may_be_replaced(ids: list[str]) -> None:
    Path("calls.csv").write_bytes(SAFE_CSV_HEADER)

    assert export("-o", "calls.csv", ids[0]) == 0
    assert Path("calls.csv").read_text().startswith("call_uuid,")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["-o", "calls.csv", "--resume"], "calls.csv was begun without --safe-csv: name another output"),
        (["-o", "new.ndjson"], "--safe-csv is for CSV, and NDJSON has no formulas"),
        (["--format", "ndjson"], "--safe-csv is for CSV, and NDJSON has no formulas"),
    ],
)
def test_safe_csv_is_refused_where_it_would_be_of_no_use(
    more: list[str], message: str, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    export("-o", "calls.csv", ids[0])

    assert export("--safe-csv", *more, ids[1]) == 1
    assert message in capsys.readouterr().err


def test_the_format_can_be_requested(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert export("--format", "csv", ids[0]) == 0

    assert capsys.readouterr().out.startswith("call_uuid,api_id,")


def test_a_call_that_fails_is_in_the_failed_file_with_its_reason_and_exits_6(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("-o", "calls.ndjson", ids[0], "no-such-call", "a/b") == 6

    assert written() == ids[:1]
    by_id = {failure["call_uuid"]: failure for failure in failures()}
    keys = {"call_uuid", "kind", "status", "message", "attempts", "retryable"}
    assert by_id["no-such-call"].keys() == keys
    assert (by_id["no-such-call"]["kind"], by_id["no-such-call"]["status"]) == ("NotFoundError", 404)
    assert (by_id["a/b"]["kind"], by_id["a/b"]["attempts"]) == ("InvalidCallUUIDError", 0)
    assert capsys.readouterr().err == (
        "plivo-async: 2 calls failed, see calls.ndjson.failed; to retry them anyway: "
        "plivo-async retry --all calls.ndjson\n"
    )


def test_the_failed_file_is_an_input_for_a_retry(ids: list[str], served: FakePlivo) -> None:
    served.script([404], call_uuid=ids[0])
    served.script([404], call_uuid=ids[1])
    served.script([404, 404], call_uuid=ids[2])
    assert export("-i", "ids.txt", "-o", "calls.ndjson") == 6
    assert {failure["call_uuid"] for failure in failures()} == set(ids[:3])

    again = ["--resume", "-i", "calls.ndjson.failed", "--key", "call_uuid", "-o", "calls.ndjson"]
    assert export(*again) == 6
    assert [failure["call_uuid"] for failure in failures()] == [ids[2]]
    assert export(*again) == 0

    assert not Path("calls.ndjson.failed").exists()
    assert sorted(written()) == sorted(ids)


def test_the_failed_file_can_be_named(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert export("-o", "calls.ndjson", "--failed", "bad.ndjson", "no-such-call") == 6

    assert failures("bad.ndjson")[0]["call_uuid"] == "no-such-call"
    assert "retry --all --failed bad.ndjson calls.ndjson\n" in capsys.readouterr().err


def test_failures_of_an_export_to_stdout_go_to_a_named_file(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("--failed", "bad.ndjson", "no-such-call") == 6

    assert capsys.readouterr().err == "plivo-async: 1 call failed, see bad.ndjson\n"


def test_without_a_failed_file_failures_are_reported_on_stderr(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(ids[0], "no such call") == 6

    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1
    assert captured.err.startswith("plivo-async: 'no such call': InvalidCallUUIDError: call_uuid must be")
    assert captured.err.count("\n") == 1


def test_an_existing_output_is_not_changed(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("calls.ndjson").write_text("mine\n")

    assert export("-i", "ids.txt", "-o", "calls.ndjson") == 1

    assert Path("calls.ndjson").read_text() == "mine\n"
    assert (
        "calls.ndjson already exists: add --resume to continue it, or --overwrite" in capsys.readouterr().err
    )


def test_an_existing_failed_file_is_not_changed(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("calls.ndjson.failed").write_text("mine\n")

    assert export("-i", "ids.txt", "-o", "calls.ndjson") == 1

    assert Path("calls.ndjson.failed").read_text() == "mine\n"
    assert "calls.ndjson.failed already exists" in capsys.readouterr().err


def test_overwrite_replaces_output_and_failed_file(ids: list[str]) -> None:
    Path("calls.ndjson").write_text("mine\n")
    Path("calls.ndjson.failed").write_text("mine\n")

    assert export("-i", "ids.txt", "-o", "calls.ndjson", "--overwrite") == 0

    assert sorted(written()) == sorted(ids)


@pytest.mark.parametrize(
    "failed",
    [["--failed", "no/f"], ["--failed", "."], ["--failed", "x" * 300], ["--failed", "my.log", "--resume"]],
)
def test_an_unusable_failed_file_is_refused_before_the_first_request(
    failed: list[str], ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("my.log").write_text("my note")
    before = sorted(Path().iterdir())

    assert export("-i", "ids.txt", "-o", "calls.ndjson", *failed) == 1

    err = capsys.readouterr().err
    assert (err.count("\n"), "with --failed" in err or "--failed\n" in err) == (1, True)
    assert served.requests == ()
    assert sorted(Path().iterdir()) == before
    assert Path("my.log").read_text() == "my note"


def test_a_second_export_with_the_same_failed_file_is_refused(
    ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    with failed_file(Path("shared"), resume=False):
        assert export("-o", "other.ndjson", "--failed", "shared", ids[0]) == 1

    assert "another export is writing to shared; name another file" in capsys.readouterr().err
    assert served.requests == ()
    assert not Path("other.ndjson").exists()


def test_overwrite_keeps_old_failures_until_the_first_new_record(ids: list[str]) -> None:
    export("-o", "calls.ndjson", "no-such-call")
    old = failures()
    Path("report.csv").write_text("id,name\n" + ids[0] + ",b\n")

    assert export("-i", "report.csv", "--column", "typo", "-o", "calls.ndjson", "--overwrite") == 1
    assert failures() == old
    assert export("-i", "report.csv", "--column", "id", "-o", "calls.ndjson", "--overwrite") == 0
    assert not Path("calls.ndjson.failed").exists()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_failures_of_an_export_to_a_stream_by_name_go_to_stderr(name: str) -> None:
    assert ExportOptions(output=name).failed_path is None


def test_a_deleted_working_folder_is_no_traceback(
    ids: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "gone").mkdir()
    monkeypatch.chdir(folder / "gone")
    (folder / "gone").rmdir()

    assert export("-i", str(folder / "ids.txt"), "-o", "calls.ndjson") == 1
    assert capsys.readouterr().err == "plivo-async: cannot write to calls.ndjson: No such file or directory\n"
    assert export("-i", "../ids.txt", "-o", "calls.ndjson", "--failed", str(folder / "f")) == 1


@pytest.mark.parametrize("name", ["calls.ndjson", "calls.csv"])
def test_overwrite_keeps_links_and_mode(name: str, ids: list[str]) -> None:
    Path("old").write_text("mine\n")
    Path("old").chmod(0o640)
    Path("hard").hardlink_to("old")
    Path(name).symlink_to("old")

    assert export("-o", name, "--overwrite", ids[0]) == 0

    assert Path(name).is_symlink()
    assert Path("hard").read_bytes() == Path(name).read_bytes() != b"mine\n"
    assert Path("old").stat().st_mode & 0o777 == 0o640


def test_overwrite_keeps_the_old_output_if_the_input_is_unusable(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    export("-i", "ids.txt", "-o", "calls.ndjson")
    old = Path("calls.ndjson").read_bytes()
    Path("report.csv").write_text("id,name\na,b\n")
    command = ["-i", "report.csv", "--column", "typo", "-o", "calls.ndjson", "--overwrite"]

    assert export(*command) == 1

    assert Path("calls.ndjson").read_bytes() == old
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "plivo-async: calls.ndjson was not replaced, because there is no new record"
    again = " ".join(["plivo-async export", *_QUIET, *command])
    assert lines[1].endswith(f"to continue: {again}, once the input is corrected")


def test_overwrite_keeps_the_old_output_if_the_credentials_are_refused(
    ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    export("-i", "ids.txt", "-o", "calls.ndjson")
    old = Path("calls.ndjson").read_bytes()
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "wrong")

    assert export("-i", "ids.txt", "-o", "calls.ndjson", "--overwrite") == 2
    assert Path("calls.ndjson").read_bytes() == old


def test_overwrite_keeps_the_old_output_if_every_call_fails(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("calls.csv").write_text("mine\n")

    assert export("-o", "calls.csv", "--overwrite", "no-such-call") == 6

    assert Path("calls.csv").read_text() == "mine\n"
    assert capsys.readouterr().err == (
        "plivo-async: 1 call failed, see calls.csv.failed\n"
        "plivo-async: calls.csv was not replaced, because there is no new record\n"
    )


def test_the_header_is_written_with_the_first_record_or_at_the_end(ids: list[str]) -> None:
    Path("report.csv").write_text("id,name\n" + ids[0] + ",b\n")

    assert export("-i", "report.csv", "--column", "typo", "-o", "calls.csv") == 1
    assert Path("calls.csv").read_bytes() == b""
    assert export("-o", "calls.csv", "no-such-call") == 6
    assert Path("calls.csv").read_bytes().count(b"\n") == 1
    Path("calls.csv.failed").unlink()
    assert export("-i", "report.csv", "--column", "id", "-o", "calls.csv") == 0
    assert Path("calls.csv").read_bytes().count(b"\n") == 2


@pytest.mark.parametrize("name", ["calls.ndjson", "calls.csv"])
@pytest.mark.parametrize("cut", [1, 3, 60, 400])
def test_resume_completes_a_truncated_export(
    name: str, cut: int, ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("-o", name, *ids[:20]) == 0
    size = Path(name).stat().st_size
    with open(name, "r+b") as file:
        file.truncate(size - cut)
    before = len(served.requests)

    assert export("-i", "ids.txt", "-o", name, "--resume") == 0

    lines = Path(name).read_text().splitlines()
    found = written(name) if name == "calls.ndjson" else [line.partition(",")[0] for line in lines[1:]]
    assert Counter(found) == Counter(ids)
    assert len(served.requests) - before < 45


def test_the_removal_of_an_incomplete_line_is_reported(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    export("-o", "calls.ndjson", *ids[:2])
    with open("calls.ndjson", "ab") as file:
        file.write(b'{"call_uuid":"x')

    assert export("-o", "calls.ndjson", "--resume", *ids[:2]) == 0

    assert capsys.readouterr().err == (
        "plivo-async: calls.ndjson: removed an incomplete last line (15 bytes)\n"
    )


def test_a_truncated_header_is_rewritten(ids: list[str]) -> None:
    Path("calls.csv").write_bytes(b"call_uuid,api")

    assert export("-o", "calls.csv", "--resume", ids[0]) == 0

    assert len(Path("calls.csv").read_text().splitlines()) == 2


def test_resume_works_without_an_output(ids: list[str]) -> None:
    assert export("-o", "calls.ndjson", "--resume", ids[0]) == 0
    assert written() == ids[:1]


def test_resume_refuses_another_format(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    export("-o", "calls", "--format", "csv", ids[0])

    assert export("-o", "calls", "--format", "ndjson", "--resume", ids[1]) == 1
    assert "calls is csv, not ndjson" in capsys.readouterr().err
    assert export("-o", "calls", "--resume", ids[1]) == 0
    assert len(Path("calls").read_text().splitlines()) == 3


def test_resume_refuses_a_file_that_is_not_an_export_and_leaves_it_unchanged(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("calls.ndjson").write_text("mine\nand mine\n")

    assert export("-o", "calls.ndjson", "--resume", ids[0]) == 1

    assert Path("calls.ndjson").read_text() == "mine\nand mine\n"
    assert "calls.ndjson, line 1: not a call detail record" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["calls.ndjson", "-my calls.csv"])
@pytest.mark.parametrize("damage", [b"\0\0\0", b"garbage\n", b'x,"\n\0"\n', b'{"call_uuid": 5}\n'])
def test_a_damaged_line_is_reported_with_the_command_that_deletes_it(
    damage: bytes, name: str, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    export("-o", name, *ids[:6])
    lines = Path(name).read_bytes().splitlines(keepends=True)
    text = b"".join([*lines[:3], damage, *lines[3:]])
    Path(name).write_bytes(text)

    for _ in range(3):
        if export("-o", name, "--resume", *ids[:9]) == 0:
            break
        assert Path(name).read_bytes() == text
        err = capsys.readouterr().err
        assert f"; {name} was not changed: if line" in err
        # The command, without a shell.
        subprocess.run(shlex.split(err.rpartition("again: ")[2]), check=True, timeout=30)
        text = Path(name).read_bytes()

    found = (
        written(name)
        if name == "calls.ndjson"
        else [line.partition(",")[0] for line in Path(name).read_text().splitlines()[1:]]
    )
    assert Counter(found) == Counter(ids[:9])


@pytest.mark.parametrize("name", ["notes.txt", "notes.csv"])
@pytest.mark.parametrize(
    "text", [b"one line, no newline", b'{"note": "cut', b'{"meta": {}, "objects": []}', b"\x1f\x8b\x08"]
)
def test_resume_refuses_a_file_without_a_newline_and_leaves_it_unchanged(
    text: bytes, name: str, ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).write_bytes(text)

    assert export("-o", name, "--resume", ids[0]) == 1

    assert Path(name).read_bytes() == text
    err = capsys.readouterr().err
    assert f"{name} was not changed: name another output with -o, or replace this one: --overwrite" in err
    assert err.count("\n") == 1
    assert served.requests == ()


@pytest.mark.parametrize("name", ["calls.ndjson", "calls.csv"])
def test_resume_completes_an_export_that_was_cut_in_its_first_line(name: str, ids: list[str]) -> None:
    export("-o", name, ids[0])
    first = Path(name).read_bytes().partition(b"\n")[0]
    for cut in (1, 2, 10, 30, 60, len(first) - 1):
        Path(name).write_bytes(first[:cut])
        assert export("-o", name, "--resume", ids[0]) == 0
        assert Path(name).read_bytes().startswith(first + b"\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume", "x"], "--resume needs an output file"),
        (["--resume", "-o", "-", "x"], "--resume needs an output file"),
        (["--resume", "-o", "/dev/null", "x"], "--resume needs an output file"),
        (["--resume", "--overwrite", "-o", "f", "x"], "are mutually exclusive"),
        (["-i", "ids.txt", "-o", "ids.txt", "--overwrite"], "ids.txt is both the input and the output"),
        (["-i", "ids.txt", "-o", "./no", "--failed", "no"], "is both the output and the failed file"),
        (["-i", "ids.txt", "-o", "f", "--failed", "ids.txt", "--overwrite"], "add --resume"),
        (["--column", "id", "x"], "name it with -i"),
        (["--column", "id", "--key", "id", "-i", "ids.txt"], "are mutually exclusive"),
        (["-i", "no.txt"], "cannot read no.txt: No such file or directory"),
        (["-i", "ids.txt", "-i", "no.txt"], "cannot read no.txt: No such file or directory"),
        (["-i", "-", "-i", "-"], "stdin (-i -) is named twice, but can be read only once"),
        (["-i", "ids.txt", "-i", "f", "-o", "f"], "f is both the input and the output"),
        (["-i", "", "-o", "f"], "-i needs a file name"),
        (["-o", "", "x"], "-o needs a file name"),
        (["--failed", "", "x"], "--failed needs a file name"),
        (
            ["-o", "f", "ids.txt"],
            "ids.txt is a file, not a call UUID; to read call UUIDs from a file, put -i",
        ),
        (["-i", "ids.txt", "-o", "f.csv.gz"], "f.csv.gz looks like a compressed file"),
        (["-i", "ids.txt", "-o", "f.XLSX"], "name it f.ndjson, or choose with --format ndjson or --format"),
        (["-i", "ids.txt", "-o", "no/f"], "cannot write to no/f: No such file or directory"),
        (["--rate", "fast", "x"], "300/5"),
        (["--concurrency", "0", "x"], "0"),
        (["--deadline", "-1", "x"], "deadline"),
        (["--proxy", "ftp://x", "x"], "proxy"),
        (["--base-url", "", "x"], "base_url must be an https:// URL"),
    ],
)
def test_a_usage_error_is_one_line_and_changes_no_file(
    arguments: list[str], message: str, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path().iterdir())

    assert run(["export", *arguments]) == 1

    captured = capsys.readouterr()
    assert message in captured.err
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert sorted(Path().iterdir()) == before


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_each_file_among_the_arguments_is_named_in_the_hint(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("two ids", "3", "4"):
        Path(name).touch()
    Path(ids[0]).touch()

    assert export(ids[0], "ids.txt", "two ids", "3") == 1
    assert "before each: -i ids.txt -i 'two ids' -i 3 (see" in capsys.readouterr().err
    assert export(ids[0], "ids.txt", "two ids", "3", "4") == 1
    assert "-i 3 ... (see" in capsys.readouterr().err
    assert export(ids[0]) == 0


def test_a_name_of_another_format_is_accepted_with_format_or_for_an_export_that_is_there(
    ids: list[str],
) -> None:
    assert export("--format", "csv", "-o", "calls.tsv", ids[0]) == 0
    assert export("--resume", "-o", "calls.tsv", ids[1]) == 0
    assert Path("calls.tsv").read_bytes().count(b"\n") == 3


def test_several_inputs_are_read_in_their_order(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_text(f"id,name\n{ids[2]},x\n{ids[0]},\n")
    Path("b.csv").write_text(f"name;id\nx;{ids[1]}\n;{ids[2].upper()}\n;\n")
    command = ["--column", "id", "--concurrency", "1", "-i", "a.csv", "-i", "b.csv", "-o", "calls.ndjson"]

    assert run(["export", "--rate", "none", *command, "--summary", "json"]) == 0

    assert written() == [ids[2], ids[0], ids[1]]
    counts = json.loads(capsys.readouterr().out)
    assert [counts[name] for name in ("read", "written", "duplicates", "without_id")] == [5, 3, 1, 1]


def test_stdin_may_be_one_of_several_inputs(ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("more.txt").write_text(ids[0])
    Path("piped.txt").write_text(ids[1])
    with open("piped.txt") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert export("-i", "-", "-i", "more.txt", "-o", "calls.ndjson", "--concurrency", "1") == 0

    assert written() == [ids[1], ids[0]]


def test_a_failed_file_among_several_inputs_is_read_without_the_new_failures(ids: list[str]) -> None:
    export("-o", "calls.ndjson", "no-such-call")
    Path("more").write_text('{"call_uuid": "another"}\n')
    inputs = ["-i", "more", "-i", "calls.ndjson.failed", "--key", "call_uuid"]

    assert export(*inputs, "-o", "calls.ndjson", "--resume") == 6
    assert sorted(failure["call_uuid"] for failure in failures()) == ["another", "no-such-call"]


def test_a_terminal_without_ids_gets_a_hint(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())

    assert export("-o", "calls.ndjson") == 1
    assert (
        "no call UUIDs: name a file with -i, pipe them in, or pass them as arguments"
        in capsys.readouterr().err
    )


def test_the_built_in_fake_has_a_sample_call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())

    assert export("--fake", "-o", "calls.ndjson") == 0
    assert written() == ["5607532d-5037-4066-befc-a8b40218dd4f"]


def test_repeated_ids_are_fetched_once_and_reported(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "--rate", "none", "-o", "calls.ndjson", ids[0], ids[0].upper(), ids[0]]) == 0

    assert written() == ids[:1]
    assert "Duplicates   2 repeated ids" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "rows", "without_id"),
    [
        (
            ["--key", "id"],
            ['{"id": "%s"}', '{"id": null}', '{"ping": 1}', "[]", '{"id": ""}', "", '{"id": {}}'],
            4,
        ),
        (["--column", "id"], ["x,id", "1,%s", "2,", '3,""', ",", "", "4,a/b", "Total: 5 calls"], 4),
        ([], ["%s", "", " ", "a/b"], 0),
    ],
)
def test_rows_without_an_id_are_counted_and_the_sum_adds_up(
    more: list[str], rows: list[str], without_id: int, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    export("-o", "calls.ndjson", ids[1])
    text = "\n".join(rows) % ids[0] + "\n"
    repeated = rows[1 if "--column" in more else 0]
    Path("in").write_text(text + repeated % ids[0] + "\n" + repeated % ids[1] + "\n")
    command = ["export", "--rate", "none", "-i", "in", *more, "-o", "calls.ndjson", "--resume"]

    assert run([*command, "--summary", "json"]) == 6

    run_of = json.loads(capsys.readouterr().out)
    assert run_of["without_id"] == without_id
    assert [run_of[name] for name in _COUNTS] == [1, 1, 1, 1, without_id]
    assert run_of["read"] == sum(run_of[name] for name in _COUNTS)
    assert run(command) == 6
    assert ("Without id   4 rows" in capsys.readouterr().err) is (without_id == 4)


def test_inputs_without_ids_are_reported(
    ids: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("in").write_text("x,id\n")
    with open(os.devnull) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert export("-i", "in", "-i", "-", "--column", "id", "-o", "calls.ndjson") == 0
        assert export("-o", "calls.csv") == 0

    expected = "plivo-async: no call UUIDs in in and stdin\nplivo-async: no call UUIDs in stdin\n"
    assert capsys.readouterr().err == expected


def test_an_empty_argument_fails_on_its_own(ids: list[str]) -> None:
    assert export("-o", "calls.ndjson", ids[0], "") == 6
    assert failures()[0]["call_uuid"] == ""


def test_a_wrong_key_ends_the_export(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").write_text('{"id": "a"}\n')

    assert export("-i", "in", "--key", "uuid", "-o", "calls.ndjson") == 1
    assert "in, no line has the key 'uuid': name another one with --key" in capsys.readouterr().err


_COUNTS = ("written", "failed", "skipped", "duplicates", "without_id")


def test_the_sum_of_a_stopped_export_adds_up(
    ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    export("-o", "calls.ndjson", *ids[:4])
    Path("ids.txt").write_text("\n".join([*ids[:9], *ids[:3], "a/b", *ids]))
    press = pressing(signal.SIGINT, 20, 21)
    numbers = itertools.count(1)
    served.latency = lambda: press() or (3600.0 if next(numbers) > 15 else 0.0)
    command = ["export", "--rate", "none", "-i", "ids.txt", "-o", "calls.ndjson", "--resume"]

    assert run([*command, "--concurrency", "8", "--summary", "json"]) == 130

    counts = json.loads(capsys.readouterr().out)
    assert counts["read"] == sum(counts[name] for name in _COUNTS)
    assert counts["written"] == len(written()) - 4
    assert (counts["complete"], counts["output"]) == (False, "calls.ndjson")
    assert counts["failed_file"] == "calls.ndjson.failed"
    assert 0 < counts["unfinished"] <= 40


def test_a_json_summary_of_a_whole_export_to_stdout_names_no_file(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", "--rate", "none", "--summary", "json", ids[0]]) == 0

    counts = json.loads(capsys.readouterr().err)
    names = ("complete", "unfinished", "output", "failed_file")
    assert [counts[name] for name in names] == [True, 0, None, None]


@pytest.mark.parametrize("end", ["unlink", "rename"])
def test_an_output_that_is_lost_meanwhile_ends_the_export(
    end: str, ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    served.generate(200, seed=7)
    Path("ids.txt").write_text("\n".join(served.call_uuids))

    def lose() -> float:
        if len(served.requests) == 5:
            Path("calls.ndjson").unlink() if end == "unlink" else Path("calls.ndjson").rename("rotated")
        return 0.0

    served.latency = lose

    assert export("-i", "ids.txt", "-o", "calls.ndjson") == 1

    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("plivo-async: stopped after 64 records; to continue: ")
    assert lines[1].startswith("plivo-async: calls.ndjson was ")
    assert len(lines) == 2


def test_a_failed_file_that_is_lost_meanwhile_is_reported_beside_the_reason_of_the_end(
    ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.ndjson").write_text(
        "".join(json.dumps({"id": each}) + "\n" for each in ["a/b", ids[0]]) + "x\n"
    )

    def lose() -> float:
        Path("calls.ndjson.failed").rename("rotated")
        return 0.0

    served.latency = lose

    assert export("-i", "bad.ndjson", "--key", "id", "-o", "calls.ndjson") == 1

    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(
        "plivo-async: calls.ndjson.failed was moved or replaced during the export: its"
    )
    assert lines[-1] == "plivo-async: bad.ndjson, line 3: not JSON: x"
    assert failures("rotated")[0]["call_uuid"] == "a/b"


def test_the_summary_of_a_resumed_export_covers_the_whole_file(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    export("-o", "calls.ndjson", *ids[:20])
    capsys.readouterr()

    assert export("-i", "ids.txt", "-o", "calls.ndjson", "--resume", "--summary", "json") == 0

    summary = json.loads(capsys.readouterr().out)
    amounts = [json.loads(line)["total_amount"] for line in Path("calls.ndjson").read_text().splitlines()]
    assert (summary["records"], summary["written"], summary["skipped"]) == (61, 41, 20)
    assert Decimal(summary["amount"]) == sum(map(Decimal, amounts))


def test_a_json_summary_does_not_mix_with_records(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert export("--summary", "json", ids[0]) == 0

    captured = capsys.readouterr()
    assert json.loads(captured.out)["call_uuid"] == ids[0]
    assert json.loads(captured.err)["written"] == 1


def test_the_summary_can_be_disabled(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["export", "--rate", "none", "--summary", "none", "-o", "calls.ndjson", ids[0]]) == 0

    assert capsys.readouterr() == ("", "")


def test_progress_is_plain_lines_without_a_terminal(
    ids: list[str], served: FakePlivo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    is_shown = threading.Event()
    monkeypatch.setattr(progress, "PLAIN_INTERVAL_SECONDS", 0.001)
    show = progress.PlainDisplay.show

    def show_and_set(display: progress.PlainDisplay, snapshot: progress.Snapshot) -> None:
        show(display, snapshot)
        is_shown.set()

    monkeypatch.setattr(progress.PlainDisplay, "show", show_and_set)
    served.latency = lambda: 0.0 if is_shown.is_set() else 0.02

    assert run(["export", "-i", "ids.txt", "-o", "calls.ndjson", "--summary", "none"]) == 0

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("plivo-async: ")
    assert " of 61 · 0 failed · " in captured.err


def test_a_wait_for_the_rate_limit_is_reported(
    ids: list[str], served: FakePlivo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PLAIN_INTERVAL_SECONDS", 0.001)
    served.rate_limit = FakeRateLimit(requests=1, per=1.0)

    assert run(["export", "--rate", "1/1", "-o", "c", "--summary", "none", *ids[:2]]) == 0

    assert "s for the rate limit" in capsys.readouterr().err


def test_progress_of_a_pipe_has_no_total(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], served: FakePlivo
) -> None:
    monkeypatch.setattr(progress, "PLAIN_INTERVAL_SECONDS", 0.001)
    served.latency = 0.02
    reading, writing = os.pipe()
    os.write(writing, ids[0].encode())
    os.close(writing)
    with open(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert run(["export", "-o", "calls.ndjson", "--summary", "none"]) == 0

    assert " of " not in capsys.readouterr().err


def test_refused_credentials_end_the_export_and_print_the_command_to_continue(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], served: FakePlivo
) -> None:
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "s3cr3t")

    assert export("-i", "ids.txt", "-o", "calls.ndjson", "--concurrency", "4") == 2

    err = capsys.readouterr().err
    assert "plivo-async: stopped after 0 records; to continue: plivo-async export --resume " in err
    assert err.splitlines()[-1].startswith("plivo-async: the batch stopped after ")
    assert "s3cr3t" not in err
    assert len(served.requests) <= 8


def test_an_input_that_is_not_read_is_named_in_one_line(
    folder: Path, served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("my ids.zip").write_bytes(b"PK\x03\x04" + bytes(600))

    assert export("-i", "my ids.zip", "--column", "Call UUID", "-o", "calls.ndjson") == 1

    assert capsys.readouterr().err == (
        "plivo-async: my ids.zip: this is a zip archive; "
        "use: unzip -p 'my ids.zip' | plivo-async export -i - --column 'Call UUID' ...\n"
    )
    assert served.requests == ()


def test_an_invalid_line_ends_the_export_after_the_ids_before_it(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("ids.ndjson").write_text("".join(json.dumps({"id": each}) + "\n" for each in ids[:5]) + "x\n")

    assert export("-i", "ids.ndjson", "--key", "id", "-o", "calls.ndjson") == 1

    assert sorted(written()) == sorted(ids[:5])
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(
        "plivo-async: stopped after 5 records; to continue: plivo-async export --resume"
    )
    assert lines[0].endswith(", once the input is corrected")
    assert lines[1] == "plivo-async: ids.ndjson, line 6: not JSON: x"


def test_a_full_disk_ends_the_export_with_one_line(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("-i", "ids.txt", "-o", "/dev/full") == 1

    assert capsys.readouterr().err.splitlines()[-1] == (
        "plivo-async: cannot write to /dev/full: No space left on device"
    )


def test_an_error_of_the_final_fsync_is_reported(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)

    assert export("-o", "calls.ndjson", ids[0]) == 1
    assert "cannot write to calls.ndjson: Input/output error" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("function", "number"),
    [
        ("fcntl.flock", errno.ENOLCK),
        ("fcntl.flock", errno.EOPNOTSUPP),
        ("fcntl.flock", errno.EINVAL),
        ("os.fsync", errno.EINVAL),
        ("os.fsync", errno.EOPNOTSUPP),
        ("os.fsync", errno.ENOSYS),
    ],
)
def test_a_file_system_without_locks_or_fsync_is_no_reason_to_stop(
    function: str,
    number: int,
    ids: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(function, fail)

    assert export("-o", "calls.ndjson", ids[0], "no-such-call") == 6
    assert export("-o", "calls.ndjson", "--resume", ids[1]) == 0

    assert sorted(written()) == sorted(ids[:2])
    lines = capsys.readouterr().err.splitlines()
    start = (
        "plivo-async: cannot lock calls" if function == "fcntl.flock" else "plivo-async: cannot synchronise "
    )
    assert [line for line in lines if line.startswith(start) and os.strerror(number) in line]
    assert [line for line in lines if line.startswith("Traceback")] == []


def test_a_failed_file_that_cannot_be_replaced_is_reported_and_kept(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "calls.ndjson.failed")

    export("-o", "calls.ndjson", "no-such-call")
    monkeypatch.setattr(Path, "replace", fail)

    assert export("-o", "calls.ndjson", "--resume", ids[0]) == 1
    assert "cannot write to calls.ndjson.failed: Permission denied" in capsys.readouterr().err
    assert failures()[0]["call_uuid"] == "no-such-call"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_writes_arrived_records_and_prints_the_command_to_continue(
    number: signal.Signals, code: int, ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    served.latency = pressing(number, 20, seconds=0.001)

    assert export("-i", "ids.txt", "-o", "calls.ndjson", "--concurrency", "4") == code

    arrived = written()
    assert 16 <= len(arrived) < 61
    lines = capsys.readouterr().err.splitlines()
    again = "plivo-async export --resume --rate none --quiet -i ids.txt -o calls.ndjson --concurrency 4"
    assert lines == [
        f"plivo-async: {number.name}: finishing the calls in progress; repeat it to stop immediately",
        f"plivo-async: stopped after {len(arrived)} records; to continue: {again}",
    ]
    assert export("-i", "ids.txt", "-o", "calls.ndjson", "--resume") == 0
    assert Counter(written()) == Counter(ids)


def test_a_second_ctrl_c_does_not_wait_for_calls_in_progress(ids: list[str], served: FakePlivo) -> None:
    served.latency = pressing(signal.SIGINT, 2, 3, 4, 5, seconds=3600.0)

    assert export("-i", "ids.txt", "-o", "calls.ndjson", "--concurrency", "4") == 130


def test_calls_in_progress_have_a_grace_period(
    ids: list[str], served: FakePlivo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "stop_on_signals", partial(signals.stop_on_signals, grace=0.05))
    served.latency = pressing(signal.SIGTERM, 1, seconds=3600.0)

    assert export("-i", "ids.txt", "-o", "calls.ndjson") == 143
    assert written() == []


def test_a_stopped_export_to_a_pipe_reports_that_it_cannot_be_resumed(
    ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    served.latency = pressing(signal.SIGINT, 1)

    assert export("-i", "ids.txt") == 130
    assert "an export to a pipe cannot be resumed, one to a file (-o) can" in capsys.readouterr().err


def test_the_command_to_continue_mentions_the_ids_on_stdin(
    ids: list[str], served: FakePlivo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served.latency = pressing(signal.SIGINT, 1)
    with open("ids.txt") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert export("-o", "calls.ndjson") == 130

    assert "-o calls.ndjson, with the same ids on stdin" in capsys.readouterr().err


def test_signal_handlers_are_restored(ids: list[str]) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    export("-o", "calls.ndjson", ids[0])

    assert [signal.getsignal(number) for number in numbers] == before


def test_an_ignored_signal_stays_ignored(ids: list[str], served: FakePlivo) -> None:
    """`nohup` ignores SIGHUP, and a shell without job control ignores SIGINT for jobs in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    served.latency = pressing(signal.SIGINT, 1, 2, 3)
    assert export("-i", "ids.txt", "-o", "calls.ndjson") == 0
    served.latency = pressing(signal.SIGHUP, 1, 2, 3)
    assert export("-i", "ids.txt", "-o", "calls.ndjson", "--overwrite") == 0

    assert Counter(written()) == Counter(ids)
    assert {signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)} == {signal.SIG_IGN}


def test_further_signals_are_ignored_after_the_first(ids: list[str], served: FakePlivo) -> None:
    served.latency = pressing(signal.SIGTERM, 1)
    assert export("-i", "ids.txt", "-o", "calls.ndjson") == 143

    assert {signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)} == {signal.SIG_IGN}


def test_an_option_overrides_its_environment_variable(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLIVO_ASYNC_RATE", "nonsense")
    assert run(["export", ids[0]]) == 1
    assert "nonsense" in capsys.readouterr().err
    assert run(["export", "--rate", "none", ids[0]]) == 0

    monkeypatch.setenv("PLIVO_ASYNC_CONCURRENCY", "0")
    assert export(ids[0]) == 1
    assert export("--concurrency", "3", ids[0]) == 0


def test_fake_overrides_a_base_url_in_the_environment(
    ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("--fake", "5607532d-5037-4066-befc-a8b40218dd4f") == 0
    assert served.requests == ()


def test_an_empty_environment_variable_counts_as_not_set(
    ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PROXY", "TIMEOUT", "DEADLINE", "RATE", "CONCURRENCY"):
        monkeypatch.setenv(f"PLIVO_ASYNC_{name}", "")

    assert run(["export", ids[0], "--quiet"]) == 0


def test_a_429_longer_than_max_wait_ends_the_export_once(
    served: FakePlivo, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    served.script([StubResponse(429, headers={"Retry-After": "90"})])

    assert export("--max-wait", "60", "--concurrency", "4", "-i", "ids.txt", "-o", "calls.ndjson") == 4

    error = capsys.readouterr().err
    assert "HTTP 429: the next request may be sent in 90 s, at 20" in error
    assert "--max-wait=60" in error
    assert "to continue: plivo-async export --resume" in error
    assert served.statuses.total() <= 8
