"""Measures how the pages read: the words before the first code of a page, and the sentences that are long.

    python -m tests.docs.reading [ROOT]      prints a row for each page, then each long sentence

Prose is what is neither code nor a table nor a picture. A sentence ends at a full stop, a question mark, an
exclamation mark or a colon, and with its paragraph. Its words are what blanks part. Code in a line counts.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.docs.doc_examples import INCLUDED, ROOT, pages

# More are hard to follow.
MAX_SENTENCE_WORDS = 30
# A reader who wants to try something has read enough by then.
MAX_WORDS_BEFORE_CODE = 900
_SENTENCE_END = re.compile(r"(?<=[.?!:])\s+")
_BOX = re.compile(r"\{(admonition|tip|note|warning|important)\}")
_INCLUDED_CODE = "{" + INCLUDED + "}"
_MARKDOWN = MarkdownIt("commonmark").enable("table")


@frozen
class Reading:
    """How a page reads.

    Attributes:
        page: The page.
        words: The words of its prose.
        before_code: Those before its first code; all of them if it has none.
        long_sentences: Its sentences of more than 30 words.
    """

    page: Path
    words: int
    before_code: int
    long_sentences: tuple[str, ...]


def read(page: Path) -> Reading:
    """Measure a page."""
    words, before_code = 0, None
    long_sentences: list[str] = []
    for text in _parts(_MARKDOWN.parse(page.read_text())):
        if text is None:
            before_code = words if before_code is None else before_code
            continue
        words += len(text.split())
        sentences = _SENTENCE_END.split(text)
        long_sentences += [s for s in sentences if len(s.split()) > MAX_SENTENCE_WORDS]
    return Reading(page, words, words if before_code is None else before_code, tuple(long_sentences))


def _parts(tokens: Sequence[Token]) -> Iterator[str | None]:
    """The paragraphs and headings, and None for each block of code."""
    in_table = False
    for token in tokens:
        if token.type in ("table_open", "table_close"):
            in_table = token.type == "table_open"
        elif token.type == "inline" and not in_table:
            yield _text(token).removeprefix(": ")
        elif token.type == "fence" and _BOX.match(token.info):
            yield from _parts(_MARKDOWN.parse(token.content))
        elif token.type == "fence" and (token.info[:1] != "{" or token.info.startswith(_INCLUDED_CODE)):
            yield None


def _text(inline: Token) -> str:
    return "".join(
        child.content if child.type in ("text", "code_inline") else " " * (child.type == "softbreak")
        for child in inline.children or ()
    )


def _report(root: Path) -> str:
    found = [read(page) for page in pages(root)]
    rows = [
        f"{r.page.relative_to(root).as_posix():45} {r.words:6} {r.before_code:12} {len(r.long_sentences):14}"
        for r in found
    ]
    sentences = [
        f"{len(sentence.split())} words, {r.page.name}: {sentence}"
        for r in found
        for sentence in r.long_sentences
    ]
    heading = f"{'page':45} {'words':>6} {'before code':>12} {'long sentences':>14}"
    total = f"{len(found)} pages, {len(sentences)} sentences of more than {MAX_SENTENCE_WORDS} words"
    return "\n".join([heading, *rows, total, *sentences]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(_report(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT))
