"""The check of the links in the built site."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

links = importlib.import_module("docs.links")


def test_a_link_to_a_missing_file_or_anchor_is_broken_and_one_to_another_site_is_listed(
    tmp_path: Path,
) -> None:
    site = tmp_path / "html"
    (site / "guides").mkdir(parents=True)
    (site / "index.html").write_text(
        '<a href="guides/a.html#there">1</a> <a href="guides/a.html#gone">2</a> <a href="gone.html">3</a>'
        '<a href="https://other.example/x">4</a> <a href="#">5</a> <a href="guides/a.html?highlight=x">6</a>'
    )
    (site / "guides" / "a.html").write_text('<h1 id="there">A</h1> <img src="../gone.svg">')

    broken, external = links.check(site)

    assert broken == ["guides/a.html: ../gone.svg", "index.html: gone.html", "index.html: guides/a.html#gone"]
    assert external == ["https://other.example/x"]
    with pytest.raises(SystemExit, match="gone.html"):
        links.main(site)
    assert (tmp_path / "external-links.txt").read_text() == "https://other.example/x\n"
