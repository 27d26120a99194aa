"""A bash in a terminal, into which commands are pasted one by one."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import frozen

# Ends a command that hangs.
COMMAND_PATIENCE_SECONDS = 60.0
INSTALL_PATIENCE_SECONDS = 400.0
# Within this time a job listens, and prints what the page shows.
JOB_PATIENCE_SECONDS = 40.0
_END_PATIENCE_SECONDS = 5.0
_POLL_SECONDS = 0.02
# Reads the terminal of a command and the command from a descriptor, and marks the end of what it printed.
# With `set -m` each job has a process group, as in the bash of a user. If the tests are killed, the terminal
# hangs up, and the jobs must not keep their ports.
_BASH = r"""
set -m
trap 'for job in $(jobs -p); do kill -- "-$job"; done 2>/dev/null' EXIT
restore() { return "$1"; }
status=0
while IFS= read -r -d '' -u DESCRIPTOR terminal && IFS= read -r -d '' -u DESCRIPTOR command; do
  if [[ -n $terminal ]]; then
    eval "$command" DESCRIPTOR<&- >"$terminal" 2>&1
  else
    restore "$status"
    eval "$command" DESCRIPTOR<&-
  fi
  status=$?
  printf '\036%s %s\036' "$status" "$(jobs -p | tr '\n' ' ')"
done
"""
_END = re.compile(r"\x1e(\d+) ([\d ]*)\x1e")
# Colours, and what the shell prints about its jobs.
_DECORATION = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|^\[\d+\][+-]? +[A-Z][a-z].*\n", re.MULTILINE)
_INSTALLS = re.compile(r"\b(pip|npm) install\b")


@frozen
class Printed:
    """What a command printed.

    Attributes:
        exit_code: Its exit code; None if it was ended because it hung.
        own: Its own output.
        screen: The same with what the jobs printed in the meantime.
    """

    exit_code: int | None
    own: str
    screen: str


class _Output:
    """A pseudo-terminal and all that was printed to it."""

    def __init__(self, changed: threading.Condition, screen: list[str]) -> None:
        self.master, self._slave = pty.openpty()
        self.path = os.ttyname(self._slave)
        self.text = ""
        self._changed = changed
        self._screen = screen
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                read = os.read(self.master, 65536)
            except OSError:
                # Linux raises EIO once nobody has the other side open.
                return
            if not read:
                return
            # A terminal gets a return before each new line.
            text = read.decode("utf-8", "replace").replace("\r\n", "\n")
            with self._changed:
                self.text += text
                self._screen.append(text)
                self._changed.notify_all()

    @property
    def slave(self) -> int:
        return self._slave

    def close(self) -> None:
        """Close this side of the terminal; the thread ends once every program has closed the other one."""
        os.close(self._slave)
        self._thread.join(_END_PATIENCE_SECONDS)
        os.close(self.master)


class Terminal:
    """A bash in a folder. At the end of the block its jobs are ended, by process group."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self._changed = threading.Condition()
        self._screen: list[str] = []
        self._outputs: list[_Output] = []
        self._jobs: set[int] = set()
        self.hangs = False

    def __enter__(self) -> Self:
        main = self._new_output()
        read, self._commands = os.pipe()
        self._bash = subprocess.Popen(
            # Its own session, and the terminal of that session.
            [
                "setsid",
                "--ctty",
                "bash",
                "--noprofile",
                "--norc",
                "-c",
                _BASH.replace("DESCRIPTOR", str(read)),
            ],
            stdin=main.slave,
            stdout=main.slave,
            stderr=main.slave,
            cwd=self._folder,
            env=self._environ,
            pass_fds=[read],
        )
        os.close(read)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._commands)
        _end_groups(self._jobs)
        with suppress(subprocess.TimeoutExpired):
            self._bash.wait(_END_PATIENCE_SECONDS)
        if self._bash.poll() is None:
            self._bash.kill()
            self._bash.wait()
        for output in self._outputs:
            output.close()

    def printed_since(self, begin: int = 0) -> str:
        """All that was printed since a number of reads, in the order in which it was printed."""
        return _plain("".join(self._screen[begin:]))

    @property
    def has_jobs(self) -> bool:
        return any(_is_alive(job) for job in self._jobs)

    def paste(self, command: str, is_shown: Callable[[str], bool] | None = None) -> Printed:
        """Run a command; one that ends with `&` until a reader sees that it runs.

        Args:
            command: The command.
            is_shown: Whether a text is what the page shows; None if it shows nothing.
        """
        begin, before = len(self._screen), set(self._jobs)
        is_job = _without_comment(command).endswith("&") and not command.endswith("&&")
        output = self._new_output() if is_job else self._outputs[0]
        exit_code, own = self._run(command, output if is_job else None)
        if is_job and exit_code == 0:
            self._wait_for_job(self._jobs - before, output, is_shown)
            own = next(filter(is_shown, _prefixes(output.text)), output.text) if is_shown else output.text
        elif is_shown is not None and not is_shown(own) and self.has_jobs:
            # A job prints it, when it has done what the command asked for.
            self._wait(lambda: is_shown(self.printed_since(begin)), JOB_PATIENCE_SECONDS)
        return Printed(exit_code, _plain(own), self.printed_since(begin))

    def _run(self, command: str, terminal: _Output | None) -> tuple[int | None, str]:
        main = self._outputs[0]
        begin = len(main.text)
        path = terminal.path if terminal else ""
        os.write(self._commands, f"{path}\0{command}\0".encode())
        patience = INSTALL_PATIENCE_SECONDS if _INSTALLS.search(command) else COMMAND_PATIENCE_SECONDS
        if not self._wait(lambda: _END.search(main.text, begin) is not None, patience):
            self.hangs = True
            _end_groups({os.tcgetpgrp(main.master)})
            return None, main.text[begin:]
        end = _END.search(main.text, begin)
        assert end is not None
        self._jobs |= {int(job) for job in end[2].split()}
        return int(end[1]), main.text[begin : end.start()]

    def _wait_for_job(
        self, jobs: Collection[int], output: _Output, is_shown: Callable[[str], bool] | None
    ) -> None:
        def is_ready() -> bool:
            if is_shown is not None and not any(map(is_shown, _prefixes(output.text))):
                return False
            says_something = is_shown is not None and not is_shown("")
            return says_something or not any(map(_is_alive, jobs)) or _has_socket(jobs)

        self._wait(is_ready, JOB_PATIENCE_SECONDS)

    def _wait(self, is_so: Callable[[], bool], patience_seconds: float) -> bool:
        limit = time.monotonic() + patience_seconds
        with self._changed:
            while not is_so():
                if time.monotonic() > limit:
                    return False
                # Sockets and ends of jobs notify nobody.
                self._changed.wait(_POLL_SECONDS)
        return True

    def _new_output(self) -> _Output:
        self._outputs.append(_Output(self._changed, self._screen))
        return self._outputs[-1]


def _plain(text: str) -> str:
    return _DECORATION.sub("", _END.sub("", text))


def _without_comment(command: str) -> str:
    return re.sub(r"\s#.*$", "", command).strip()


def _prefixes(text: str) -> Iterator[str]:
    """Each beginning of a text that ends with a line, the longest first."""
    lines = text.splitlines(keepends=True)
    return ("".join(lines[:count]) for count in range(len(lines), -1, -1))


def _end_groups(groups: Collection[int]) -> None:
    """End process groups: first as `kill` does, then as `kill -9` does."""
    for numbers in ([signal.SIGTERM, signal.SIGCONT], [signal.SIGKILL]):
        for group in groups:
            for number in numbers:
                with suppress(ProcessLookupError):
                    os.killpg(group, number)
        limit = time.monotonic() + _END_PATIENCE_SECONDS
        while any(map(_is_alive, groups)) and time.monotonic() < limit:
            time.sleep(_POLL_SECONDS)


def _is_alive(group: int) -> bool:
    return next(_processes(group), None) is not None


def _processes(group: int) -> Iterator[Path]:
    """The processes of a group that have not ended."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name of the program may have spaces; it is in parentheses.
            state, _, its_group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                yield process


def _has_socket(groups: Collection[int]) -> bool:
    """Whether a process of these groups listens on a port of TCP, or has a connection."""
    wanted: set[str] = set()
    for table in ("tcp", "tcp6"):
        with suppress(FileNotFoundError):
            rows = [row.split() for row in Path("/proc/net", table).read_text().splitlines()[1:]]
            # 0A is listening, 01 connected.
            wanted |= {f"socket:[{row[9]}]" for row in rows if row[3] in ("0A", "01")}
    for group in groups:
        for process in _processes(group):
            with suppress(OSError):
                for descriptor in (process / "fd").iterdir():
                    with suppress(OSError):
                        if str(descriptor.readlink()) in wanted:
                            return True
    return False
