"""The outcome of each input shape: read, named in a line that helps, or refused otherwise.

python tests/benchmarks/input_shapes.py [--all]

PYTHONPATH may name another checkout, to compare with it.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import sys
import tempfile
import uuid
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import plivo_async
from plivo_async.cli.app import run
from plivo_async.testing import FakePlivo

_SHAPES = Path(__file__).parents[1] / "cli" / "export" / "input_shapes.py"
_IDS = [str(uuid.UUID(int=0x0F0E0D0C0B0A09080706050403020100 * number, version=4)) for number in range(1, 6)]
_HELPS = re.compile(
    r"save it as|name (?:the|another|its)|use: |did you mean|the columns are|never closed|ends early|quote"
)


def all_shapes() -> list[Any]:
    """Load the shapes of this checkout's tests, even if another package is imported."""
    spec = importlib.util.spec_from_file_location("input_shapes", _SHAPES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["input_shapes"] = module
    spec.loader.exec_module(module)
    shapes: list[Any] = module.shapes(_IDS)
    return shapes


def outcome(shape: Any, folder: Path) -> tuple[str, str]:
    """Export an input; return the outcome and the last line of the messages."""
    given, output = folder / "calls.x", folder / "out.ndjson"
    given.write_bytes(shape.text)
    for path in folder.glob("out*"):
        path.unlink()
    messages = io.StringIO()
    with redirect_stderr(messages), redirect_stdout(io.StringIO()):
        arguments = ["--rate", "none", "--summary", "none", "-q", *shape.options]
        code = run(["export", *arguments, "-i", str(given), "-o", str(output)])
    lines = output.read_text().splitlines() if output.exists() else []
    written = {json.loads(line)["call_uuid"].lower() for line in lines}
    message = (messages.getvalue().splitlines() or [""])[-1].replace(str(folder) + "/", "")
    if code == 0 and written == set(_IDS):
        return "read", ""
    misleads = (
        "looks like CSV" in message and not shape.name.startswith("CSV") and "two columns" not in shape.name
    )
    has_failures = (folder / "out.ndjson.failed").exists()
    helps = re.search(shape.named, message) if shape.named else _HELPS.search(message)
    return ("named" if code == 1 and helps and not misleads and not has_failures else "refused"), message


def main(*, prints_all: bool) -> None:
    """Print the outcomes by their number, and each shape with its message."""
    fake = FakePlivo(rate_limit=None)
    for call_uuid in _IDS:
        fake.add({"call_uuid": call_uuid}, {"call_uuid": call_uuid.upper()})
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name, fake.serve() as url:
        os.environ |= {
            "PLIVO_AUTH_ID": fake.auth_id,
            "PLIVO_AUTH_TOKEN": fake.auth_token,
            "PLIVO_ASYNC_BASE_URL": url,
            "NO_PROXY": "127.0.0.1",
        }
        for shape in all_shapes():
            result, message = outcome(shape, Path(name))
            counts[result] += 1
            if prints_all or result == "refused":
                sys.stdout.write(f"{result:8} {shape.name:48} {message[:140]}\n")
    sys.stdout.write(f"\n{Path(plivo_async.__file__).parent}: {counts.total()} shapes\n")
    for result in ("read", "named", "refused"):
        sys.stdout.write(f"{result:8} {counts[result]:4}\n")


if __name__ == "__main__":
    main(prints_all="--all" in sys.argv[1:])
