"""Draw the pictures of the pages: `python -m docs.draw` writes docs/pictures/*.svg.

The files are committed, so that the pages have their pictures wherever they are shown. A test compares them
with the functions here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from docs.svg import arrow, box, line, svg, text
from tests.test_rooms import ROOMS

FOLDER = Path(__file__).parent / "pictures"


def mark() -> str:
    """Three records in an arrow that goes round: the mark of the project."""
    style = """
  .mark { stroke: #0d8068; fill: none; stroke-width: 6; stroke-linecap: round; }
  .head { fill: #0d8068; }
  @media (prefers-color-scheme: dark) { .mark { stroke: #3cc9a3; } .head { fill: #3cc9a3; } }
"""
    return svg(
        64,
        64,
        '<path d="M52.4 19.5 A24 24 0 1 0 55.8 35" class="mark"/>',
        '<path d="M57.5 10.5 L55.2 26.5 L42.8 17.2 Z" class="head"/>',
        '<path d="M22 25 H38 M22 34 H42 M22 43 H33" class="mark" style="stroke-width: 5"/>',
        style=style,
    )


def order() -> str:
    """Draw a call as boxes in boxes: middleware, attempts, the request."""
    layers = [
        ("calls.get", "returns the record", "plain"),
        ("tracing.call", "the span of the call", "plain"),
        ("deadline", "ends everything inside", "plain"),
        ("your middleware", "once for each call", "warm"),
        ("RetryMiddleware", "again after a failure", "plain"),
        ("your attempt_middleware", "once for each attempt", "warm"),
        ("RateLimitMiddleware", "a permit for each attempt", "pale"),
        ("tracing.request", "the span of the request", "pale"),
        ("send, read the body", "", "good"),
    ]
    head, inset, width = 27, 10, 560
    bottom = head * len(layers) + 30
    parts: list[str] = []
    for depth, (name, note, look) in enumerate(layers):
        x, y = 4 + depth * inset, 4 + depth * head
        # Deeper boxes end higher. Below the deadline the outermost but one has a line for `decode`.
        end = bottom + (len(layers) - depth) * inset + (head if depth < 2 else 0) - head
        parts += [box(x, y, width - 8 - 2 * depth * inset, end - y, look)]
        parts += [text(x + 10, y + 18, name, "code"), text(width - x - 10, y + 18, note, "small soft end")]
    decode = bottom + (len(layers) - 2) * inset - 2
    parts.append(text(24, decode, "decode", "code"))
    parts.append(text(width - 24, decode, "JSON to CallDetailRecord", "small soft end"))
    return svg(width, bottom + (len(layers)) * inset + 8, *parts)


def window() -> str:
    """Draw the permits of a window, and a 429 with its pause and its probe."""
    second, left = 41, 92

    def at(seconds: float) -> float:
        return left + seconds * second

    parts = [text(4, 18, "300 permits. Each is free again 5 s after its response.", "bold")]
    rows = [("permit 1", 0.0, 0.3), ("permit 2", 0.05, 0.5), ("permit 300", 0.4, 0.35)]
    for row, (name, begin, took) in enumerate(rows):
        y = 34 + row * 30 + (14 if row == 2 else 0)
        parts.append(text(left - 10, y + 15, name, "small soft end"))
        free = begin + took + 5
        parts += [
            box(at(begin), y, took * second, 20, "good"),
            box(at(begin + took), y, 5 * second, 20, "pale"),
        ]
        parts.append(text(at(begin + took + 2.5), y + 14, "5 s", "small soft middle"))
        parts += [
            box(at(free), y, took * second, 20, "good"),
            box(at(free + took), y, 4 * second, 20, "pale"),
        ]
    parts.append(text(left - 26, 104, "\u22ee", "soft middle"))
    parts.append(line((at(0), 140), (at(10.6), 140)))
    for seconds in range(0, 11, 5):
        parts += [
            line((at(seconds), 136), (at(seconds), 144)),
            text(at(seconds), 158, f"{seconds} s", "small soft middle"),
        ]
    parts += [box(at(1.2), 149, 14, 11, "good"), text(at(1.2) + 20, 159, "request", "small soft")]
    parts += [box(at(6.2), 149, 14, 11, "pale"), text(at(6.2) + 20, 159, "counted by Plivo", "small soft")]

    parts.append(text(4, 196, "Another program uses the account: a 429, a pause, a probe.", "bold"))
    y = 212
    for begin, end, look, name in [
        (0, 2.2, "good", "150 pass"),
        (2.25, 3.3, "bad", "429"),
        (3.35, 7.1, "pale", "all calls pause"),
        (7.15, 8.5, "warm", "probe"),
        (8.55, 10.6, "good", "the others"),
    ]:
        parts += [box(at(begin), y, (end - begin) * second, 28, look)]
        parts += [text(at((begin + end) / 2), y + 18, name, "small middle")]
    parts.append(text(left - 10, y + 18, "requests", "small soft end"))
    parts.append(arrow((at(2.8), y + 46), (at(2.8), y + 30)))
    parts.append(text(at(2.8), y + 60, "sent again after the pause", "small soft middle"))
    parts.append(arrow((at(7.8), y + 46), (at(7.8), y + 30)))
    parts.append(text(at(7.8), y + 60, "has it succeeded?", "small soft middle"))
    return svg(560, 282, *parts)


def holding() -> str:
    """Draw a batch before, during and after an outage."""
    left = 104
    parts: list[str] = []
    rows = {"requests": 30, "call UUIDs": 88, "holding": 124}
    for name, y in rows.items():
        parts.append(text(left - 10, y + 16, name, "small end" if name != "holding" else "small code end"))
    begins, ends = left + 148, left + 350
    parts.append(text((begins + ends) / 2, 18, "outage", "bold middle"))
    for x in (begins, ends):
        parts.append(line((x, 24), (x, 152), look="thin dashed"))
    y = rows["requests"]
    parts += [box(left + step * 11, y, 8, 22, "good") for step in range(6)]
    parts += [box(left + 72 + step * 9, y, 7, 22, "bad") for step in range(8)]
    # The gaps between probes grow.
    probes = [begins + 10, begins + 28, begins + 62, begins + 122]
    parts += [box(x, y, 8, 22, "bad") for x in probes]
    parts.append(box(ends - 10, y, 8, 22, "good"))
    parts += [box(ends + 10 + step * 11, y, 8, 22, "good") for step in range(8)]
    y = rows["call UUIDs"]
    parts += [box(left, y, 144, 24, "good"), text(left + 72, y + 16, "are read", "small middle")]
    parts += [box(begins + 2, y, ends - begins - 4, 24, "pale")]
    parts += [text((begins + ends) / 2, y + 16, "wait in their source", "small soft middle")]
    parts += [box(ends + 4, y, 96, 24, "good"), text(ends + 52, y + 16, "are read", "small middle")]
    y = rows["holding"]
    parts += [text(left + 72, y + 16, "None", "code middle"), text(ends + 52, y + 16, "None", "code middle")]
    parts += [box(begins + 2, y, ends - begins - 4, 24, "warm")]
    parts += [text((begins + ends) / 2, y + 16, "outage, until, error", "small middle")]
    for x, words in [
        (left + 84, "8 failures in a row"),
        ((begins + ends) / 2, "probes, 0.5 to 15 s apart"),
        (ends + 52, "failed ones too"),
    ]:
        parts.append(text(x, 72, words, "small soft middle"))
    return svg(560, 158, *parts)


def resume() -> str:
    """Draw the output file of an export at its death, on `--resume` and at its end."""
    columns = [("kill -9", 4), ("export --resume", 200), ("the end", 396)]
    lines = ["call 1", "call 2", "call 3"]
    parts: list[str] = []
    for name, x in columns:
        parts += [text(x + 80, 18, name, "code middle"), box(x, 30, 160, 152, "plain")]
        for row, words in enumerate(lines):
            parts += [
                box(x + 10, 40 + row * 28, 140, 22, "good"),
                text(x + 80, 55 + row * 28, words, "small middle"),
            ]
    x = columns[0][1]
    parts += [box(x + 10, 124, 62, 22, "bad"), text(x + 41, 139, "cal", "small middle")]
    parts.append(text(x + 80, 200, "the last line is cut short", "small soft middle"))
    x = columns[1][1]
    parts += [box(x + 10, 124, 140, 22, "pale"), text(x + 80, 139, "removed", "small soft middle")]
    parts.append(text(x + 80, 200, "read from its beginning", "small soft middle"))
    x = columns[2][1]
    for row, words in enumerate(["call 4", "call 5"]):
        parts += [
            box(x + 10, 124 + row * 28, 140, 22, "warm"),
            text(x + 80, 139 + row * 28, words, "small middle"),
        ]
    parts.append(text(x + 80, 200, "only what is missing", "small soft middle"))
    parts += [arrow((166, 106), (198, 106)), arrow((362, 106), (394, 106))]
    return svg(560, 210, *parts)


def lanes() -> str:
    """Draw three lanes of waiting calls, and the order in which they get their permits."""
    waiting = [("single calls", "good", 2), ("a batch", "warm", 8), ("a list", "pale", 3)]
    parts: list[str] = []
    for row, (name, look, calls) in enumerate(waiting):
        y = 30 + row * 36
        parts += [text(4, y + 16, name, "small")]
        parts += [box(250 - step * 20, y, 16, 22, look) for step in range(calls)]
        parts += [line((92, y + 29), (276, y + 29), look="thin dashed")]
        parts += [
            arrow((272, y + 11), (300, y + 11), (300, 77), (318, 77))
            if row != 1
            else line((272, 77), (300, 77))
        ]
    parts += [text(178, 18, "wait for a permit", "small soft middle")]
    taken = [
        waiting[0],
        waiting[1],
        waiting[2],
        waiting[0],
        *waiting[1:],
        *waiting[1:],
        waiting[1],
        waiting[1],
    ]
    parts += [box(324 + place * 23, 66, 16, 22, look) for place, (_, look, _) in enumerate(taken)]
    parts += [text(430, 52, "lanes take turns", "small soft middle")]
    parts += [text(324, 108, "first", "small soft"), text(324 + 23 * 10 - 7, 108, "last", "small soft end")]
    return svg(560, 140, *parts)


def _floors() -> Iterator[list[str]]:
    """Yield the rooms by floor, from the ground up: a room is above all that it imports."""
    floor: dict[str, int] = {}
    for name, room in ROOMS.items():
        floor[name] = 1 + max((floor[below] for below in room.rooms), default=-1)
    for level in range(max(floor.values()) + 1):
        yield [name for name in ROOMS if floor[name] == level]


def house() -> str:
    """Draw the rooms of the package: each imports rooms below it only."""
    floors = list(_floors())
    height, width = 54, 560
    total = len(floors) * height
    center: dict[str, tuple[float, float]] = {}
    boxes: list[str] = []
    for level, names in enumerate(floors):
        y = total - (level + 1) * height + 8
        room_width = min(160, (width - 8) / len(names) - 12)
        begin = (width - len(names) * (room_width + 12) + 12) / 2
        for place, name in enumerate(names):
            x = begin + place * (room_width + 12)
            center[name] = (x + room_width / 2, y)
            look = "good" if name == "client" else "pale" if level else "warm"
            boxes += [box(x, y, room_width, 30, look), text(x + room_width / 2, y + 20, name, "code middle")]
    below: dict[str, set[str]] = {}
    lines: list[str] = []
    for name, room in ROOMS.items():
        below[name] = set(room.rooms).union(*(below[other] for other in room.rooms))
        # Only what no other import leads to anyway.
        for other in sorted(room.rooms):
            if not any(other in below[between] for between in room.rooms):
                (x, y), (x2, y2) = center[name], center[other]
                lines.append(line((x, y + 30), (x2, y2), look="line" if y2 - y == height else "thin"))
    return svg(width, total + 4, *lines, *boxes)


PICTURES: dict[str, Callable[[], str]] = {
    "holding": holding,
    "house": house,
    "lanes": lanes,
    "mark": mark,
    "order": order,
    "resume": resume,
    "window": window,
}


def main() -> None:
    """Write every picture."""
    for name, picture in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(picture(), encoding="utf-8")


if __name__ == "__main__":
    main()
