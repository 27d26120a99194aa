"""The proxy for an origin, from an argument or the environment."""

from __future__ import annotations

import urllib.request
from base64 import b64encode

from attrs import field, frozen

from plivo_async._httpx import httpx
from plivo_async.errors import ConfigurationError
from plivo_async.secret import Secret
from plivo_async.urls import (
    DEFAULT_PORTS,
    can_be_reached,
    is_loopback,
    parse_url,
)


@frozen
class Proxy:
    """An HTTP proxy. With an `https://` URL, the connection to the proxy itself uses TLS.

    Attributes:
        url: May contain credentials; the repr leaves them out.
    """

    url: httpx.URL = field(repr=lambda url: repr(f"{url.scheme}://{url.netloc.decode('ascii')}"))

    @property
    def host(self) -> str:
        """The host to connect to."""
        return self.url.raw_host.decode("ascii")

    @property
    def port(self) -> int:
        """The port to connect to."""
        return self.url.port or DEFAULT_PORTS[self.url.scheme]

    @property
    def credentials(self) -> tuple[str, str]:
        """The user and the password in the URL, both empty if it has none."""
        return self.url.username, self.url.password

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """`Proxy-Authorization`, if the URL has credentials (RFC 9110 section 11.7.2)."""
        if not self.url.userinfo:
            return []
        pair = f"{self.url.username}:{self.url.password}".encode()
        return [(b"Proxy-Authorization", b"Basic " + b64encode(pair))]

    def connect_request(self, host: str, port: int) -> httpx.Request:
        """The CONNECT request for a tunnel to this host and port."""
        name = f"[{host}]" if ":" in host else host
        return httpx.Request(
            "CONNECT",
            self.url.copy_with(userinfo=b""),
            headers=[(b"Host", f"{name}:{port}".encode("ascii")), *self.headers],
        )


def parse_proxy(url: Secret, source: str = "proxy") -> Proxy:
    """Parse the URL of a proxy; without a scheme, `http://` is assumed.

    Args:
        url: The URL, of any type; a secret, because it may contain a password.
        source: The name of the option or variable, for the error message.

    Raises:
        ConfigurationError: It is no such URL. Neither the message nor a local of a frame has it.
    """
    proxy, problem = _parse(url)
    if proxy is None:
        raise ConfigurationError(f"{source} must be a URL such as http://proxy.example:3128{problem}")
    return proxy


def _parse(url: Secret) -> tuple[Proxy | None, str]:
    text = url.value
    if not isinstance(text, str):
        return None, f", not of type {type(text).__name__}"
    parsed, _ = parse_url(text if "://" in text else f"http://{text}")
    if parsed is None:
        return None, ""
    if parsed.scheme not in ("http", "https"):
        return None, (
            ", or https://; for another kind of proxy pass http_client=httpx.AsyncClient(proxy=...)"
        )
    if not can_be_reached(parsed):
        return None, ", with a valid host and port"
    if b"@" in parsed.raw_path or parsed.fragment:
        return None, "; in a password, write '/', '?', '#' and '@' as '%2F', '%3F', '%23' and '%40'"
    return Proxy(parsed), ""


def environment_proxy(origin: httpx.URL) -> Proxy | None:
    """Return the proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names, unless NO_PROXY exempts the origin.

    None for loopback: no proxy can reach it, and a plain http request would show it the credentials.

    Raises:
        ConfigurationError: The variable holds no URL of an HTTP proxy.
    """
    host = origin.raw_host.decode("ascii")
    # Checked with the port too, because NO_PROXY may name one.
    names = (host, f"{host}:{origin.port or DEFAULT_PORTS[origin.scheme]}")
    if is_loopback(origin) or any(map(urllib.request.proxy_bypass, names)):
        return None
    proxies = Secret(urllib.request.getproxies())
    for name in (origin.scheme, "all"):
        if proxies.value.get(name):
            return parse_proxy(Secret(proxies.value[name]), f"{name.upper()}_PROXY")
    return None
