"""Every page of the site, in a browser: wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from attrs import field, frozen
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

from tests.site.conftest import HTML

PAGES = sorted(str(path.relative_to(HTML)) for path in HTML.rglob("*.html") if path.parent.name != "_static")
DESKTOP, PHONE = 1280, 390
SCHEMES: list[Literal["light", "dark"]] = ["light", "dark"]

# Lengths are in CSS pixels. A block of code with a line above 110 columns may scroll everywhere.
_MEASURE = """() => {
  const root = document.documentElement;
  const scrollers = [...document.querySelectorAll("article pre, article .table-wrapper")];
  return {
    overflow: root.scrollWidth - root.clientWidth,
    height: root.scrollHeight,
    hidden: scrollers.filter(e => e.scrollWidth > e.clientWidth).map(e => ({
      code: e.matches("pre"),
      columns: Math.max(...e.innerText.split("\\n").map(line => line.length)),
      begins: e.innerText.slice(0, 60),
      scrolls: getComputedStyle(e).overflowX,
      hint: getComputedStyle(e).backgroundAttachment,
    })),
    images: [...document.querySelectorAll("img")].map(e => (
      {
        name: e.getAttribute("src"),
        alt: e.alt,
        width: e.naturalWidth,
        shown: e.getBoundingClientRect().width,
        scrolls: getComputedStyle(e.parentElement).overflowX == "auto",
      }
    )),
    ground: getComputedStyle(document.body).backgroundColor,
    scheme: getComputedStyle(document.body).colorScheme,
    codeless: document.querySelectorAll("article div.highlight pre").length
      - document.querySelectorAll("article div.highlight button.copybtn").length,
  };
}"""


@frozen(kw_only=True)
class View:
    """A page as the browser shows it at one width in one scheme."""

    page: str
    width: int
    scheme: str
    seen: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.page} at {self.width} px, {self.scheme}"


@frozen
class Visit:
    """All views of all pages, and what the browser complained about meanwhile."""

    views: list[View] = field(factory=list[View])
    complaints: list[str] = field(factory=list[str])


def views_of(page: Page, name: str) -> Iterator[View]:
    for width in (DESKTOP, PHONE):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            yield View(page=name, width=width, scheme=scheme, seen=page.evaluate(_MEASURE))


@pytest.fixture(scope="module")
def visit(window: BrowserContext) -> Visit:
    visit = Visit()
    page = window.new_page()

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            visit.complaints.append(f"{page.url}: {message.text}")

    def note_failure(request: Request) -> None:
        # The icon loads after the page, and the visit of the next page aborts what still loads.
        if request.failure != "net::ERR_ABORTED":
            visit.complaints.append(f"{page.url}: {request.failure}: {request.url}")

    page.on("console", note)
    page.on("pageerror", lambda error: visit.complaints.append(f"{page.url}: {error}"))
    page.on("requestfailed", note_failure)
    for name in PAGES:
        page.goto(f"/{name}", wait_until="load")
        visit.views.extend(views_of(page, name))
    page.close()
    return visit


def test_the_browser_complains_about_no_page(visit: Visit) -> None:
    assert len(visit.views) == 4 * len(PAGES)
    assert len(PAGES) > 20
    assert visit.complaints == []


def test_no_page_scrolls_sideways(visit: Visit) -> None:
    assert [f"{view}: {view.seen['overflow']} px" for view in visit.views if view.seen["overflow"] > 0] == []


def test_a_page_of_the_api_is_short_enough_to_look_through(visit: Visit) -> None:
    heights = {
        view.page: view.seen["height"]
        for view in visit.views
        if view.page.startswith("reference/api") and (view.width, view.scheme) == (DESKTOP, "light")
    }

    assert len(heights) > 20
    assert {page: height for page, height in heights.items() if height > 6_200} == {}


def test_code_of_110_columns_fits_on_a_desktop(visit: Visit) -> None:
    clipped = [
        f"{view}: {block['begins']!r}"
        for view in visit.views
        for block in view.seen["hidden"]
        if view.width == DESKTOP and view.scheme == "light" and block["code"] and block["columns"] <= 110
    ]

    assert clipped == []


def test_what_is_wider_than_the_page_scrolls_and_shows_that_it_does(visit: Visit) -> None:
    wide = [(view, block) for view in visit.views for block in view.seen["hidden"]]

    assert any(view.width == PHONE and not block["code"] for view, block in wide)
    assert [f"{view}: {block}" for view, block in wide if block["scrolls"] != "auto"] == []
    assert [f"{view}: {block}" for view, block in wide if "local" not in block["hint"]] == []


def test_every_image_is_there_has_a_text_and_fits_or_scrolls(visit: Visit) -> None:
    images = [(view, image) for view in visit.views for image in view.seen["images"]]
    faulty = [
        f"{view}: {image}"
        for view, image in images
        if not (image["width"] and image["alt"] and (image["shown"] <= view.width or image["scrolls"]))
    ]

    assert images
    assert faulty == []


def test_a_page_follows_the_scheme_of_the_system(visit: Visit) -> None:
    grounds = {(view.scheme, view.seen["scheme"], view.seen["ground"]) for view in visit.views}

    assert {(scheme, told) for scheme, told, _ in grounds} == {("light", "light"), ("dark", "dark")}
    assert len({ground for _, _, ground in grounds}) == 2


def test_a_picture_follows_the_switch_of_the_theme_not_the_system(window: BrowserContext) -> None:
    page = window.new_page()
    page.emulate_media(color_scheme="light")
    page.goto("/how-to/middleware.html")
    picture = page.locator("article img").first
    # Pictures have no ground of their own.
    picture.evaluate("image => image.style.background = 'white'")
    shots = []
    for theme in ("light", "dark", "auto"):
        page.evaluate(f"document.body.dataset.theme = '{theme}'")
        shots.append(picture.screenshot())
    page.close()

    assert shots[0] != shots[1]
    assert shots[0] == shots[2]


def test_every_block_of_code_has_a_button_that_copies(visit: Visit) -> None:
    assert [str(view) for view in visit.views if view.seen["codeless"]] == []
