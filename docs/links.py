"""Check the links of the built site: `python docs/links.py docs/_build/html`.

Every link inside the site must lead to a file and to an anchor in it. Links to other sites are only written
down, in external-links.txt beside the site, because the check uses no network.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

# Where a browser looks for these, in the tags that the site has.
_LINKS = {("a", "href"), ("link", "href"), ("img", "src"), ("script", "src")}


class Page(HTMLParser):
    """The links and the anchors of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif (tag, name) in _LINKS and value is not None:
                self.links.add(value)


def check(site: Path) -> tuple[list[str], list[str]]:
    """Return the links inside the site that lead nowhere, and the links to other sites."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    broken: list[str] = []
    external: set[str] = set()
    for path, page in pages.items():
        for link in sorted(page.links):
            if urlsplit(link).scheme:
                external.add(link)
                continue
            url, anchor = urldefrag(link)
            target = (path.parent / unquote(url.partition("?")[0])).resolve() if url else path
            anchors = pages[target].anchors if target in pages else {""}
            if not target.is_file() or unquote(anchor) not in anchors:
                broken.append(f"{path.relative_to(site)}: {link}")
    return broken, sorted(external)


def main(site: Path) -> None:
    """Write down the links to other sites, and fail when a link inside the site is broken."""
    broken, external = check(site.resolve())
    listed = site.parent / "external-links.txt"
    listed.write_text("".join(f"{link}\n" for link in external), encoding="utf-8")
    sys.stdout.write(f"{len(external)} links to other sites are not checked, see {listed}\n")
    if broken:
        sys.exit("\n".join(["links that lead nowhere:", *broken]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
