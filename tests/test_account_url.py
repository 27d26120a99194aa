from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async import account_url
from plivo_async.account_url import AccountURL

ROOTS = [
    "https://api.plivo.com",
    "https://api.plivo.com/",
    "https://API.plivo.com:443",
    "https://api.plivo.com:8443/gate/",
    "http://127.0.0.1:8000",
    "http://[::1]:8000",
    "https://bücher.example",
]
# RFC 3986 section 2.3.
UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
segments = st.text(UNRESERVED, min_size=1).filter(lambda segment: segment not in (".", ".."))
paths = st.tuples(st.lists(segments, min_size=1, max_size=4), st.sampled_from(["", "/"])).map(
    lambda parts: "/".join(parts[0]) + parts[1]
)


def assert_same(one: httpx.URL, other: httpx.URL) -> None:
    assert one == other
    assert (str(one), repr(one), hash(one)) == (str(other), repr(other), hash(other))
    for name in ("scheme", "netloc", "host", "raw_host", "port", "path", "raw_path", "query", "fragment"):
        assert getattr(one, name) == getattr(other, name)
    assert one.join("/elsewhere") == other.join("/elsewhere")


@pytest.mark.parametrize("root", ROOTS)
def test_its_text_is_that_of_the_account(root: str) -> None:
    url = AccountURL(httpx.URL(root), "MA1")
    assert url.text == f"{str(httpx.URL(root)).rstrip('/')}/v1/Account/MA1/"


@given(st.sampled_from(ROOTS), paths)
def test_a_url_below_it_equals_one_that_httpx_parses(root: str, path: str) -> None:
    url = AccountURL(httpx.URL(root), "MA1")
    assert_same(url.join(path), httpx.URL(url.text + path))


@given(paths, paths)
def test_one_url_does_not_change_another(one: str, other: str) -> None:
    url = AccountURL(httpx.URL(ROOTS[0]), "MA1")
    first = url.join(one)
    url.join(other)
    assert_same(first, httpx.URL(url.text + one))


class Counting:
    """Stands in for the class `httpx.URL` and counts what it parses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.parsed: list[str] = []
        parse = httpx.URL.__init__

        def init(url: httpx.URL, text: Any, **changes: Any) -> None:
            self.parsed.append(str(text))
            parse(url, text, **changes)

        monkeypatch.setattr(httpx.URL, "__init__", init)


def test_a_url_below_it_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    url = AccountURL(httpx.URL(ROOTS[0]), "MA1")
    counting = Counting(monkeypatch)
    url.join("Call/c1/")
    assert counting.parsed == []


def test_without_the_private_attribute_of_httpx_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_url, "_PARSED", "_of_another_version")
    url = AccountURL(httpx.URL(ROOTS[0]), "MA1")
    counting = Counting(monkeypatch)
    joined = url.join("Call/c1/")
    assert counting.parsed == [url.text + "Call/c1/"]
    assert_same(joined, httpx.URL("https://api.plivo.com/v1/Account/MA1/Call/c1/"))


@pytest.mark.parametrize("change", [{}, {"path": "/other/"}, {"query": "a"}])
def test_where_the_private_way_gives_another_url_it_is_parsed(
    change: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    appended = AccountURL._appended

    def changed(self: AccountURL, path: str) -> httpx.URL:
        url = appended(self, path)
        if change:
            vars(url)["_uri_reference"] = vars(url)["_uri_reference"]._replace(**change)
        else:
            vars(url)["other"] = 1
        return url

    monkeypatch.setattr(AccountURL, "_appended", changed)
    url = AccountURL(httpx.URL(ROOTS[0]), "MA1")
    counting = Counting(monkeypatch)
    url.join("Call/c1/")
    assert counting.parsed == [url.text + "Call/c1/"]
