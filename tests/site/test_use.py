"""What a reader does on the site: search, copy, follow the links of types."""

from __future__ import annotations

import runpy

import pytest
from playwright.sync_api import BrowserContext

from tests.site.conftest import HTML

WORDS: dict[str, list[str]] = runpy.run_path(str(HTML.parents[1] / "search_words.py"))["WORDS"]
PAGES_BY_WORD = {
    **{word: page for page, words in WORDS.items() for word in words},
    "celery": "how-to/celery",
    "opentelemetry": "how-to/tracing",
    "lambda": "how-to/aws-lambda",
    "uvicorn": "how-to/web-service",
    "asyncio worker": "how-to/worker",
}
# Results come last to first, each begins with the name of its page.
_SEARCH = """words => Object.fromEntries(words.map(word => [
  word, Search._performSearch(...Search._parseQuery(word)).map(result => result[0]).reverse()
]))"""


def test_the_search_shows_the_page_of_a_word_first(window: BrowserContext) -> None:
    page = window.new_page()
    page.goto("/search.html?q=Celery")
    page.wait_for_selector("ul.search li a")
    first = page.locator("ul.search li > a").first

    assert first.inner_text() == "Use the client in Celery"
    first.click()
    page.wait_for_url("**/how-to/celery.html**")
    page.close()


def test_the_search_finds_the_page_of_a_word(window: BrowserContext) -> None:
    """Among the first three pages, which are those that a reader looks at."""
    page = window.new_page()
    page.goto("/search.html?q=call")
    page.wait_for_function("Search.hasIndex()")
    found = page.evaluate(_SEARCH, list(PAGES_BY_WORD))
    page.close()
    firsts = {word: list(dict.fromkeys(names))[:3] for word, names in found.items()}

    assert {word: firsts[word] for word, name in PAGES_BY_WORD.items() if name not in firsts[word]} == {}


@pytest.mark.parametrize(
    ("page_name", "block", "copied"),
    [
        ("tutorial/first-record.html", "div.highlight-console", "plivo-async --version\n"),
        ("index.html", "div.highlight-python", "import asyncio\n"),
    ],
)
def test_the_button_copies_code_without_prompts_and_output(
    window: BrowserContext, page_name: str, block: str, copied: str
) -> None:
    page = window.new_page()
    page.goto(f"/{page_name}")
    page.evaluate("navigator.clipboard.writeText('')")
    first = page.locator(block).first
    first.hover()
    first.locator("button.copybtn").click()
    page.wait_for_selector(f"{block} button.copybtn.success")
    text = page.evaluate("navigator.clipboard.readText()")
    page.close()

    assert text.startswith(copied)
    assert "$ " not in text


def test_types_of_other_projects_link_to_their_documentation() -> None:
    text = "".join(path.read_text() for path in (HTML / "reference" / "api").glob("*.html"))

    for link in (
        "https://docs.python.org/3/library/decimal.html#decimal.Decimal",
        "https://www.python-httpx.org/api/#response",
        "https://catt.rs/en/stable/cattrs.html#cattrs.converters.Converter",
    ):
        assert f'href="{link}"' in text


def test_the_signature_of_a_method_has_each_option_with_its_type(window: BrowserContext) -> None:
    page = window.new_page()
    page.goto("/reference/api/calls.html#plivo_async.CallsResource.get")
    signature = page.locator("dt[id='plivo_async.CallsResource.get']").inner_text()
    every_signature = "".join(page.locator("dt.sig").all_inner_texts())
    page.close()

    assert [line.strip(" ,") for line in signature.splitlines()][3:7] == [
        "timeout: float | Timeout = ...",
        "deadline: float | None = ...",
        "retry: RetryPolicy | int | None = ...",
        "max_body: int = ...",
    ]
    assert "Unpack" not in every_signature


def test_llms_txt_names_every_page_with_an_address_and_a_sentence() -> None:
    entries = [line for line in (HTML / "llms.txt").read_text().splitlines() if line.startswith("- [")]
    names = {entry.partition("/en/latest/")[2].partition(")")[0] for entry in entries}
    pages = {str(path.relative_to(HTML)) for path in HTML.rglob("*.html") if path.parent.name != "_static"}

    assert pages - names == {"index.html", "genindex.html", "py-modindex.html", "search.html"} & pages
    assert [entry for entry in entries if "): " not in entry] == []


def test_llms_full_txt_has_the_text_of_the_pages_and_of_the_files_that_they_include() -> None:
    text = (HTML / "llms-full.txt").read_text()

    assert "\n# First record\n" in text
    assert "\n# Changelog\n" in text
    # From docs/examples.
    assert "app = FastAPI(" in text
    assert "{literalinclude}" not in text
    assert "{toctree}" not in text
