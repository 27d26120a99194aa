"""The built site on a loopback port, and a browser that shows it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

HTML = Path(__file__).parents[2] / "docs" / "_build" / "html"
# In the order of `.ci/browser`.
_BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
# No step of a test waits longer than this.
_PATIENCE_MILLISECONDS = 15_000


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keep the output of the tests short."""


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the built site."""
    if not (HTML / "index.html").exists():
        raise FileNotFoundError(f"{HTML} has no index.html: run `nox -s docs` first")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(HTML))) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join(timeout=10)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser of the system, without a window. Leaving the fixture ends its process."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        raise FileNotFoundError(f"none of {', '.join(_BROWSERS)} is installed: run .ci/browser")
    with sync_playwright() as playwright:
        # Its sandbox needs rights that root and containers do not have. It shows our own pages only.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def window(browser: Browser, site: str) -> Iterator[BrowserContext]:
    """A window that may use the clipboard, and reaches nothing but the site."""
    context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(_PATIENCE_MILLISECONDS)
    yield context
    context.close()
