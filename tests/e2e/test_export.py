"""The installed `export` with pipes: its output and its ends."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from plivo_async.testing import FakePlivo
from tests.e2e.installed_command import PATIENCE_SECONDS, Installed, after_requests


def ids_for(fake: FakePlivo, installed: Installed, size: int) -> list[str]:
    """Generate calls and write their ids to ids.txt."""
    ids = list(fake.generate(size, seed=1))
    (installed.folder / "ids.txt").write_text("\n".join(ids) + "\n")
    return ids


def written(path: Path) -> list[str]:
    """Return the ids in an export; an incomplete record raises an error."""
    text = path.read_text()
    assert text.endswith("\n") or not text
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [row["call_uuid"] for row in csv.DictReader(file, strict=True)]
    return [json.loads(line)["call_uuid"] for line in text.splitlines()]


def until_stalled(fake: FakePlivo) -> int:
    """Wait until no more requests arrive; return their number."""
    seen = -1
    ends = time.monotonic() + PATIENCE_SECONDS
    while seen != len(fake.requests) or seen < 32:
        assert time.monotonic() < ends
        seen = len(fake.requests)
        time.sleep(0.8)
    return seen


def test_stdout_has_only_records_and_stderr_has_no_colours(fake: FakePlivo, installed: Installed) -> None:
    ids = ids_for(fake, installed, 100)

    done = installed.run("export", stdin=(installed.folder / "ids.txt").read_bytes())

    assert done.returncode == 0
    assert Counter(json.loads(line)["call_uuid"] for line in done.stdout.splitlines()) == Counter(ids)
    assert "Hang-up cause" in done.stderr.decode()
    assert b"\x1b" not in done.stdout + done.stderr


def test_an_id_from_a_pipe_is_fetched_while_the_pipe_is_open(fake: FakePlivo, installed: Installed) -> None:
    ids = ids_for(fake, installed, 3)
    process = installed.start("export", "-q", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    for call_uuid in ids:
        process.stdin.write(call_uuid.encode() + b"\n")
        process.stdin.flush()
        # The pipe is still open.
        assert json.loads(process.stdout.readline())["call_uuid"] == call_uuid
    process.stdin.close()

    assert process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.parametrize("name", ["calls.ndjson", "calls.csv"])
def test_after_kills_and_resumes_every_id_is_written_once(
    name: str, fake: FakePlivo, installed: Installed
) -> None:
    ids = ids_for(fake, installed, 300)
    fake.latency = 0.02
    path = installed.folder / name
    path.touch()
    # Kill it at its start, at the first line, and some lines later.
    for more in (0, 1, 18_000, 100):
        until = path.stat().st_size + more
        process = installed.start("export", "-q", "-i", "ids.txt", "-o", name, "--resume")
        while process.poll() is None and path.stat().st_size < until:
            time.sleep(0.005)
        process.kill()
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    assert 20 < path.read_bytes().count(b"\n") < 300
    fake.latency = 0.0

    done = installed.run("export", "-q", "-i", "ids.txt", "-o", name, "--resume")

    assert done.returncode == 0, done.stderr
    assert Counter(written(path)) == Counter(ids)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_signal_ends_the_export_cleanly(
    number: signal.Signals, code: int, fake: FakePlivo, installed: Installed
) -> None:
    ids = ids_for(fake, installed, 300)
    many = after_requests(fake, 100, latency=0.01)
    process = installed.start("export", "-q", "-i", "ids.txt", "-o", "calls.ndjson")
    assert many.wait(PATIENCE_SECONDS)
    process.send_signal(number)

    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    fake.latency = 0.0

    assert process.returncode == code
    arrived = written(installed.folder / "calls.ndjson")
    assert len(arrived) >= 60
    assert out == b""
    lines = err.decode().splitlines()
    assert lines[0].startswith(f"plivo-async: {number.name}: finishing")
    assert lines[1].startswith(f"plivo-async: stopped after {len(arrived)} records; to continue: ")
    resume = lines[1].partition("to continue: ")[2]
    done = installed.shell(resume.replace("plivo-async", '"$command"', 1))
    assert done.returncode == 0, done.stderr
    assert Counter(written(installed.folder / "calls.ndjson")) == Counter(ids)


def test_a_closed_pipe_ends_the_export_with_one_message(fake: FakePlivo, installed: Installed) -> None:
    ids_for(fake, installed, 300)
    process = installed.start("export", "-q", "-i", "ids.txt")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()

    assert process.wait(PATIENCE_SECONDS) == 141
    lines = process.stderr.read().decode().splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("an export to a pipe cannot be resumed, one to a file (-o) can")
    assert lines[1] == "plivo-async: stdout: the reader closed the pipe"


def test_a_slow_reader_fails_no_call(fake: FakePlivo, installed: Installed) -> None:
    ids = ids_for(fake, installed, 600)
    process = installed.start("export", "-q", "-i", "ids.txt", "--timeout", "0.5", "--deadline", "60")
    assert process.stdout is not None
    assert until_stalled(fake) < len(ids)

    out, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert (process.returncode, err) == (0, b"")
    assert Counter(json.loads(line)["call_uuid"] for line in out.splitlines()) == Counter(ids)


def test_ctrl_c_ends_an_export_with_a_slow_reader(fake: FakePlivo, installed: Installed) -> None:
    ids_for(fake, installed, 600)
    process = installed.start("export", "-q", "-i", "ids.txt")
    assert process.stderr is not None
    until_stalled(fake)
    process.send_signal(signal.SIGINT)
    assert b"repeat it to stop immediately" in process.stderr.readline()
    process.send_signal(signal.SIGINT)

    assert process.wait(PATIENCE_SECONDS) == 130


@pytest.mark.parametrize("script", ["-o /dev/full", "> /dev/full"])
def test_a_full_disk_ends_the_export_with_one_line(
    script: str, fake: FakePlivo, installed: Installed
) -> None:
    ids_for(fake, installed, 50)

    done = installed.shell(f'"$command" export -q -i ids.txt {script}')

    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"plivo-async: cannot write to (/dev/full|stdout): No space left on device", lines[1])


@pytest.mark.parametrize("name", ["calls.ndjson", "calls.csv"])
def test_a_disk_that_fills_within_a_line_leaves_complete_lines(
    name: str, fake: FakePlivo, installed: Installed
) -> None:
    ids = ids_for(fake, installed, 60)

    # A limit on the file size: the write that reaches it is partial, as on a full disk.
    done = installed.shell(f'ulimit -f 20; "$command" export -q -i ids.txt -o {name}')

    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1] == f"plivo-async: cannot write to {name}: File too large"
    arrived = written(installed.folder / name)
    assert 5 < len(arrived) < 60
    assert installed.run("export", "-q", "-i", "ids.txt", "-o", name, "--resume").returncode == 0
    assert Counter(written(installed.folder / name)) == Counter(ids)


def test_two_exports_into_one_file_are_refused(fake: FakePlivo, installed: Installed) -> None:
    ids_for(fake, installed, 10)
    arrived = after_requests(fake, 1, latency=3600.0)
    installed.start("export", "-q", "-i", "ids.txt", "-o", "calls.ndjson")
    assert arrived.wait(PATIENCE_SECONDS)

    done = installed.run("export", "-q", "-i", "ids.txt", "-o", "calls.ndjson", "--resume")

    assert done.returncode == 1
    assert done.stderr == b"plivo-async: another export is writing to calls.ndjson\n"


def test_a_windows_text_file_is_read(fake: FakePlivo, installed: Installed) -> None:
    ids = ids_for(fake, installed, 5)
    text = "\ufeff" + "\r\n\r\n".join([*ids, ids[0], ids[1].upper()]) + "\r\n \r\n"
    (installed.folder / "ids.txt").write_bytes(text.encode())

    done = installed.run("export", "-i", "ids.txt", "-o", "calls.ndjson")

    assert done.returncode == 0
    assert Counter(written(installed.folder / "calls.ndjson")) == Counter(ids)
    assert "2 repeated ids" in done.stderr.decode()


@pytest.mark.parametrize("size", [10_000_000])
@pytest.mark.parametrize("piped", [False, True])
def test_a_line_of_10_mb_is_reported_once_with_its_number(
    size: int, piped: bool, fake: FakePlivo, installed: Installed
) -> None:
    ids = ids_for(fake, installed, 3)
    text = "\n".join(ids).encode() + b"\n" + b"x" * size + b"\n"
    (installed.folder / "ids.txt").write_bytes(text)
    given = ("-i", "-") if piped else ("-i", "ids.txt")

    done = installed.run("export", "-q", *given, "-o", "calls.ndjson", stdin=text if piped else b"")

    assert done.returncode == 1
    last = done.stderr.decode().splitlines()[-1]
    assert last.startswith(f"plivo-async: {'stdin' if piped else 'ids.txt'}, line 4: longer than 1,048,576")
    assert len(done.stderr) < 1000
    assert Counter(written(installed.folder / "calls.ndjson")) == Counter(ids)


def test_a_closed_stderr_does_not_stop_the_export(fake: FakePlivo, installed: Installed) -> None:
    ids = ids_for(fake, installed, 10)

    done = installed.shell('"$command" export -i ids.txt -o calls.ndjson 2>&-')

    assert done.returncode == 0
    assert Counter(written(installed.folder / "calls.ndjson")) == Counter(ids)


def test_a_closed_stdout_is_reported(fake: FakePlivo, installed: Installed) -> None:
    ids_for(fake, installed, 1)

    done = installed.shell('"$command" export -q -i ids.txt >&-')

    assert (done.returncode, done.stderr) == (1, b"plivo-async: stdout is closed\n")


def test_the_output_may_be_a_device(fake: FakePlivo, installed: Installed) -> None:
    ids_for(fake, installed, 5)

    assert installed.run("export", "-q", "-i", "ids.txt", "-o", "/dev/null").returncode == 0
    done = installed.run("export", "-q", "-i", "ids.txt", "-o", "/dev/stdout")
    assert done.returncode == 0
    assert done.stdout.count(b"\n") == 5


def test_the_environment_that_fake_prints_connects_the_exporter(installed: Installed) -> None:
    fake = installed.start("fake", "--size", "40", "--ids", "ids.txt")
    assert fake.stdout is not None
    words = fake.stdout.readline().decode().split()
    assert words[0] == "export"
    installed.environ |= {name: value for name, _, value in (word.partition("=") for word in words[1:])}

    done = installed.run("export", "-q", "-i", "ids.txt", "-o", "calls.ndjson")
    fake.send_signal(signal.SIGINT)

    assert done.returncode == 0, done.stderr
    assert len(written(installed.folder / "calls.ndjson")) == 40
    assert fake.wait(PATIENCE_SECONDS) == 0


def test_an_export_leaves_no_resource_open(fake: FakePlivo, installed: Installed) -> None:
    ids_for(fake, installed, 20)
    installed.environ |= {"PYTHONWARNINGS": "error"}

    done = installed.run("export", "-q", "-i", "ids.txt", "-o", "calls.ndjson")

    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(path.name for path in installed.folder.iterdir()) == ["calls.ndjson", "ids.txt"]


@pytest.mark.parametrize("name", ["calls.ndjson", "my calls.csv"])
def test_after_a_kill_retry_has_the_options_of_the_export(
    name: str, fake: FakePlivo, installed: Installed
) -> None:
    ids = ids_for(fake, installed, 100)
    for call_uuid in ids[:5]:
        fake.script([404], call_uuid=call_uuid)
    many = after_requests(fake, 30, latency=0.02)
    url = installed.environ.pop("PLIVO_ASYNC_BASE_URL")
    rate = installed.environ.pop("PLIVO_ASYNC_RATE")
    options = ["--base-url", url, "--rate", rate, "--concurrency", "4"]
    process = installed.start("export", "-q", "-i", "ids.txt", "-o", name, *options)
    assert many.wait(PATIENCE_SECONDS)
    process.kill()
    assert process.wait(PATIENCE_SECONDS) == -signal.SIGKILL
    fake.latency = 0.0
    path = installed.folder / name
    before = len(written(path))

    done = installed.run("retry", "-q", "--all", name)

    assert done.returncode == 0, done.stderr
    assert f"--rate {rate} --concurrency 4 --max-wait 900 --base-url {url}" in done.stderr.decode()
    assert len(written(path)) == before + 5
    assert set(ids[:5]) <= set(written(path))
    assert installed.run("export", "-q", "-i", "ids.txt", "-o", name, *options, "--resume").returncode == 0
    assert Counter(written(path)) == Counter(ids)
    assert sorted(each.name for each in installed.folder.iterdir()) == sorted([name, "ids.txt"])


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-", "2>&1 | true"])
@pytest.mark.parametrize("verbose", ["", "-v"])
def test_messages_that_nobody_receives_stop_no_export(
    verbose: str, stderr: str, fake: FakePlivo, installed: Installed
) -> None:
    ids = ids_for(fake, installed, 40)
    # The shell of the exit code is that of the command, not of the pipe.
    script = f'("$command" export {verbose} -i ids.txt -o calls.ndjson a/b; echo $? >code) {stderr}'

    assert installed.shell(f"{script}; cat code").stdout == b"6\n"

    assert Counter(written(installed.folder / "calls.ndjson")) == Counter(ids)
    assert (installed.folder / "calls.ndjson.failed").read_text().count("\n") == 1
