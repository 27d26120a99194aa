"""`plivo-async retry`, run in this process."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plivo_async.cli.app import run
from plivo_async.cli.export.exporter import Exporter
from plivo_async.cli.export.failed_file import failed_file
from plivo_async.cli.export.kept_options import KeptOptions, options_path, read_options
from plivo_async.cli.export.options import default_failed_path
from plivo_async.errors import DecodeError, NetworkError
from plivo_async.resources.outcome import Failed, Outcome
from plivo_async.testing import FakePlivo

_FAILED = Path("calls.ndjson.failed")
_OPTIONS = Path("calls.ndjson.failed.options")


@pytest.fixture
def ids(served: FakePlivo, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the calls of the fake; the first one fails in a way that may pass.

    A batch would repeat such a call for some seconds, so its error is one that a batch does not repeat,
    until the exporter receives it.
    """
    calls = list(served.call_uuids)
    served.script([404] * 100, call_uuid=calls[0])
    write: Callable[[Exporter, Outcome], None] = getattr(Exporter, "_write")  # noqa: B009 - it is private

    def write_retryable(exporter: Exporter, outcome: Outcome) -> None:
        is_first = isinstance(outcome, Failed) and outcome.call_uuid == calls[0]
        write(exporter, Failed(calls[0], NetworkError("reset")) if is_first else outcome)

    monkeypatch.setattr(Exporter, "_write", write_retryable)
    return calls


def export(*arguments: str) -> int:
    return run(["export", "--rate", "none", "--deadline", "50", "--quiet", *arguments])


def fail(*call_uuids: str, output: str = "calls.ndjson") -> None:
    """Leave what an export leaves for which these calls failed in a way that may pass."""
    Path(output).touch()
    kept = KeptOptions({"--rate": "none", "--base-url": os.environ["PLIVO_ASYNC_BASE_URL"]})
    with failed_file(default_failed_path(Path(output)), kept, resume=True) as file:
        for call_uuid in call_uuids:
            file.write(Failed(call_uuid, NetworkError("reset")))


def ids_in(path: str | Path) -> list[str]:
    text = Path(path).read_text()
    if text.startswith("call_uuid,"):
        return [line.partition(",")[0] for line in text.splitlines()[1:]]
    return [json.loads(line)["call_uuid"] for line in text.splitlines()]


def printed_command(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The arguments of the command that the last message recommends."""
    [words] = re.findall(r": plivo-async (.*)", capsys.readouterr().err.splitlines()[-1])
    return shlex.split(words)


def test_what_may_succeed_now_is_retried_with_the_options_of_the_export(
    ids: list[str], served: FakePlivo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = os.environ["PLIVO_ASYNC_BASE_URL"]
    assert export("-o", "calls.ndjson", "--concurrency", "7", *ids[:3], "no-such-call", "a/b") == 6
    assert sorted(ids_in("calls.ndjson")) == sorted(ids[1:3])
    line = capsys.readouterr().err
    assert line == (
        "plivo-async: 3 calls failed, see calls.ndjson.failed, 1 of which may succeed now; "
        "to retry: plivo-async retry calls.ndjson\n"
    )
    # The variables of another shell must not change the server or the rate.
    monkeypatch.setenv("PLIVO_ASYNC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PLIVO_ASYNC_RATE", "1/3600")
    served.script([], call_uuid=ids[0])
    before = len(served.requests)

    assert run(["retry", "calls.ndjson", "--summary", "json", "--quiet"]) == 0

    captured = capsys.readouterr()
    counts = json.loads(captured.out)
    assert [counts[name] for name in ("read", "written", "failed", "records")] == [1, 1, 0, 3]
    assert captured.err == (
        f"plivo-async: retrying 1 of 3 failed calls with --rate none --concurrency 7 --max-wait 900 "
        f"--base-url {url} --deadline 50.0\n"
    )
    assert Counter(ids_in("calls.ndjson")) == Counter(ids[:3])
    assert sorted(ids_in(_FAILED)) == ["a/b", "no-such-call"]
    assert len(served.requests) == before + 1


def test_the_last_success_removes_the_failed_file_and_the_options(
    ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    served.script([404], call_uuid=ids[1])
    assert export("-o", "calls.ndjson", ids[1]) == 6
    again = printed_command(capsys)
    assert again == ["retry", "--all", "calls.ndjson"]

    assert run(["retry", "calls.ndjson", "-q"]) == 0
    assert printed_command(capsys) == again
    assert ids_in("calls.ndjson") == []
    assert run(again) == 0
    assert ids_in("calls.ndjson") == [ids[1]]
    assert sorted(path.name for path in Path().iterdir()) == ["calls.ndjson"]
    capsys.readouterr()

    assert run(["retry", "calls.ndjson"]) == 0
    assert capsys.readouterr().err == "plivo-async: calls.ndjson has no failed calls\n"


def test_a_call_that_fails_again_stays_and_exits_6(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fail(*ids[:3])

    assert run(["retry", "calls.ndjson", "-q"]) == 6

    assert printed_command(capsys) == ["retry", "calls.ndjson"]
    assert ids_in(_FAILED) == [ids[0]]


@pytest.mark.parametrize(
    ("name", "failed"),
    [
        ("calls.csv", None),
        ("my calls", "failed of my calls"),
        ("-calls.ndjson", None),
        ("plain", "-failed"),
        ("sub/calls.ndjson", "failed"),
    ],
)
def test_the_printed_command_finds_every_file(
    name: str, failed: str | None, ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("sub").mkdir()
    more = [] if failed is None else ["--failed", failed]
    assert export("-o", name, *more, ids[1], "a/b") == 6
    again = printed_command(capsys)
    served.script([], call_uuid=ids[0])

    assert run([*again, "-q"]) == 6

    assert ids_in(name) == [ids[1]]
    assert ids_in(failed or f"{name}.failed") == ["a/b"]


@pytest.mark.parametrize(
    ("more", "start"), [(["--format", "csv"], "call_uuid,"), (["--safe-csv"], '"call_uuid",')]
)
def test_a_format_that_the_name_does_not_imply_is_kept(
    more: list[str], start: str, ids: list[str], served: FakePlivo
) -> None:
    served.script([404], call_uuid=ids[1])
    assert export("-o", "calls", *more, ids[1]) == 6
    Path("calls").unlink()

    assert run(["retry", "-q", "--all", "calls"]) == 0
    assert Path("calls").read_text().startswith(start)


def test_an_option_on_the_command_line_overrides_the_kept_one_and_is_kept(ids: list[str]) -> None:
    assert export("-o", "calls.ndjson", "a/b") == 6

    assert run(["retry", "-q", "--all", "--rate", "1000/1", "--timeout", "7", "calls.ndjson"]) == 6

    kept = read_options(_OPTIONS)
    assert kept is not None
    assert (kept.values["--rate"], kept.values["--timeout"]) == ("1000/1", "7.0")
    assert kept.values["--deadline"] == "50.0"


@pytest.mark.parametrize("server", [["--fake"], ["--base-url", "http://127.0.0.1:9"]])
def test_another_server_replaces_the_kept_one(
    server: list[str], ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = ["--base-url", os.environ["PLIVO_ASYNC_BASE_URL"]] if server == ["--fake"] else ["--fake"]
    assert export("-o", "calls.ndjson", *kept, "a/b") == 6
    before = len(served.requests)

    assert run(["retry", "-q", "--all", *server, "calls.ndjson"]) == 6

    assert len(served.requests) == before
    found = read_options(_OPTIONS)
    assert found is not None
    assert found.arguments()[6 : 6 + len(server)] == server


def test_the_built_in_fake_of_the_export_is_used_again(
    ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("-o", "calls.ndjson", "--fake", "no-such-call") == 6

    assert run(["retry", "-q", "--all", "calls.ndjson"]) == 6

    assert served.requests == ()
    assert "using the built-in fake Plivo at" in capsys.readouterr().err


def test_the_password_of_a_proxy_is_not_kept(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy = "http://me:s3cr3t@127.0.0.1:9"
    # An id that is no call UUID fails without a request.
    assert export("-o", "calls.ndjson", "--proxy", proxy, "a/b") == 6
    assert "s3cr3t" not in _OPTIONS.read_text()
    capsys.readouterr()

    assert run(["retry", "-q", "--all", "calls.ndjson"]) == 1
    assert "a proxy with a password, which is not kept: name it with --proxy" in capsys.readouterr().err
    monkeypatch.setenv("PLIVO_ASYNC_PROXY", proxy)
    assert run(["retry", "-q", "--all", "calls.ndjson"]) == 6


def test_the_permission_of_plain_http_is_kept(ids: list[str]) -> None:
    assert export("-o", "calls.ndjson", "--allow-http", "no-such-call") == 6

    assert run(["retry", "-q", "--all", "calls.ndjson"]) == 6
    found = read_options(_OPTIONS)
    assert found is not None
    assert found.values["--allow-http"] is True


def test_no_secret_of_the_environment_is_kept(ids: list[str], served: FakePlivo) -> None:
    assert export("-o", "calls.ndjson", "no-such-call") == 6

    assert served.auth_token not in _OPTIONS.read_text()
    assert served.auth_id not in _OPTIONS.read_text()
    assert _OPTIONS.stat().st_mode & 0o077 == 0


def test_a_stopped_retry_prints_the_same_command(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(ids[1])
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "wrong")

    assert run(["retry", "-q", "calls.ndjson"]) == 2

    assert "; to continue: plivo-async retry -q calls.ndjson\n" in capsys.readouterr().err
    assert set(ids_in(_FAILED)) == {ids[1]}
    assert _OPTIONS.exists()


def test_a_call_whose_credentials_were_refused_is_retried(
    ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("PLIVO_AUTH_TOKEN", "wrong")
        assert export("-o", "calls.ndjson", ids[1]) == 2

    assert run(["retry", "-q", "calls.ndjson"]) == 0
    assert "retrying 1 of 1 failed call with" in capsys.readouterr().err
    assert ids_in("calls.ndjson") == [ids[1]]


def test_a_stopped_export_prints_one_command(
    ids: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in").write_text(json.dumps({"id": "a/b"}) + "\nx\n")

    assert export("-i", "in", "--key", "id", "-o", "calls.ndjson") == 1

    err = capsys.readouterr().err
    assert "1 call failed, see calls.ndjson.failed\n" in err
    assert err.count("plivo-async export") == 1
    assert "plivo-async retry" not in err


@pytest.mark.parametrize("more", [[], ["--failed", "bad"]])
def test_without_options_beside_the_failures_the_whole_command_is_printed(
    more: list[str], ids: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = Path(more[1]) if more else _FAILED
    options_path(failed).write_text("mine")

    assert export("-o", "calls.ndjson", *more, "a/b") == 6

    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"plivo-async: {failed}.options was not written by an export; ")
    [again] = re.findall("to retry them anyway: plivo-async (.*)", lines[1])
    url = os.environ["PLIVO_ASYNC_BASE_URL"]
    options = f"--rate none --concurrency 32 --max-wait 900 --base-url {url} --deadline 50.0"
    named = f"-i {failed} --key call_uuid -o calls.ndjson"
    assert again == " ".join(["export --resume", named, *more, options])
    assert options_path(failed).read_text() == "mine"
    assert run(["retry", "calls.ndjson", *more]) == 1
    assert f"{failed}.options was not written by an export, so the options" in capsys.readouterr().err
    assert run(shlex.split(again)) == 6
    options_path(failed).unlink()
    assert run(["retry", "calls.ndjson", *more]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"{failed}.options is missing, so the options of the export are unknown" in line
    assert line.endswith(" ".join([named, *more]))


def test_options_that_cannot_be_written_are_reported_and_end_nothing(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    name = "x" * 245

    assert export("-o", name, "a/b") == 6

    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("plivo-async: cannot keep the options of this export for a retry in xxx")
    assert lines[1].endswith("--deadline 50.0")
    assert run(["retry", name]) == 1
    assert "cannot read" in capsys.readouterr().err


def test_options_of_another_user_are_not_used(
    ids: list[str], served: FakePlivo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail(ids[1])
    before = len(served.requests)
    owner = os.geteuid()
    fstat = os.fstat

    def of_another(fd: int) -> os.stat_result:
        found = list(fstat(fd))
        found[4] = owner + 1
        return os.stat_result(found)

    with monkeypatch.context() as patched:
        patched.setattr("plivo_async.cli.export.kept_options.os.fstat", of_another)
        assert run(["retry", "calls.ndjson"]) == 1

    assert "calls.ndjson.failed.options belongs to another user" in capsys.readouterr().err
    assert len(served.requests) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["retry"], "Missing argument 'OUTPUT'"),
        (["retry", ""], "retry needs the output of an export"),
        (["retry", "-"], "retry needs the output of an export"),
        (["retry", "/dev/null"], "retry needs the output of an export"),
        (["retry", "--failed", "", "calls.ndjson"], "retry needs the output of an export"),
        (["retry", "no.ndjson"], "neither no.ndjson nor no.ndjson.failed exists"),
        (["retry", "--failed", ".", "no.ndjson"], "cannot read .: Is a directory"),
        (
            ["retry", "calls.ndjson.failed"],
            "is not the output but the failed file: plivo-async retry calls.ndjson",
        ),
    ],
)
def test_a_usage_error_is_one_line(
    arguments: list[str], message: str, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("-o", "calls.ndjson", "no-such-call") == 6
    capsys.readouterr()

    assert run(arguments) == 1

    err = capsys.readouterr().err
    assert (message in err, err.count("\n")) == (True, 1)


def test_failures_on_a_device_have_no_command_to_retry(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("-o", "calls.ndjson", "--failed", "/dev/null", "a/b") == 6
    assert capsys.readouterr().err == "plivo-async: 1 call failed, see /dev/null\n"
    assert export("-o", "/dev/null", "--failed", "failed", "a/b") == 6
    assert capsys.readouterr().err == "plivo-async: 1 call failed, see failed\n"
    assert export("--failed", "failed", "--overwrite", ids[1], "a/b") == 6
    assert capsys.readouterr().err == "plivo-async: 1 call failed, see failed\n"


def test_lines_of_other_programs_are_not_retried(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("calls.ndjson").touch()
    _FAILED.write_text('{"call_uuid": "a"}\nnote\n')

    assert run(["retry", "--all", "calls.ndjson"]) == 0
    assert capsys.readouterr().err == (
        "plivo-async: ignored 2 lines of calls.ndjson.failed without a complete failure of an export\n"
        "plivo-async: calls.ndjson has no failed calls\n"
    )
    assert _FAILED.read_text() == '{"call_uuid": "a"}\nnote\n'


@pytest.mark.parametrize(
    "values",
    [
        [],
        {"--rate": 5},
        {"--fake": "yes"},
        {"--output": "x"},
        {"--base-url": None},
        None,
    ],
)
def test_a_file_that_is_not_what_an_export_keeps_is_refused(
    values: Any, ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fail(ids[1])
    text = "[" * 100_000 if values is None else json.dumps({"plivo_async_export_options": values})
    _OPTIONS.write_text(text)

    assert run(["retry", "calls.ndjson"]) == 1
    assert "was not written by an export" in capsys.readouterr().err
    assert _OPTIONS.read_text() == text


def test_an_unusable_kept_value_is_one_line(ids: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    fail(ids[1])
    KeptOptions({"--rate": "fast"}).save(_OPTIONS)

    assert run(["retry", "calls.ndjson"]) == 1
    err = capsys.readouterr().err
    assert "the option --rate kept from the export: 'fast': expected" in err
    assert err.count("\n") == 1


def test_options_that_cannot_be_put_in_place_leave_no_file(
    ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)

    assert export("-o", "calls.ndjson", "a/b") == 6
    assert sorted(path.name for path in Path().iterdir()) == ["calls.ndjson", _FAILED.name]


def test_the_options_are_there_before_the_first_failure(
    ids: list[str], served: FakePlivo, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    save = KeptOptions.save

    def look_and_save(options: KeptOptions, path: Path) -> None:
        seen.append(_FAILED.stat().st_size == 0)
        save(options, path)
        seen.append(path.exists())

    monkeypatch.setattr(KeptOptions, "save", look_and_save)

    assert export("-o", "calls.ndjson", "a/b", "c/d") == 6
    assert seen == [True, True]


def test_an_output_that_is_no_export_is_refused_and_kept(
    ids: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fail(ids[1])
    Path("calls.ndjson").write_text("notes\n")

    assert run(["retry", "calls.ndjson"]) == 1

    assert capsys.readouterr().err.endswith(
        "; calls.ndjson was not changed: is it the output of an export?\n"
    )
    assert Path("calls.ndjson").read_text() == "notes\n"


def test_the_body_of_a_row_without_a_call_uuid_is_kept(ids: list[str], served: FakePlivo) -> None:
    fail(ids[1])
    kept = KeptOptions({"--rate": "none", "--base-url": os.environ["PLIVO_ASYNC_BASE_URL"]})
    with failed_file(_FAILED, kept, resume=True) as file:
        for body in (b"[1]", b"[2]"):
            file.write(Failed("", DecodeError("the row cannot be read", body=body)))

    assert run(["retry", "-q", "--all", "calls.ndjson"]) == 0

    lines = map(json.loads, _FAILED.read_text().splitlines())
    assert [line["body"] for line in lines] == ["[1]", "[2]"]
    assert ids_in("calls.ndjson") == [ids[1]]
