from __future__ import annotations

from typing import Any

import pytest

from plivo_async import ConfigurationError
from plivo_async.webhooks import forwarded_url, public_url


@pytest.mark.parametrize(
    ("base_url", "target", "url"),
    [
        ("https://app.example.com", "/h?a=1", "https://app.example.com/h?a=1"),
        ("https://app.example.com/", "/h", "https://app.example.com/h"),
        ("https://app.example.com:8443/api", "/h", "https://app.example.com:8443/api/h"),
        ("https://app.example.com", "http://10.0.0.7:8000/h?a=b%20c", "https://app.example.com/h?a=b%20c"),
        ("https://app.example.com", "http://10.0.0.7:8000?a=1", "https://app.example.com/?a=1"),
        ("https://app.example.com", "ws://10.0.0.7/h", "https://app.example.com/h"),
        ("wss://app.example.com", "/h#rt=1", "https://app.example.com/h"),
        ("https://app.example.com", "/", "https://app.example.com/"),
        ("https://app.example.com", "//h", "https://app.example.com//h"),
    ],
)
def test_the_public_url_has_the_path_and_query_of_the_request(base_url: str, target: str, url: str) -> None:
    assert public_url(base_url, target) == url


@pytest.mark.parametrize(
    ("base_url", "target", "message"),
    [
        ("app.example.com", "/h", "base_url must be a whole URL as a str, not 'app.example.com'"),
        (None, "/h", "base_url must be a whole URL as a str, not None"),
        ("https://a/?x=1", "/h", "base_url must have no query, not 'https://a/?x=1'"),
        ("https://a", "h", "target must be a path or a URL as a str, not 'h'"),
        ("https://a", b"/h", "target must be a path or a URL as a str, not b'/h'"),
    ],
)
def test_a_public_url_of_no_url_is_refused(base_url: Any, target: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        public_url(base_url, target)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({}, "http://10.0.0.7:8000/h?a=1"),
        ({"X-Forwarded-Proto": "https"}, "https://10.0.0.7:8000/h?a=1"),
        ({"X-Forwarded-Proto": "gopher", "X-Forwarded-Host": " "}, "http://10.0.0.7:8000/h?a=1"),
        (
            [(b"x-forwarded-proto", b"HTTPS, http"), (b"x-forwarded-host", b"app.example.com:8443 , inner")],
            "https://app.example.com:8443/h?a=1",
        ),
        (
            {"HTTP_X_FORWARDED_HOST": "evil.example", "X-Forwarded-Host": "b.example"},
            "http://b.example/h?a=1",
        ),
        ({"X_FORWARDED_HOST": "evil.example"}, "http://10.0.0.7:8000/h?a=1"),
        ({"HTTP_X_FORWARDED_PROTO": "wss", "HTTP_X_FORWARDED_HOST": "b.example"}, "https://b.example/h?a=1"),
    ],
)
def test_the_forwarded_url_has_the_scheme_and_host_of_the_proxy(headers: Any, url: str) -> None:
    assert forwarded_url("http://10.0.0.7:8000/h?a=1#x", headers) == url


@pytest.mark.parametrize(("url", "headers"), [("/h", {}), ("http://a/h", 5)])
def test_a_forwarded_url_of_no_url_or_no_headers_is_refused(url: str, headers: Any) -> None:
    with pytest.raises(ConfigurationError):
        forwarded_url(url, headers)
