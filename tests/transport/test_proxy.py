from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from plivo_async import AsyncClient, ConnectionPool
from plivo_async.errors import ConfigurationError
from plivo_async.secret import Secret
from plivo_async.transport.proxy import Proxy, environment_proxy, parse_proxy
from tests.faults.leaks import leaks_of

PLIVO = httpx.URL("https://api.plivo.com")
NAMES = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"]
PASSWORD = "pr0xy-pass"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def host_of(proxy: Proxy | None) -> str | None:
    return None if proxy is None else proxy.host


def shown_in(error: BaseException) -> list[str]:
    # Not in the assertion itself: pytest keeps what it compares in locals, which a traceback shows.
    return leaks_of(error, (PASSWORD,))


class TestParse:
    @pytest.mark.parametrize(
        ("url", "host", "port"),
        [
            ("http://proxy.example:3128", "proxy.example", 3128),
            ("http://proxy.example", "proxy.example", 80),
            ("https://proxy.example", "proxy.example", 443),
            ("proxy.example:3128", "proxy.example", 3128),
            ("10.0.0.1", "10.0.0.1", 80),
            ("http://[::1]:3128", "::1", 3128),
        ],
    )
    def test_finds_host_and_port(self, url: str, host: str, port: int) -> None:
        proxy = parse_proxy(Secret(url))
        assert (proxy.host, proxy.port) == (host, port)

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("socks5://proxy.example", "for another kind of proxy"),
            ("ftp://proxy.example", "for another kind of proxy"),
            ("http://", "with a valid host and port"),
            ("", "with a valid host and port"),
            ("http://proxy.example:99999", "with a valid host and port"),
            ("http://xn--a", "with a valid host and port"),
            (f"http://{'a' * 64}", "with a valid host and port"),
            ("http://proxy.example:port", "such as http://proxy.example:3128$"),
            ("http://[::1", "such as http://proxy.example:3128$"),
            ("http://proxy.example\r\nX: y", "such as http://proxy.example:3128$"),
        ],
        ids=repr,
    )
    def test_refuses_an_unusable_url(self, url: str, reason: str) -> None:
        with pytest.raises(ConfigurationError, match=f"^proxy must be a URL.*{reason}"):
            parse_proxy(Secret(url))

    @pytest.mark.parametrize("url", [b"http://user:pa55@h", {"https": "http://user:pa55@h"}])
    def test_the_error_omits_a_value_that_is_not_text(self, url: Any) -> None:
        with pytest.raises(ConfigurationError) as caught:
            parse_proxy(Secret(url))
        assert "pa55" not in str(caught.value)

    @pytest.mark.parametrize("url", [None, 5, True, b"http://proxy.example", ["http://proxy.example"]])
    def test_refuses_a_value_that_is_not_text(self, url: Any) -> None:
        with pytest.raises(ConfigurationError, match="proxy must be a URL.*, not of type "):
            parse_proxy(Secret(url))

    @pytest.mark.parametrize(
        "url", [f"http://u:{PASSWORD}@", f"socks5://u:{PASSWORD}@h", f"http://u:{PASSWORD}@h:x"]
    )
    def test_the_error_omits_the_password(self, url: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            parse_proxy(Secret(url))
        assert PASSWORD not in f"{caught.value!r} {vars(caught.value)} {caught.value.__cause__!r}"


class TestProxy:
    def test_the_repr_omits_the_password(self) -> None:
        assert repr(parse_proxy(Secret(f"http://user:{PASSWORD}@proxy.example:3128"))) == (
            "Proxy(url='http://proxy.example:3128')"
        )

    def test_has_no_authorization_without_credentials(self) -> None:
        assert parse_proxy(Secret("http://proxy.example")).headers == []

    @pytest.mark.parametrize(
        ("userinfo", "pair"),
        [
            ("user:pass", b"user:pass"),
            ("user", b"user:"),
            ("u%40h:p%3Aq", b"u@h:p:q"),
            ("%C3%BC:x", "ü:x".encode()),
        ],
    )
    def test_has_the_basic_value_of_its_credentials(self, userinfo: str, pair: bytes) -> None:
        assert parse_proxy(Secret(f"http://{userinfo}@proxy.example")).headers == [
            (b"Proxy-Authorization", b"Basic " + b64encode(pair))
        ]

    @pytest.mark.parametrize(("host", "name"), [("api.plivo.com", "api.plivo.com:443"), ("::1", "[::1]:443")])
    def test_a_connect_request_names_host_and_port(self, host: str, name: str) -> None:
        request = parse_proxy(Secret("http://user:pass@proxy.example:3128")).connect_request(host, 443)
        assert request.method == "CONNECT"
        assert request.url == "http://proxy.example:3128"
        assert request.headers.raw == [
            (b"Host", name.encode()),
            (b"Proxy-Authorization", b"Basic " + b64encode(b"user:pass")),
        ]


class TestEnvironment:
    def test_there_is_no_proxy_by_default(self) -> None:
        assert environment_proxy(PLIVO) is None

    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
    def test_a_variable_names_a_proxy_for_https(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(name, "http://proxy.example:3128")
        assert host_of(environment_proxy(PLIVO)) == "proxy.example"

    def test_a_variable_for_another_scheme_does_not_apply(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
        assert environment_proxy(PLIVO) is None
        assert host_of(environment_proxy(httpx.URL("http://api.plivo.com"))) == "proxy.example"

    def test_the_variable_of_the_scheme_takes_precedence(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://one.example")
        monkeypatch.setenv("ALL_PROXY", "http://other.example")
        assert host_of(environment_proxy(PLIVO)) == "one.example"

    def test_an_empty_variable_names_no_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "")
        assert environment_proxy(PLIVO) is None

    @pytest.mark.parametrize(
        "exception",
        ["*", "api.plivo.com", "plivo.com", ".plivo.com", "x, api.plivo.com", "api.plivo.com:443"],
    )
    def test_no_proxy_exempts_a_host(self, exception: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
        monkeypatch.setenv("NO_PROXY", exception)
        assert environment_proxy(PLIVO) is None

    @pytest.mark.parametrize("exception", ["", "livo.com", "api.plivo.com:8443", "example.com"])
    def test_no_proxy_exempts_no_other_host(self, exception: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
        monkeypatch.setenv("NO_PROXY", exception)
        assert host_of(environment_proxy(PLIVO)) == "proxy.example"

    def test_no_proxy_exempts_a_port(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
        monkeypatch.setenv("NO_PROXY", "api.plivo.com:8443")
        assert environment_proxy(httpx.URL("https://api.plivo.com:8443")) is None

    @pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1", "https://[::1]:8443"])
    def test_loopback_is_reached_without_a_proxy(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in NAMES[:3]:
            monkeypatch.setenv(name, "http://proxy.example:3128")
        assert environment_proxy(httpx.URL(url)) is None

    def test_the_error_names_the_unusable_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALL_PROXY", "socks5://proxy.example")
        with pytest.raises(ConfigurationError, match=r"^ALL_PROXY must be a URL"):
            environment_proxy(PLIVO)


class TestTracebacks:
    """No local of a frame, cause or context of a failed constructor shows the password of a proxy."""

    @pytest.mark.parametrize(
        "url",
        [
            Secret(f"ftp://user:{PASSWORD}@proxy.example"),
            Secret(f"socks5://user:{PASSWORD}@proxy.example:1080"),
            Secret(f"http://user:{PASSWORD}@proxy.example:99999"),
            Secret(f"http://user:{PASSWORD}@proxy.example:port"),
            Secret(f"user:{PASSWORD}@"),
            # The host would be "user", the port 1.
            Secret(f"http://user:1/{PASSWORD}@proxy.example:3128"),
            Secret(f"http://user:1?{PASSWORD}@proxy.example:3128"),
            Secret(f"http://user:1#{PASSWORD}@proxy.example:3128"),
            Secret([f"http://user:{PASSWORD}@proxy.example"]),
            Secret(f"http://user:{PASSWORD}@proxy.example".encode()),
        ],
        ids=["ftp", "socks5", "port", "port name", "no host", "slash", "query", "fragment", "list", "bytes"],
    )
    @pytest.mark.parametrize(
        "build", [partial(AsyncClient, "MA", "t0ken"), ConnectionPool], ids=["client", "pool"]
    )
    def test_of_an_unusable_url(self, build: Callable[..., object], url: Secret) -> None:
        with pytest.raises(ConfigurationError) as caught:
            build(proxy=url.value)
        assert shown_in(caught.value) == []

    @pytest.mark.parametrize(
        "options",
        [
            {"max_connections": 0},
            {"keepalive_expiry": -1},
            {"verify": 3},
            {"retry": "often"},
            {"base_url": "http://h.example"},
            {"auth_id": ""},
            {"trust_env": "yes"},
            {"middleware": [3]},
            {"rate_limit": 3},
            {"converter": 3},
        ],
        ids=str,
    )
    def test_of_another_option(self, options: dict[str, Any]) -> None:
        build: Callable[..., object] = partial(AsyncClient, auth_id="MA", auth_token="t0ken")
        with pytest.raises(ConfigurationError) as caught:
            build(**options, proxy=f"http://user:{PASSWORD}@proxy.example")
        assert shown_in(caught.value) == []

    @pytest.mark.parametrize(
        "options", [{"max_connections": 0}, {"keepalive_expiry": -1}, {"verify": 3}], ids=str
    )
    def test_of_another_option_of_a_pool(self, options: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError) as caught:
            ConnectionPool(**options, proxy=f"http://user:{PASSWORD}@proxy.example")
        assert shown_in(caught.value) == []

    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
    @pytest.mark.parametrize("scheme", ["socks5", "ftp"])
    def test_of_the_environment(self, name: str, scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(name, f"{scheme}://user:{PASSWORD}@proxy.example")
        with pytest.raises(ConfigurationError, match=f"{name.upper()} must be") as caught:
            AsyncClient("MA", "t0ken")
        assert shown_in(caught.value) == []
