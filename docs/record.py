"""Record commands in a terminal: `python -m docs.record` writes docs/recordings/*.cast and *.svg.

Each recording is a real run against the built-in fake Plivo. The .cast files are asciicasts, which
`asciinema play` shows. The .svg files are drawn from them, frame by frame, for the pages.
`python -m docs.record --draw` only draws again.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pyte

FOLDER = Path(__file__).parent / "recordings"
_BIN = Path(sys.executable).parent
_COLUMNS = 96
# The calls of the fake for `sync`: ten seconds at Plivo's rate limit.
_CALLS, _LATE = 12_000, 900
_PATIENCE_SECONDS = 120

# How the SVG shows it.
_FRAME_SECONDS, _LAST_FRAME_SECONDS = 0.25, 4.0
_CHARACTER_PIXELS, _LINE_PIXELS, _MARGIN_PIXELS = 8.4, 19, 12
_COLOURS = {
    "default": "#d5dae0",
    "black": "#7b8794",
    "red": "#f0857a",
    "green": "#56d3a5",
    "brown": "#e3b341",
    "blue": "#79b8ff",
    "magenta": "#d2a8ff",
    "cyan": "#5cc8d7",
    "white": "#f0f3f6",
}
_COLOURS |= {f"bright{name}": colour for name, colour in _COLOURS.items()}

Event = tuple[float, str]


def run(arguments: list[str], folder: Path, rows: int, environment: dict[str, str]) -> Iterator[Event]:
    """Run a command in a terminal of its own, and yield what it writes with the seconds since its start."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, _COLUMNS, 0, 0))
    began = time.monotonic()
    with subprocess.Popen(
        arguments, stdin=terminal, stdout=terminal, stderr=terminal, cwd=folder, env=environment
    ) as process:
        os.close(terminal)
        while time.monotonic() - began < _PATIENCE_SECONDS:
            if not select.select([controller], [], [], 1.0)[0]:
                continue
            try:
                data = os.read(controller, 65536)
            except OSError:
                # The command has ended.
                break
            yield time.monotonic() - began, data.decode(errors="replace")
        else:
            process.kill()
            raise TimeoutError(f"{arguments} takes more than {_PATIENCE_SECONDS} s")
    os.close(controller)


def record(commands: list[list[str]], folder: Path, rows: int, settings: dict[str, str]) -> str:
    """Type the commands, and return what the terminal received: an asciicast, version 2."""
    environment = {"PATH": f"{_BIN}:{os.environ['PATH']}", "HOME": str(folder), "LANG": "C.UTF-8", **settings}
    environment |= {"TERM": "xterm-256color", "COLUMNS": str(_COLUMNS), "LINES": str(rows)}
    events: list[Event] = []
    now = 0.0
    for command in commands:
        events.append((now, "$ "))
        for letter in " ".join(command):
            now += 0.04
            events.append((now, letter))
        now += 0.5
        events.append((now, "\r\n"))
        events += [(now + seconds, written) for seconds, written in run(command, folder, rows, environment)]
        now = events[-1][0] + 1.0
    events.append((now, "$ "))
    lines = [json.dumps({"version": 2, "width": _COLUMNS, "height": rows})]
    lines += [json.dumps([round(seconds, 3), "o", written]) for seconds, written in events]
    return "\n".join(lines) + "\n"


def record_demo(folder: Path) -> str:
    return record([["plivo-async", "demo", "--size", "1200"]], folder, 26, {})


def record_sync(folder: Path) -> str:
    """Sync twice with a fake that gets some records late."""
    size, late = str(_CALLS), str(_LATE)
    with subprocess.Popen(
        [str(_BIN / "plivo-async"), "fake", "--size", size, "--late", late],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as fake:
        try:
            exported = fake.stdout.readline() if fake.stdout else ""
            settings = dict(re.findall(r"(\w+)=(\S+)", exported))
            sync = ["plivo-async", "sync", "calls.db"]
            return record([sync, sync], folder, 20, settings)
        finally:
            fake.send_signal(signal.SIGINT)


def _spans(row: dict[int, pyte.screens.Char]) -> Iterator[str]:
    """Yield the texts of a row, one for each change of colour."""
    cells = [row[column] for column in range(_COLUMNS)]
    begin = 0
    for end in range(1, _COLUMNS + 1):
        first = cells[begin]
        if end < _COLUMNS and (cells[end].fg, cells[end].bold) == (first.fg, first.bold):
            continue
        words = "".join(cell.data for cell in cells[begin:end])
        if words.strip():
            x = (begin + len(words) - len(words.lstrip())) * _CHARACTER_PIXELS
            length = len(words.strip()) * _CHARACTER_PIXELS
            # Of the 256 colours, the terminal returns the six digits.
            colour = _COLOURS.get(first.fg) or f"#{first.fg}"
            bold = ' font-weight="600"' if first.bold else ""
            look = f'x="{x:g}" fill="{colour}"{bold} textLength="{length:g}"'
            yield f"<text {look}>{escape(words.strip())}</text>"
        begin = end


def frames(cast: str) -> list[tuple[float, list[str]]]:
    """Return the screens of an asciicast and when each appears, at most one in a quarter of a second."""
    rows = json.loads(cast.partition("\n")[0])["height"]
    screen = pyte.Screen(_COLUMNS, rows)
    stream = pyte.Stream(screen)
    shown: list[tuple[float, list[str]]] = []
    due = 0.0
    events = [json.loads(line) for line in cast.splitlines()[1:]]
    for place, (seconds, _, written) in enumerate(events):
        stream.feed(written)
        last = place == len(events) - 1
        if seconds < due and not last:
            continue
        due = seconds + _FRAME_SECONDS
        picture = ["".join(_spans(screen.buffer[row])) for row in range(rows)]
        if not shown or picture != shown[-1][1]:
            shown.append((seconds, picture))
    return shown


def to_svg(cast: str) -> str:
    """Draw an asciicast: its screens below each other, behind a window that jumps from one to the next.

    It plays twice and stops at the last screen, which is also what readers see who want no motion.
    """
    screens = frames(cast)
    width = round(_COLUMNS * _CHARACTER_PIXELS) + 2 * _MARGIN_PIXELS
    height = len(screens[0][1]) * _LINE_PIXELS + 2 * _MARGIN_PIXELS
    total = screens[-1][0] + _LAST_FRAME_SECONDS
    ids: dict[str, str] = {}
    uses: list[str] = []
    for place, (_, rows) in enumerate(screens):
        for row, spans in enumerate(rows):
            if spans:
                name = ids.setdefault(spans, f"r{len(ids)}")
                y = place * height + row * _LINE_PIXELS + _LINE_PIXELS
                uses.append(f'<use href="#{name}" y="{y}"/>')
    steps = "".join(
        f"{100 * seconds / total:.3f}%{{transform:translateY({-place * height}px)}}"
        for place, (seconds, _) in enumerate(screens)
    )
    rest = -(len(screens) - 1) * height
    style = (
        "text{font:14px ui-monospace,Menlo,Consolas,'Liberation Mono',monospace;white-space:pre}"
        f".film{{transform:translateY({rest}px);animation:film {total:.2f}s step-end 2}}"
        f"@keyframes film{{{steps}100%{{transform:translateY({rest}px)}}}}"
        "@media (prefers-reduced-motion:reduce){.film{animation:none}}"
    )
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f"<style>{style}</style>",
        "<defs>",
        *(f'<g id="{name}">{spans}</g>' for spans, name in ids.items()),
        "</defs>",
        f'<rect width="{width}" height="{height}" rx="6" fill="#15191e"/>',
        f'<svg x="{_MARGIN_PIXELS}" y="{_MARGIN_PIXELS // 2}"><g class="film">',
        *uses,
        "</g></svg>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


RECORDINGS = {"demo": record_demo, "sync": record_sync}


def main(*, only_draw: bool) -> None:
    """Record, unless `only_draw`, and draw."""
    FOLDER.mkdir(exist_ok=True)
    for name, recorded in RECORDINGS.items():
        cast = FOLDER / f"{name}.cast"
        if not only_draw:
            with tempfile.TemporaryDirectory() as folder:
                cast.write_text(recorded(Path(folder)), encoding="utf-8")
        (FOLDER / f"{name}.svg").write_text(to_svg(cast.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(only_draw=sys.argv[1:] == ["--draw"])
