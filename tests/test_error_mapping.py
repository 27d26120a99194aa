from __future__ import annotations

import pickle
import ssl
from pathlib import Path

import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.error_mapping import (
    failure_error,
    is_certificate_failure,
    is_transient,
    kept_headers,
    status_error,
    transport_error,
)
from plivo_async.errors import (
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    NetworkError,
    NotFoundError,
    PlivoError,
    RateLimitError,
    RedirectError,
    RequestTimeoutError,
    ServerError,
    TLSError,
)

API_ID = "97ceeb52-58b6-11e1-86da-77300b68f8bb"
REQUEST = httpx.Request("GET", "https://api.plivo.com/", headers={"Authorization": "Basic c2VjcmV0"})
RETRYABLE = {408, 429, 500, 502, 503, 504}


def refused(status: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("no", request=REQUEST, response=httpx.Response(status, text='{"error":"x"}'))


class TestStatusError:
    def test_carries_the_facts_of_the_response(self) -> None:
        body = b'{"api_id": "a1", "error": "slow down"}'
        headers = {"Retry-After": "2", "Server": "nginx", "Set-Cookie": "c=1", "X-Other": "1"}
        error = status_error(httpx.Response(429, headers=headers, content=body), attempts=3)
        assert type(error) is RateLimitError
        assert str(error) == "HTTP 429: slow down: an account may send 300 requests per 5 seconds"
        assert (error.status, error.api_id, error.attempts, error.retry_after) == (429, "a1", 3, 2.0)
        assert error.body == body
        assert error.headers == {"retry-after": "2", "server": "nginx", "content-length": str(len(body))}

    def test_lists_the_meanings_of_a_404(self) -> None:
        error = status_error(httpx.Response(404, json={"error": "CDR for call uuid not found"}), 1)
        assert type(error) is NotFoundError
        for meaning in (
            "CDR for call uuid not found",
            "no such call",
            "not written yet",
            "90 days",
            "SIP-trunk",
        ):
            assert meaning in str(error)

    def test_names_the_settings_to_check_after_a_401(self) -> None:
        error = status_error(httpx.Response(401), 1)
        assert type(error) is AuthenticationError
        assert str(error) == "HTTP 401: check PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN"

    def test_says_where_a_redirect_led(self) -> None:
        error = status_error(httpx.Response(302, headers={"Location": "http://evil.example/\x1b"}), 1)
        assert type(error) is RedirectError
        assert str(error) == "HTTP 302: redirects are not followed (to http://evil.example/\\x1b)"

    def test_survives_an_answer_that_was_not_read(self) -> None:
        class Body(httpx.AsyncByteStream):
            pass

        error = status_error(httpx.Response(503, stream=Body()), 1)
        assert (type(error), str(error), error.body) == (ServerError, "HTTP 503", b"")

    @given(st.integers(100, 599), st.binary())
    def test_any_body_makes_a_printable_message_and_is_kept(self, status: int, body: bytes) -> None:
        error = status_error(httpx.Response(status, content=body), 1)
        assert str(error).isprintable()
        assert error.body == body


class TestTransportError:
    @pytest.mark.parametrize(
        ("kind", "message"),
        [
            (httpx.ConnectTimeout, "connect timeout: slow"),
            (httpx.ReadTimeout, "read timeout: slow"),
            (httpx.WriteTimeout, "write timeout: slow"),
            (httpx.PoolTimeout, "pool timeout: slow"),
        ],
    )
    def test_a_timeout_is_a_request_timeout(self, kind: type[httpx.HTTPError], message: str) -> None:
        error = transport_error(kind("slow"), 2)
        assert (type(error), str(error), error.attempts) == (RequestTimeoutError, message, 2)

    @pytest.mark.parametrize(
        "kind",
        [
            httpx.ConnectError,
            httpx.ReadError,
            httpx.WriteError,
            httpx.CloseError,
            httpx.NetworkError,
            httpx.RemoteProtocolError,
            httpx.ProxyError,
            httpx.TransportError,
            httpx.TooManyRedirects,
        ],
    )
    def test_another_failure_is_a_network_error(self, kind: type[httpx.HTTPError]) -> None:
        error = transport_error(kind("gone"), 2)
        assert (type(error), str(error)) == (NetworkError, f"{kind.__name__}: gone")

    @pytest.mark.parametrize("kind", [httpx.LocalProtocolError, httpx.UnsupportedProtocol])
    def test_a_request_that_cannot_be_sent_is_a_configuration_error(
        self, kind: type[httpx.HTTPError]
    ) -> None:
        error = transport_error(kind("bad header"), 1)
        assert (type(error), str(error)) == (ConfigurationError, "the request cannot be sent: bad header")
        assert not error.retryable

    @pytest.mark.parametrize(
        "text", ["407 Proxy Authentication Required", "the proxy responded with 403 Forbidden"]
    )
    def test_a_proxy_that_refuses_is_a_configuration_error(self, text: str) -> None:
        assert type(transport_error(httpx.ProxyError(text), 1)) is ConfigurationError

    def test_a_body_that_httpx_cannot_decompress_is_a_decode_error(self) -> None:
        error = transport_error(httpx.DecodingError("bad gzip"), 1)
        assert (type(error), str(error)) == (DecodeError, "the body cannot be decompressed: bad gzip")

    def test_a_redirect_that_httpx_cannot_read_is_a_redirect(self) -> None:
        error = transport_error(httpx.RemoteProtocolError("Invalid URL in location header: no port."), 1)
        assert (type(error), error.retryable) == (RedirectError, False)

    def test_a_status_that_a_hook_refused_is_that_status(self) -> None:
        error = transport_error(refused(404), 1)
        assert (type(error), error.status, error.body) == (NotFoundError, 404, b'{"error":"x"}')

    def test_a_failure_without_a_reason_has_a_text_too(self) -> None:
        assert str(transport_error(httpx.ReadError(""), 1)) == "ReadError: no reason given"

    def test_the_cause_is_the_error_of_the_system(self) -> None:
        failure = httpx.ConnectError("refused")
        failure.__cause__ = ConnectionRefusedError(111, "refused")
        error = transport_error(failure, 1)
        assert error.__cause__ is failure.__cause__
        assert failure.__cause__.__traceback__ is None

    def test_nothing_of_the_request_stays(self) -> None:
        failure = httpx.ReadError("gone", request=REQUEST)
        error = transport_error(failure, 1)
        assert (error.__cause__, error.__context__) == (None, None)
        assert b"c2VjcmV0" not in pickle.dumps(error)

    @given(st.text())
    def test_any_reason_makes_one_printable_line(self, reason: str) -> None:
        error = transport_error(httpx.ReadError(reason), 1)
        assert str(error).isprintable()
        assert len(str(error)) < 250


class TestCertificateFailure:
    def test_is_found_behind_an_error_of_httpx(self) -> None:
        failure = httpx.ConnectError("bad certificate")
        failure.__cause__ = httpcore.ConnectError("bad certificate")
        # httpcore raises it again "from None", so that only the context knows.
        failure.__cause__.__context__ = ssl.SSLCertVerificationError(1, "expired")
        assert is_certificate_failure(failure)
        error = transport_error(failure, 1)
        assert type(error) is TLSError
        assert str(error) == "the server's certificate was not accepted: bad certificate"
        assert type(error.__cause__) is ssl.SSLCertVerificationError

    def test_is_found_as_the_cause_itself(self) -> None:
        failure = httpx.ConnectError("bad certificate")
        failure.__cause__ = ssl.SSLCertVerificationError(1, "expired")
        assert is_certificate_failure(failure)

    @pytest.mark.parametrize(
        "cause", [ssl.SSLError("wrong version"), ssl.SSLZeroReturnError(), OSError(), None]
    )
    def test_is_no_other_failure(self, cause: BaseException | None) -> None:
        failure = httpx.ConnectError("handshake")
        failure.__cause__ = cause
        assert not is_certificate_failure(failure)
        assert type(transport_error(failure, 1)) is NetworkError

    def test_is_not_the_error_that_the_caller_was_handling(self) -> None:
        failure = httpx.ConnectError("refused")
        failure.__cause__ = ConnectionRefusedError(111, "refused")
        failure.__cause__.__context__ = ssl.SSLCertVerificationError(1, "of another server")
        assert not is_certificate_failure(failure)

    def test_a_circle_of_causes_ends(self) -> None:
        failure, other = httpx.ReadError("a"), httpx.ReadError("b")
        failure.__cause__, other.__cause__ = other, failure
        assert not is_certificate_failure(failure)


def test_an_error_that_the_caller_was_handling_keeps_its_traceback() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        Path("/nowhere/at/all").read_bytes()
    failure = httpx.ReadError("gone")
    failure.__context__ = caught.value
    assert transport_error(failure, 1).__cause__ is None
    assert caught.value.__traceback__ is not None


class TestIsTransient:
    def test_a_retryable_status_is_transient_and_no_other(self) -> None:
        for status in range(100, 600):
            assert is_transient(httpx.Response(status)) == (status in RETRYABLE), status
            assert is_transient(refused(status)) == (status in RETRYABLE), status

    @pytest.mark.parametrize(
        "failure",
        [
            httpx.ConnectError("x"),
            httpx.ReadError("x"),
            httpx.WriteError("x"),
            httpx.CloseError("x"),
            httpx.ConnectTimeout("x"),
            httpx.ReadTimeout("x"),
            httpx.WriteTimeout("x"),
            httpx.PoolTimeout("x"),
            httpx.RemoteProtocolError("x"),
            httpx.ProxyError("x"),
            httpx.ProxyError("502 Bad Gateway"),
            httpx.ProxyError("the proxy responded with 503 Busy"),
        ],
        ids=repr,
    )
    def test_a_failure_on_the_wire_is_transient(self, failure: httpx.TransportError) -> None:
        assert is_transient(failure)

    @pytest.mark.parametrize(
        "failure",
        [
            httpx.LocalProtocolError("x"),
            httpx.UnsupportedProtocol("x"),
            httpx.ProxyError("407 Proxy Authentication Required"),
            httpx.ProxyError("the proxy responded with 403 Forbidden"),
            httpx.RemoteProtocolError("Invalid URL in location header: Invalid port: 'x'."),
        ],
        ids=repr,
    )
    def test_a_failure_that_would_repeat_is_not_transient(self, failure: httpx.TransportError) -> None:
        assert not is_transient(failure)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(httpx.Response(503), ServerError), (refused(503), ServerError), (httpx.ReadError("x"), NetworkError)],
)
def test_every_failure_has_its_error(
    failure: httpx.Response | httpx.HTTPError, kind: type[PlivoError]
) -> None:
    error = failure_error(failure, 2)
    assert (type(error), error.attempts) == (kind, 2)


KEPT = ["content-type", "content-length", "content-encoding", "date", "retry-after", "server", "via"]


def test_the_headers_that_help_are_kept() -> None:
    assert kept_headers(httpx.Headers(dict.fromkeys(KEPT, "x"))) == dict.fromkeys(KEPT, "x")


def test_headers_are_kept_by_an_allow_list() -> None:
    headers = httpx.Headers(
        {"Authorization": "Basic x", "Set-Cookie": "a=b", "DATE": "today\x1b", "Via": "1.1 x"}
    )
    assert kept_headers(headers) == {"date": "today\\x1b", "via": "1.1 x"}
