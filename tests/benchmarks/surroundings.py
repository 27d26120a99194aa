"""Runs every command where streams, names, folders and encodings are not as they should be.

    python -m tests.benchmarks.surroundings [WORD...]

Words select the runs whose name has one of them. Prints each run that ends with a traceback, or with another
exit code than the documented one, and exits 1 if there is any.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import evolve, field, frozen

from plivo_async.testing import FakePlivo

COMMAND = str(Path(sys.executable).with_name("plivo-async"))
PATIENCE_SECONDS = 120
DOCUMENTED = {0, 1, 2, 3, 4, 6, 141}
SAMPLE = "5607532d-5037-4066-befc-a8b40218dd4f"
LONG = "x" * 300
RECORD = {
    "call_uuid": "c-1",
    "hangup_cause_name": "Ünïcode ☎",
    "hangup_cause_code": 4242,
    "total_amount": "0.1",
    "end_time": "2026-01-02 03:04:05+00:00",
}


@frozen
class Run:
    """A command in some surroundings.

    Attributes:
        name: The name of the command, and what is odd about its surroundings.
        arguments: The command line.
        code: The exit code; None for any that is documented.
        prints: Whether it writes to stdout.
        redirect: What a shell does to its streams.
        unread: The streams whose reader has gone.
        environ: Changes of its environment; None removes a variable.
        is_astray: Whether its working folder is gone.
    """

    name: str
    arguments: Sequence[str | bytes]
    code: int | None = None
    prints: bool = False
    redirect: str = ""
    unread: Sequence[int] = ()
    environ: Mapping[str, str | None] = field(factory=dict[str, "str | None"])
    is_astray: bool = False


COMMANDS = (
    Run("no command", [], 1),
    Run("--version", ["--version"], 0, True),
    Run("--help", ["--help"], 0, True),
    Run("export --help", ["export", "--help"], 0, True),
    Run("unknown command", ["got"], 1),
    Run("get", ["get", "-o", "json", SAMPLE, "no-such-call"], 1, True),
    Run("get a table", ["get", "-o", "table", SAMPLE], 0, True),
    Run("get -v", ["get", "-v", "-o", "json", SAMPLE], 0, True),
    Run("export", ["export", "-i", "ids.txt", "-o", "new.ndjson"], 6),
    Run("export -v", ["export", "-v", "-i", "ids.txt", "-o", "new.csv"], 6),
    Run("export to stdout", ["export", "-i", "ids.txt"], 6, True),
    Run("export from stdin", ["export", "-i", "-", "-o", "new.ndjson"]),
    Run("export --resume", ["export", "-i", "ids.txt", "-o", "calls.ndjson", "--resume"], 6),
    Run("export, JSON sum", ["export", "-q", "-i", "ids.txt", "-o", "n", "--summary", "json"], 6, True),
    Run("retry", ["retry", "calls.ndjson"]),
    Run("sync to SQLite", ["sync", "calls.db"], 0),
    Run("sync to lines", ["sync", "synced.ndjson"], 0),
    Run("summarize", ["summarize", "calls.ndjson"], 0, True),
    Run("summarize, table", ["summarize", "-o", "table", "calls.ndjson"], 0, True),
    Run("summarize stdin", ["summarize", "-"]),
    Run("completion", ["completion", "bash"], 0, True),
    Run("demo", ["demo", "--size", "20"], 0, True),
)
ENVIRONMENTS: Mapping[str, Mapping[str, str | None]] = {
    "TERM=dumb": {"TERM": "dumb"},
    "NO_COLOR": {"NO_COLOR": "1", "TERM": "xterm"},
    "FORCE_COLOR": {"FORCE_COLOR": "1"},
    "LANG=C": {"LANG": "C"},
    "POSIX": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "cp1252": {"PYTHONIOENCODING": "cp1252:strict"},
    "utf-16": {"PYTHONIOENCODING": "utf-16"},
    "no HOME": {"HOME": None},
    "no TMPDIR": {"TMPDIR": "/nonexistent"},
    "COLUMNS=1": {"COLUMNS": "1"},
    "COLUMNS=x": {"COLUMNS": "x"},
    "warnings are errors": {"PYTHONWARNINGS": "error"},
    "unbuffered": {"PYTHONUNBUFFERED": "1"},
}
ODD = (
    Run("long output", ["export", "-i", "ids.txt", "-o", LONG], 1),
    Run("long failed file", ["export", "-i", "ids.txt", "-o", "n", "--failed", LONG], 1),
    Run("output whose failed file is too long", ["export", "-i", "ids.txt", "-o", "y" * 251], 1),
    Run("long input", ["export", "-i", LONG, "-o", "n"], 1),
    Run("long path", ["export", "-i", "ids.txt", "-o", "/".join(["d" * 200] * 30)], 1),
    Run("long summary", ["summarize", LONG], 1),
    Run("long retry", ["retry", LONG], 1),
    Run("long database", ["sync", f"{LONG}.db"], 1),
    Run("long lines", ["sync", f"{LONG}.ndjson"], 1),
    Run("long folder", ["demo", "--size", "5", "--keep", LONG], 1),
    Run("long ids", ["fake", "--size", "1", "--ids", LONG], 1),
    Run("folder as output", ["export", "-i", "ids.txt", "-o", "."], 1),
    Run("folder as input", ["export", "-i", ".", "-o", "n"], 1),
    Run("folder as export", ["summarize", "."], 1),
    Run("folder as database", ["sync", "folder.db"], 1),
    Run("folder as lines", ["sync", "folder.ndjson"], 1),
    Run("empty output", ["export", "-i", "ids.txt", "-o", ""], 1),
    Run("empty input", ["export", "-i", "", "-o", "n"], 1),
    Run("empty name", ["summarize", ""], 1),
    Run("empty id", ["get", ""], 1),
    Run("file as folder", ["export", "-i", "ids.txt", "-o", "ids.txt/x"], 1),
    Run("file as folder of a sync", ["sync", "ids.txt/x.ndjson"], 1),
    Run("link to itself", ["export", "-i", "loop", "-o", "n"], 1),
    Run("output that links to itself", ["export", "-i", "ids.txt", "-o", "loop"], 1),
    Run("bytes as a name", ["export", "-i", "ids.txt", "-o", b"\xff\xfe"], 6),
    Run("bytes as an export", ["summarize", b"\xff"], 1),
    Run("bytes as an id", ["get", b"\xff\xfe"], 1),
    Run("binary input", ["export", "-i", "bytes", "-o", "n"]),
    Run("binary export", ["summarize", "bytes"], 1),
    Run("binary database", ["sync", "bytes.db"], 1),
    Run("unreadable input", ["export", "-i", "/proc/self/mem", "-o", "n"], 1),
    Run("unreadable export", ["summarize", "/proc/self/mem"], 1),
    Run("full output", ["export", "-i", "ids.txt", "-o", "/dev/full"], 1),
    Run("full failed file", ["export", "-o", "n", "--failed", "/dev/full", "no-such-call"], 1),
    Run("null output", ["export", "-i", "ids.txt", "-o", "/dev/null"], 6),
    Run("odd proxy", ["get", "--proxy", "nonsense", "x"], 1),
    Run("odd URL", ["get", "--base-url", "http://[", "x"], 1),
)


def runs() -> Iterator[Run]:
    """Yield every command in every surroundings."""
    for run in COMMANDS:
        yield run
        for state, redirect in (("closed", ">&-"), ("full", ">/dev/full")):
            yield evolve(
                run,
                name=f"{run.name}: stdout {state}",
                redirect=redirect,
                code=1 if run.prints else run.code,
            )
            yield evolve(run, name=f"{run.name}: stderr {state}", redirect=f"2{redirect}")
            both = f"{redirect} 2{redirect}"
            yield evolve(
                run, name=f"{run.name}: both {state}", redirect=both, code=1 if run.prints else run.code
            )
        yield evolve(run, name=f"{run.name}: stderr unread", unread=[2])
        for streams in ([1], [1, 2]):
            yield evolve(
                run,
                name=f"{run.name}: {streams} unread",
                unread=streams,
                code=141 if run.prints else run.code,
            )
        for redirect in ("<&-", "0>written", "<bytes"):
            yield evolve(run, name=f"{run.name}: stdin {redirect}", redirect=redirect)
        yield evolve(run, name=f"{run.name}: no folder", is_astray=True, code=None)
        for name, environ in ENVIRONMENTS.items():
            yield evolve(run, name=f"{run.name}: {name}", environ=environ)
    for run in ODD:
        yield run
        yield evolve(run, name=f"{run.name}: ascii", environ={"PYTHONIOENCODING": "ascii"})
        yield evolve(run, name=f"{run.name}: no folder", is_astray=True, code=None)


def fill(folder: Path, ids: Sequence[str]) -> None:
    """Write the files that the commands read."""
    (folder / "ids.txt").write_text("\n".join([*ids, "no-such-call"]) + "\n")
    (folder / "calls.ndjson").write_text(json.dumps(RECORD, ensure_ascii=False) + "\n")
    (folder / "loop").symlink_to("loop")
    for name in ("bytes", "bytes.db"):
        (folder / name).write_bytes(bytes(range(256)) * 20)
    for name in ("folder.db", "folder.ndjson", "gone"):
        (folder / name).mkdir()


def outcome(run: Run, environ: Mapping[str, str], ids: Sequence[str]) -> tuple[int, str]:
    """Return the exit code of a run, and its messages."""
    changed = {**environ, **run.environ}
    enter = 'cd gone && rmdir ../gone && exec "$@"' if run.is_astray else 'exec "$@"'
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as messages:
        fill(Path(folder), ids)
        reading, writing = os.pipe()
        os.close(reading)
        try:
            done = subprocess.run(
                ["/bin/sh", "-c", f"{enter} {run.redirect}", "sh", COMMAND, *run.arguments],
                stdin=subprocess.DEVNULL,
                stdout=writing if 1 in run.unread else subprocess.DEVNULL,
                stderr=writing if 2 in run.unread else messages,
                cwd=folder,
                env={name: value for name, value in changed.items() if value is not None},
                timeout=PATIENCE_SECONDS,
                check=False,
            )
        finally:
            os.close(writing)
        messages.seek(0)
        return done.returncode, messages.read().decode("utf-8", "backslashreplace")


def fault(run: Run, environ: Mapping[str, str], ids: Sequence[str]) -> str | None:
    """Return what is wrong with a run; None for nothing."""
    try:
        code, messages = outcome(run, environ, ids)
    except subprocess.TimeoutExpired:
        return f"{run.name}: no end within {PATIENCE_SECONDS} s"
    if "Traceback" in messages or "Exception ignored" in messages:
        return f"{run.name}: a traceback, exit code {code}\n{messages[-1500:]}"
    if code != run.code if run.code is not None else code not in DOCUMENTED:
        return f"{run.name}: exit code {code}, expected {run.code}\n{messages[-500:]}"
    return None


def main(words: Sequence[str]) -> int:
    """Run what the words select, and return the exit code."""
    chosen = [run for run in runs() if not words or any(word in run.name for word in words)]
    fake = FakePlivo(rate_limit=None)
    ids = list(fake.generate(20, seed=1))
    with fake.serve() as url, ThreadPoolExecutor(os.cpu_count()) as pool:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PLIVO_")}
        environ |= {
            "PLIVO_AUTH_ID": fake.auth_id,
            "PLIVO_AUTH_TOKEN": fake.auth_token,
            "PLIVO_ASYNC_BASE_URL": url,
            "PLIVO_ASYNC_RATE": "none",
            "NO_PROXY": "127.0.0.1",
        }
        faults = 0
        for found in pool.map(lambda run: fault(run, environ, ids), chosen):
            if found is not None:
                faults += 1
                sys.stdout.write(f"{found}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} runs, {faults} faults\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
