"""The small inventories that link types of other projects to their documentation."""

from __future__ import annotations

import importlib
import re
import zlib
from pathlib import Path

import pytest

inventories = importlib.import_module("docs.inventories")
PROJECTS = sorted(file.stem for file in inventories.FOLDER.glob("*.txt"))
# Of these, Python's builtins are described.
_BUILTIN_PAGES = {"constants", "exceptions", "functions", "stdtypes"}


def page_of(project: str, name: str) -> str:
    """The page that describes a name, by the rule of its project."""
    module, _, last = name.rpartition(".")
    match project:
        case "python":
            return rf"library/({module or '|'.join(_BUILTIN_PAGES)})(-\w+)?\.html#\$"
        case "attrs":
            return r"api\.html#\$"
        case "cattrs":
            return r"cattrs\.html#\$"
        case "opentelemetry":
            return rf"api/{module.removeprefix('opentelemetry.')}\.html#\$"
        case "httpx":
            return rf"(api/#{last.lower()}|exceptions/#exception-classes|advanced/\w+/#[a-z-]+)"
        case _:
            raise NotImplementedError(project)


@pytest.mark.parametrize("project", PROJECTS)
def test_each_name_is_on_the_page_that_the_rule_of_its_project_names(project: str) -> None:
    address, lines = inventories.addresses_and_lines(project)

    assert re.fullmatch(r"https://\S+/", address)
    assert lines
    for line in lines:
        name, kind, priority, location, shown = line.split()
        assert re.fullmatch(page_of(project, name), location), line
        assert kind.startswith("py:")
        assert (priority, shown) == ("1", "-")


def test_the_build_reads_inventories_from_files_not_from_the_network(tmp_path: Path) -> None:
    mapped = inventories.mapping(tmp_path)

    assert sorted(mapped) == PROJECTS
    for address, file in mapped.values():
        *head, body = Path(file).read_bytes().split(b"\n", 4)
        assert address.startswith("https://")
        assert head[0] == b"# Sphinx inventory version 2"
        assert b" py:" in zlib.decompress(body)


def test_locations_are_copied_from_a_whole_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventories, "FOLDER", tmp_path)
    (tmp_path / "some.txt").write_text("https://some.example/\nsome.B x\n")
    whole = b"some.A py:class 1 a.html#$ -\nsome.B py:class 1 b.html#$ -\n"

    inventories.refresh("some", b"#\n#\n#\n#\n" + zlib.compress(whole))

    assert (tmp_path / "some.txt").read_text() == "https://some.example/\nsome.B py:class 1 b.html#$ -\n"
    (tmp_path / "some.txt").write_text("https://some.example/\nsome.C x\n")
    with pytest.raises(SystemExit, match="some.C"):
        inventories.refresh("some", b"#\n#\n#\n#\n" + zlib.compress(whole))
