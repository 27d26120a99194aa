"""The pages are easy to read, as far as this can be counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.doc_examples import pages
from tests.docs.reading import MAX_WORDS_BEFORE_CODE, read


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.md"


def test_code_tables_and_pictures_are_no_prose(page: Path) -> None:
    page.write_text(
        "# Two words\n\n![a picture](a.svg)\n\n| a | b |\n|---|---|\n| c | d |\n\n```\nx y z\n```\nEnd.\n"
    )

    assert (read(page).before_code, read(page).words) == (2, 3)


def test_the_text_of_a_box_counts_and_its_code_is_code(page: Path) -> None:
    page.write_text(
        "````{admonition} A title\n:class: tip\n\nThree words here.\n\n```text\nx\n```\n````\nEnd.\n"
    )

    assert (read(page).before_code, read(page).words) == (5, 6)


def test_a_sentence_goes_on_over_lines_links_and_code_and_ends_with_its_paragraph(page: Path) -> None:
    long = " ".join(["`word`"] * 15 + ["[a\nlink](b.md)"] * 8)
    page.write_text(f"Short. {long}\n\n- {' '.join(['word'] * 30)}\n- word\n")

    assert [len(sentence.split()) for sentence in read(page).long_sentences] == [31]


def test_no_page_has_a_long_sentence_or_much_text_before_its_first_code() -> None:
    found = [read(page) for page in pages()]

    assert [sentence for one in found for sentence in one.long_sentences] == []
    assert [one.page for one in found if one.before_code > MAX_WORDS_BEFORE_CODE] == []
