"""The committed pictures are those that docs/draw.py draws."""

from __future__ import annotations

import runpy
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from tests.docs.doc_examples import ROOT

PICTURES: dict[str, Callable[[], str]] = runpy.run_path(str(ROOT / "docs" / "draw.py"))["PICTURES"]
FOLDER = ROOT / "docs" / "pictures"


def test_there_is_a_file_for_each_picture_and_no_other() -> None:
    assert {file.stem for file in FOLDER.glob("*.svg")} == set(PICTURES)


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_is_up_to_date(name: str) -> None:
    """If this fails, run `python docs/draw.py`."""
    assert (FOLDER / f"{name}.svg").read_text() == PICTURES[name]()


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_picture_is_xml_and_has_colours_for_both_schemes(name: str) -> None:
    drawn = PICTURES[name]()

    assert ET.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme: dark" in drawn
