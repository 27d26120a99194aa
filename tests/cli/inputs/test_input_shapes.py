"""Each shape of an input is read, or one line names it and the command that helps."""

from __future__ import annotations

import re
import uuid

from plivo_async.cli.inputs.lines import InputError
from plivo_async.cli.inputs.parser import InputParser
from tests.cli.inputs.input_shapes import Shape, shapes

IDS = [str(uuid.UUID(int=0x0F0E0D0C0B0A09080706050403020100 * number, version=4)) for number in range(1, 6)]


def rows_of(shape: Shape, chunk_bytes: int) -> list[str]:
    """Return the rows of an input that arrives in chunks, and its message as a last row."""
    given = dict(zip(shape.options[::2], shape.options[1::2], strict=True))
    parser = InputParser("calls.x", column=given.get("--column"), key=given.get("--key"))
    rows: list[str] = []
    try:
        for at in range(0, len(shape.text), chunk_bytes):
            rows += [row for row in parser.feed(shape.text[at : at + chunk_bytes]) if row is not None]
        rows += [row for row in parser.close() if row is not None]
    except InputError as error:
        rows.append(error.message)
    return rows


def test_every_shape_is_read_or_named() -> None:
    found = shapes(IDS)
    wrong: list[object] = []
    for shape in found:
        rows = rows_of(shape, 1 << 16)
        if shape.named:
            is_right = bool(rows) and re.search(f"^calls.x[:,] .*{shape.named}", rows[-1]) is not None
        else:
            is_right = [row.lower() for row in rows if row] == IDS and rows.count("") == shape.without_id
        wrong += [] if is_right else [(shape.name, rows[-6:])]

    assert wrong == []
    assert len(found) >= 117
    assert len({shape.name for shape in found}) == len(found)


def test_the_size_of_the_chunks_does_not_matter() -> None:
    for shape in shapes(IDS):
        if len(shape.text) < 3_000:
            assert rows_of(shape, 7) == rows_of(shape, 1 << 16), shape.name
