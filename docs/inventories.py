"""Links to the documentation of other projects, without a download during the build.

`docs/inventories/PROJECT.txt` holds the lines of a project's Sphinx inventory that the pages use. Its first
line is the address of that documentation. conf.py compresses the lines into the form that intersphinx reads.

When `sphinx-build -n` reports a name without a target, add it to the file, with any location. Then copy the
locations from the project's own inventory, a downloaded `objects.inv`:

    python docs/inventories.py python objects.inv

The files cattrs.txt and opentelemetry.txt follow the rule of such inventories: page, `#`, full name. httpx
has no inventory, because its pages are not made with Sphinx. Its anchors are the headings of its pages.
"""

from __future__ import annotations

import re
import sys
import zlib
from pathlib import Path

FOLDER = Path(__file__).parent / "inventories"
_HEADER = "# Sphinx inventory version 2\n# Project: {}\n# Version: \n# The rest is compressed using zlib.\n"


def addresses_and_lines(project: str) -> tuple[str, list[str]]:
    """Return the address of a project's documentation and the lines of its small inventory."""
    address, *lines = (FOLDER / f"{project}.txt").read_text(encoding="utf-8").splitlines()
    return address, lines


def mapping(build: Path) -> dict[str, tuple[str, str]]:
    """Write an inventory for each project into `build`, and return the value of `intersphinx_mapping`."""
    build.mkdir(parents=True, exist_ok=True)
    mapped: dict[str, tuple[str, str]] = {}
    for file in sorted(FOLDER.glob("*.txt")):
        address, lines = addresses_and_lines(file.stem)
        inventory = build / f"{file.stem}.inv"
        text = "".join(f"{line}\n" for line in lines)
        inventory.write_bytes(_HEADER.format(file.stem).encode() + zlib.compress(text.encode()))
        mapped[file.stem] = (address, str(inventory))
    return mapped


def refresh(project: str, inventory: bytes) -> None:
    """Take the lines of the names in a small inventory from the project's whole one."""
    compressed = inventory.split(b"\n", 4)[4]
    whole = {match[1]: match[0] for match in re.finditer(r"^(\S+) py:.*$", _text(compressed), re.MULTILINE)}
    address, lines = addresses_and_lines(project)
    wanted = sorted(line.split()[0] for line in lines)
    unknown = [name for name in wanted if name not in whole]
    if unknown:
        sys.exit(f"not in the inventory: {', '.join(unknown)}")
    text = "".join(f"{line}\n" for line in [address, *(whole[name] for name in wanted)])
    (FOLDER / f"{project}.txt").write_text(text, encoding="utf-8")


def _text(compressed: bytes) -> str:
    return zlib.decompress(compressed).decode()


if __name__ == "__main__":
    refresh(sys.argv[1], Path(sys.argv[2]).read_bytes())
