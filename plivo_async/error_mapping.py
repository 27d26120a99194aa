"""Turns responses and exceptions of httpx into PlivoErrors. Pure: no I/O, no state."""

from __future__ import annotations

import copy
import re
import ssl

from plivo_async._httpx import httpx
from plivo_async.errors import (
    RETRYABLE_STATUSES,
    ConfigurationError,
    DecodeError,
    NetworkError,
    PlivoError,
    RedirectError,
    RequestTimeoutError,
    StatusError,
    TLSError,
    type_for_status,
)
from plivo_async.retry_after import retry_after_seconds
from plivo_async.server_message import server_message
from plivo_async.text import printable
from plivo_async.urls import DEFAULT_PORTS

# How an attempt can end. raise_for_status() raises HTTPStatusError, in a response hook of a borrowed client
# or in middleware.
Outcome = httpx.Response | httpx.TransportError | httpx.HTTPStatusError | DecodeError

_RAISE_FROM_NONE = ("httpcore", "httpcore2")

_KEPT_HEADERS = ("content-type", "content-length", "content-encoding", "date", "retry-after", "server", "via")
# Texts of failures for which httpx has no type.
_BAD_LOCATION = "Invalid URL in location header"
_PROXY_STATUS = re.compile(r"\b[1-5][0-9]{2}\b")
# Codes of X509_verify_cert of OpenSSL: no CA is found that issued the certificate.
_UNKNOWN_CA_CODES = frozenset({2, 18, 19, 20, 21})
# Those that only the flag X509_V_FLAG_X509_STRICT finds.
_STRICT_CODES = range(80, 94)
_MEANINGS = {
    401: "check PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN",
    404: (
        "no such call, or its record is not written yet (it follows the hang-up by seconds, "
        "sometimes minutes), or it is older than 90 days, or it is a SIP-trunk call, for trunk_calls.get"
    ),
    429: "an account may send 300 requests per 5 seconds",
}


def status_error(response: httpx.Response, attempts: int, not_found: str | None = None) -> StatusError:
    """Build the error for a response with an unwanted status, its body read.

    `not_found` is what a 404 means, in place of its meanings for a call.
    """
    body = _read_body(response)
    message, api_id = server_message(body)
    meaning = _MEANINGS.get(response.status_code)
    if response.status_code == 404 and not_found is not None:
        meaning = not_found
    parts = [f"HTTP {response.status_code}", message, meaning]
    if response.has_redirect_location:
        parts.append(f"redirects are not followed (to {printable(response.headers['location'])})")
    return type_for_status(response.status_code)(
        ": ".join(part for part in parts if part),
        status=response.status_code,
        api_id=api_id,
        attempts=attempts,
        retry_after=retry_after_seconds(response.headers),
        headers=kept_headers(response.headers),
        body=body,
    )


def is_transient(outcome: Outcome) -> bool:
    """Whether the same request, sent again, may succeed."""
    if isinstance(outcome, httpx.TransportError):
        return not (
            is_certificate_failure(outcome) or _cannot_be_sent(outcome) or _is_unreadable_redirect(outcome)
        )
    if isinstance(outcome, DecodeError):
        return outcome.retryable
    response = outcome.response if isinstance(outcome, httpx.HTTPStatusError) else outcome
    return response.status_code in RETRYABLE_STATUSES


def failure_error(outcome: Outcome | httpx.HTTPError, attempts: int) -> PlivoError:
    """Build the error for an attempt that failed: by its status, on the wire, or by its body."""
    if isinstance(outcome, httpx.Response):
        return status_error(outcome, attempts)
    if isinstance(outcome, DecodeError):
        # Without the traceback, whose frames hold the request.
        return copy.copy(outcome)
    return transport_error(outcome, attempts)


def transport_error(failure: httpx.HTTPError, attempts: int) -> PlivoError:
    """Build the error for an exception of httpx; its cause is the `OSError` underneath, without traceback.

    The exception itself is dropped: it holds the request, and with it the credentials.
    """
    if isinstance(failure, httpx.HTTPStatusError):
        return status_error(failure.response, attempts)
    reason = _with_host(printable(str(failure)) or "no reason given", failure)
    error: PlivoError
    if is_certificate_failure(failure):
        way_out = _certificate_way_out(failure)
        error = TLSError(f"the server's certificate was not accepted: {reason}{way_out}", attempts=attempts)
    elif isinstance(failure, httpx.TimeoutException):
        kind = type(failure).__name__.removesuffix("Timeout").lower()
        error = RequestTimeoutError(f"{kind} timeout: {reason}", attempts=attempts)
    elif _cannot_be_sent(failure):
        error = ConfigurationError(f"the request cannot be sent: {reason}", attempts=attempts)
    elif _is_unreadable_redirect(failure):
        error = RedirectError(f"redirects are not followed: {reason}", attempts=attempts)
    elif isinstance(failure, httpx.DecodingError):
        error = DecodeError(f"the body cannot be decompressed: {reason}", attempts=attempts)
    else:
        error = NetworkError(f"{type(failure).__name__}: {reason}", attempts=attempts)
    error.__cause__ = _os_error(failure)
    return error


def _with_host(reason: str, failure: httpx.HTTPError) -> str:
    """Return the reason of a failure, with the server that the request was for unless it is named."""
    try:
        url = failure.request.url
    except RuntimeError:
        return reason
    if not url.host or url.host in reason:
        return reason
    port = url.port or DEFAULT_PORTS.get(url.scheme)
    return f"{reason} (request to {url.host}{'' if port is None else f':{port}'})"


def is_certificate_failure(failure: BaseException) -> bool:
    """Whether a TLS certificate was refused: another attempt would only repeat the handshake."""
    return any(isinstance(link, ssl.SSLCertVerificationError) for link in _chain(failure))


def _certificate_way_out(failure: BaseException) -> str:
    codes = {getattr(link, "verify_code", None) for link in _chain(failure)}
    if not codes.isdisjoint(_UNKNOWN_CA_CODES):
        return (
            "; if a proxy or a CA of your company issued it, name a file with the CA in SSL_CERT_FILE, in "
            "verify= of the client, or with --ca-file of the command"
        )
    if not codes.isdisjoint(_STRICT_CODES):
        return (
            "; the CA breaks a rule of RFC 5280 on which Python 3.13 insists, also with SSL_CERT_FILE: give "
            "verify= an SSL context without ssl.VERIFY_X509_STRICT, or the command --ca-file"
        )
    return ""


def kept_headers(headers: httpx.Headers) -> dict[str, str]:
    """Return the headers that an error may carry: an allow-list, without cookies and credentials."""
    return {name: printable(headers[name]) for name in _KEPT_HEADERS if name in headers}


def _cannot_be_sent(failure: httpx.HTTPError) -> bool:
    """Whether the request itself or the proxy is at fault: sent again, it would fail again."""
    if isinstance(failure, httpx.ProxyError):
        # Where a proxy refuses a tunnel, httpx has the status in the text of its exception only.
        status = _PROXY_STATUS.search(str(failure))
        return status is not None and int(status[0]) not in RETRYABLE_STATUSES
    return isinstance(failure, httpx.LocalProtocolError | httpx.UnsupportedProtocol)


def _is_unreadable_redirect(failure: httpx.HTTPError) -> bool:
    """Whether the response was a redirect with a location that httpx cannot parse, though it follows none."""
    return isinstance(failure, httpx.RemoteProtocolError) and str(failure).startswith(_BAD_LOCATION)


def _read_body(response: httpx.Response) -> bytes:
    try:
        return response.content
    except httpx.ResponseNotRead:
        # A hook refused the response for its status alone.
        return b""


def _os_error(failure: BaseException) -> OSError | None:
    link = next((link for link in _chain(failure) if isinstance(link, OSError)), None)
    return link.with_traceback(None) if link is not None else None


def _chain(failure: BaseException) -> list[BaseException]:
    links: list[BaseException] = []
    link: BaseException | None = failure
    while link is not None and link not in links:
        links.append(link)
        # httpcore raises "from None", so its context counts. Elsewhere the context may be an exception that
        # the caller was handling when it made the call.
        link = link.__cause__ or (link.__context__ if type(link).__module__ in _RAISE_FROM_NONE else None)
    return links
