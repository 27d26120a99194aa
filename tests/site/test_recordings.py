"""The recordings of terminals on the pages."""

from __future__ import annotations

import importlib

import pytest

from tests.site.conftest import HTML

recorder = importlib.import_module("docs.record")
FOLDER = HTML.parents[1] / "recordings"


@pytest.mark.parametrize("name", sorted(recorder.RECORDINGS))
def test_a_picture_shows_its_recording(name: str) -> None:
    """If this fails, run `python -m docs.record --draw`."""
    assert recorder.to_svg((FOLDER / f"{name}.cast").read_text()) == (FOLDER / f"{name}.svg").read_text()


@pytest.mark.parametrize("name", sorted(recorder.RECORDINGS))
def test_a_recording_ends_at_a_prompt_after_the_command_has_done_its_work(name: str) -> None:
    _, last = recorder.frames((FOLDER / f"{name}.cast").read_text())[-1]
    written = [row for row in last if row]

    assert written[-1].endswith(">$</text>")
    # The lower edge of the summary.
    assert "\u256f" in written[-2]
