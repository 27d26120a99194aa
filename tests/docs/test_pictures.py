"""The committed pictures are those that docs/draw.py draws."""

from __future__ import annotations

import importlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from tests.docs.doc_examples import ROOT, pages

PICTURES: dict[str, Callable[[], str]] = importlib.import_module("docs.draw").PICTURES
FOLDER = ROOT / "docs" / "pictures"


def test_there_is_a_file_for_each_picture_and_no_other() -> None:
    assert {file.stem for file in FOLDER.glob("*.svg")} == set(PICTURES)


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_is_up_to_date(name: str) -> None:
    """If this fails, run `python -m docs.draw`."""
    assert (FOLDER / f"{name}.svg").read_text() == PICTURES[name]()


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_is_xml_and_has_colours_for_both_schemes(name: str) -> None:
    drawn = PICTURES[name]()

    assert ET.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in drawn


@pytest.mark.parametrize("name", sorted(PICTURES.keys() - {"mark"}))
def test_a_page_shows_the_picture_with_a_text_in_its_place(name: str) -> None:
    shown = [
        page for page in [*pages(), ROOT / "CONTRIBUTING.md"] if f"pictures/{name}.svg" in page.read_text()
    ]

    assert len(shown) == 1
    assert re.search(rf"!\[[^]]{{80,}}\]\([a-z./]*pictures/{name}\.svg\)", shown[0].read_text())
