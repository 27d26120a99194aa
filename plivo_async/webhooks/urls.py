"""The URL that Plivo called, which is the one that it signs. Pure."""

from __future__ import annotations

from attrs import frozen

from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.text import short_repr
from plivo_async.webhooks.pairs import Headers, header_pairs, header_value

_SIGNED_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


@frozen
class URLParts:
    """A URL in parts, each as it was written; the scheme is `http` or `https`, the fragment is dropped."""

    scheme: str
    authority: str
    path: str
    query: str

    def __str__(self) -> str:
        """Return the URL without query and user."""
        return f"{self.scheme}://{self.authority.rpartition('@')[2]}{self.path}"


def split_url(name: str, url: object, wanted: str = "a whole URL") -> URLParts:
    """Return the parts of a URL. Its host is not checked, because it may be that of a foreign request.

    Raises:
        ConfigurationError: It is not a str, or does not begin with `http://`, `https://`, `ws://` or `wss://`.
    """
    text = url if isinstance(url, str) else ""
    scheme, found, rest = text.partition("://")
    signed = _SIGNED_SCHEMES.get(scheme.lower())
    if signed is None or not found:
        raise ConfigurationError(f"{name} must be {wanted} as a str, not {short_repr(url)}")
    before_query, _, query = rest.partition("#")[0].partition("?")
    authority, slash, path = before_query.partition("/")
    return URLParts(signed, authority, slash + path, query)


@exported
def public_url(base_url: str, target: str) -> str:
    """Return the URL that Plivo called, for a service behind a proxy.

    For example::

        public_url("https://app.example.com", str(request.url))

    Args:
        base_url: Where Plivo reaches the service, such as `https://app.example.com`. If the proxy removes a
            prefix from the path, end the URL with this prefix.
        target: The path and the query of the request, or its whole URL, whose scheme and host are replaced.

    Returns:
        The URL, for `verify`.

    Raises:
        ConfigurationError: `base_url` is not a URL or has a query, or `target` is neither a path nor a URL.
    """
    base = split_url("base_url", base_url)
    if base.query:
        raise ConfigurationError(f"base_url must have no query, not {short_repr(base_url)}")
    if not _is_path(target):
        own = split_url("target", target, "a path or a URL")
        target = (own.path or "/") + (own.query and f"?{own.query}")
    return f"{base.scheme}://{base.authority}{base.path.rstrip('/')}{target.partition('#')[0]}"


@exported
def forwarded_url(url: str, headers: Headers) -> str:
    """Return the URL that Plivo called, from `X-Forwarded-Proto` and `X-Forwarded-Host` of a proxy.

    Use it only behind a proxy that sets or removes both headers itself: otherwise the sender of a request
    chooses them. `public_url` needs no trust in headers. Of several values the first counts: it is from the
    outermost proxy. A header that is missing changes nothing.

    Args:
        url: The URL of the request as the service sees it.
        headers: The headers of the request, as in `verify`.

    Returns:
        The URL, for `verify`.

    Raises:
        ConfigurationError: `url` is not a URL, or the headers are neither a mapping nor pairs.
    """
    parts = split_url("url", url)
    pairs = header_pairs(headers)
    proto, host = (
        header_value(pairs, name).decode("latin-1").partition(",")[0].strip()
        for name in ("x-forwarded-proto", "x-forwarded-host")
    )
    scheme = _SIGNED_SCHEMES.get(proto.lower(), parts.scheme)
    return f"{scheme}://{host or parts.authority}{parts.path}{parts.query and f'?{parts.query}'}"


def _is_path(target: object) -> bool:
    return isinstance(target, str) and target.startswith("/")
