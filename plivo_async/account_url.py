"""The URLs of one account: parsed once, because httpx looks at every character of a URL several times."""

from __future__ import annotations

from typing import Any

from plivo_async._httpx import httpx

_PARSED = "_uri_reference"


class AccountURL:
    """`{base_url}/v1/Account/{auth_id}/`, and URLs below it.

    Args:
        root: The checked base URL.
        auth_id: The checked account.
    """

    def __init__(self, root: httpx.URL, auth_id: str) -> None:
        self.text: str = f"{str(root).rstrip('/')}/v1/Account/{auth_id}/"
        self._parsed: Any = vars(httpx.URL(self.text)).get(_PARSED)
        # httpx has no public way to append a path without parsing the whole URL again. Its private one is
        # used only where it gives the same URL.
        probe = "Call/a-b_c.d~e/"
        self._can_append = self._parsed is not None and _is_same(
            self._appended(probe), httpx.URL(self.text + probe)
        )

    def join(self, path: str) -> httpx.URL:
        """Return the URL of a path of unreserved characters and slashes (RFC 3986 section 2.3)."""
        return self._appended(path) if self._can_append else httpx.URL(self.text + path)

    def _appended(self, path: str) -> httpx.URL:
        url = object.__new__(httpx.URL)
        vars(url)[_PARSED] = self._parsed._replace(path=self._parsed.path + path)
        return url


def _is_same(one: httpx.URL, other: httpx.URL) -> bool:
    return vars(one) == vars(other) and str(one) == str(other) and one.raw_path == other.raw_path
