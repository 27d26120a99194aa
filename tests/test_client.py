from __future__ import annotations

import asyncio
import copy
import gc
import json
import logging
import math
import pickle
import platform
import ssl
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from operator import methodcaller
from pathlib import Path
from typing import Any

import cattrs
import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from plivo_async import (
    AsyncClient,
    AuthenticationError,
    CallDetailRecord,
    CallNext,
    ClientClosedError,
    ConfigurationError,
    ConnectionPool,
    DeadlineExceededError,
    DecodeError,
    InvalidCallUUIDError,
    NetworkError,
    NotFoundError,
    PlivoError,
    RateLimitError,
    RequestOptions,
    RequestTimeoutError,
    ResponseTooLargeError,
    RetryBudget,
    RetryMiddleware,
    RetryPolicy,
    ServerError,
    TLSError,
    make_converter,
)
from tests.offline import (
    AUTH_ID,
    BASIC,
    CALL_UUID,
    RECORD,
    SOON,
    TOKEN,
    URL,
    asking,
    down,
    ok,
    pool_of,
    requests_to,
    wrapped,
)
from tests.virtual_time import in_virtual_time

NO_NUMBERS: list[Any] = [True, False, "1", math.nan, math.inf, 0, -1, []]


async def never(request: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError


@asynccontextmanager
async def distrusting() -> AsyncGenerator[tuple[AsyncClient, list[httpx.Request]], None]:
    """A client that refuses the server's certificate. Without respx, which replaces causes."""
    requests: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        raise httpx.ConnectError("expired") from ssl.SSLCertVerificationError(1, "expired")

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as http_client:
        yield AsyncClient(AUTH_ID, TOKEN, http_client=http_client, retry=SOON), requests


async def no_chunks() -> AsyncIterator[bytes]:
    return
    yield


class TestBuilding:
    @pytest.mark.parametrize("copy", [pickle.dumps, copy.copy, copy.deepcopy])
    def test_what_was_built_cannot_be_copied(self, copy: Callable[[AsyncClient], object]) -> None:
        with pytest.raises(TypeError, match="cannot be pickled or copied: build another"):
            copy(AsyncClient(AUTH_ID, TOKEN))

    def test_takes_credentials_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLIVO_AUTH_ID", AUTH_ID)
        monkeypatch.setenv("PLIVO_AUTH_TOKEN", TOKEN)
        assert f"/Account/{AUTH_ID}/" in repr(AsyncClient())

    @pytest.mark.parametrize("name", ["PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN"])
    def test_asks_for_credentials_that_are_missing(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLIVO_AUTH_ID", AUTH_ID)
        monkeypatch.setenv("PLIVO_AUTH_TOKEN", TOKEN)
        monkeypatch.delenv(name)
        with pytest.raises(ConfigurationError, match=f"pass it, or set {name}"):
            AsyncClient()

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("auth_id", ["", "a/b", "MA1\n", 5, b"MA1"]),
            ("auth_token", ["", "a b", "a\r\n", "tökn", 5, b"x"]),
            ("base_url", ["", "http://api.plivo.com", "https://u:p@h", "https://h?x", "https://h\r\n", 5]),
            ("timeout", [*NO_NUMBERS, None, httpx.Timeout(-1.0), httpx.Timeout(math.nan)]),
            ("deadline", NO_NUMBERS),
            ("retry", [0, True, "3", RetryPolicy, RetryBudget()]),
            ("max_body", [*NO_NUMBERS, None, 1.5]),
            ("max_connections", [*NO_NUMBERS, None, 1.5]),
            ("keepalive_expiry", [True, "1", math.nan, math.inf, -1, None]),
            ("verify", [None, "", 5, b"ca.pem"]),
            (
                "proxy",
                [
                    5,
                    0,
                    True,
                    False,
                    "",
                    [],
                    b"http://p",
                    ["http://p"],
                    "socks5://p",
                    "http://p:99999",
                    "http://",
                ],
            ),
            ("trust_env", [0, 1, "no", None]),
            ("http_client", [5, "x", httpx.AsyncHTTPTransport(), httpx.AsyncClient]),
            ("middleware", [[5], "ab", [None], [RetryMiddleware(), "x"], 5, None]),
            ("converter", [5, "x", cattrs.Converter]),
        ],
    )
    def test_refuses_an_unusable_option(self, name: str, values: list[Any]) -> None:
        for value in values:
            with pytest.raises(ConfigurationError, match=name):
                options: dict[str, Any] = {"auth_id": AUTH_ID, "auth_token": TOKEN, name: value}
                AsyncClient(**options)

    def test_refuses_a_time_out_before_it_is_asked_for_anything(self) -> None:
        with pytest.raises(ConfigurationError, match=r"timeout\.connect must be above zero"):
            AsyncClient(AUTH_ID, TOKEN, timeout=httpx.Timeout(5.0, connect=0.0))

    def test_refuses_an_option_that_does_not_exist(self) -> None:
        with pytest.raises(TypeError, match="max_retries"):
            AsyncClient(AUTH_ID, TOKEN, max_retries=3)  # type: ignore[call-arg]

    def test_shows_the_account_and_the_pool_and_no_token(self) -> None:
        client = AsyncClient(AUTH_ID, TOKEN)
        assert repr(client) == (
            f"<AsyncClient https://api.plivo.com/v1/Account/{AUTH_ID}/ "
            "ConnectionPool(max_connections=100, busy=0, idle=0)>"
        )
        assert TOKEN not in f"{client} {vars(client)}"
        assert BASIC not in f"{client} {vars(client)}"

    def test_shows_that_it_failed(self) -> None:
        assert repr(AsyncClient.__new__(AsyncClient)) == "<AsyncClient not built>"

    def test_gives_nothing_to_pickle(self) -> None:
        with pytest.raises(TypeError, match="pickle"):
            pickle.dumps(AsyncClient(AUTH_ID, TOKEN))


class TestBaseURL:
    @pytest.mark.parametrize(
        ("base_url", "url", "host"),
        [
            ("https://api.plivo.com/", "https://api.plivo.com", "api.plivo.com"),
            ("https://API.plivo.com:443", "https://api.plivo.com", "api.plivo.com"),
            ("https://api.plivo.com:8443", "https://api.plivo.com:8443", "api.plivo.com:8443"),
            ("https://api.plivo.com/gate/", "https://api.plivo.com/gate", "api.plivo.com"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "127.0.0.1:8000"),
            ("http://[::1]:8000", "http://[::1]:8000", "[::1]:8000"),
        ],
    )
    async def test_is_where_requests_go(self, base_url: str, url: str, host: str) -> None:
        async with asking(ok(), base_url=base_url) as (client, route):
            await client.calls.get(CALL_UUID)
        request = route.calls.last.request
        assert str(request.url) == f"{url}/v1/Account/{AUTH_ID}/Call/{CALL_UUID}/"
        assert request.headers["host"] == host


class TestHeaders:
    async def test_are_these_and_no_others(self) -> None:
        async with asking(ok()) as (client, route):
            await client.calls.get(CALL_UUID)
        assert dict(route.calls.last.request.headers) == {
            "host": "api.plivo.com",
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": (
                f"plivo_async/{version('plivo-async')} python/{platform.python_version()} "
                f"httpx/{httpx.__version__}"
            ),
            "authorization": f"Basic {BASIC}",
        }

    @given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=256))
    async def test_hold_any_token(self, token: str) -> None:
        router = respx.MockRouter()
        route = router.get(URL).mock(return_value=ok())
        async with httpx.AsyncClient(transport=httpx.MockTransport(router.async_handler)) as http_client:
            await AsyncClient(AUTH_ID, token, http_client=http_client).calls.get(CALL_UUID)
        request = route.calls.last.request
        plain = httpx.BasicAuth(AUTH_ID, token)
        expected = next(plain.auth_flow(httpx.Request("GET", URL))).headers["authorization"]
        assert request.headers["authorization"] == expected

    async def test_of_a_borrowed_client_are_not_sent(self) -> None:
        async with asking(ok()) as (client, route):
            wrapped(client).headers["X-Mine"] = "1"
            wrapped(client).auth = ("someone", "else")
            wrapped(client).params = {"callback_url": "https://evil.example"}
            await client.calls.get(CALL_UUID)
        request = route.calls.last.request
        assert "x-mine" not in request.headers
        assert request.headers["authorization"] == f"Basic {BASIC}"
        assert str(request.url) == URL

    async def test_have_nothing_from_netrc(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine api.plivo.com login someone password else\n")
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / ".netrc").write_text(netrc.read_text())
        async with asking(ok()) as (client, route):
            await client.calls.get(CALL_UUID)
        assert route.calls.last.request.headers["authorization"] == f"Basic {BASIC}"

    async def test_have_no_cookie_of_an_answer_before(self) -> None:
        answer = httpx.Response(503, headers=[("Set-Cookie", "session=1; Path=/"), ("Set-Cookie", "b=2")])
        async with asking(answer, ok()) as (client, route):
            await client.calls.get(CALL_UUID)
            await client.calls.get(CALL_UUID)
        assert route.call_count == 3
        assert all("cookie" not in request.headers for request in requests_to(route))

    async def test_have_no_cookie_of_a_borrowed_client(self) -> None:
        async with asking(ok()) as (client, route):
            wrapped(client).cookies.set("session", "1", domain="api.plivo.com")
            await client.calls.get(CALL_UUID)
        assert "cookie" not in route.calls.last.request.headers


class TestOwnPool:
    """The way without a borrowed client, from the client down to its pool."""

    @pytest.fixture
    def requests(self, monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
        requests: list[httpx.Request] = []

        async def answer(pool: ConnectionPool, request: httpx.Request) -> httpx.Response:
            requests.append(request)
            headers = [("Set-Cookie", "session=1; Path=/")]
            return httpx.Response(200, headers=headers, stream=httpx.ByteStream(RECORD))

        monkeypatch.setattr(ConnectionPool, "handle_async_request", answer)
        return requests

    async def test_keeps_no_cookie(self, requests: list[httpx.Request]) -> None:
        async with AsyncClient(AUTH_ID, TOKEN) as client:
            await client.calls.get(CALL_UUID)
            await client.calls.get(CALL_UUID)
            assert len(wrapped(client).cookies) == 0
        assert all("cookie" not in request.headers for request in requests)

    async def test_sends_the_headers_of_a_borrowed_client(self, requests: list[httpx.Request]) -> None:
        async with AsyncClient(AUTH_ID, TOKEN) as client:
            await client.calls.get(CALL_UUID)
        async with asking(ok()) as (client, route):
            await client.calls.get(CALL_UUID)
        borrowed = route.calls.last.request
        assert (requests[0].url, requests[0].headers) == (borrowed.url, borrowed.headers)

    async def test_has_time_outs_of_every_attempt_but_none_for_a_free_connection(
        self, requests: list[httpx.Request]
    ) -> None:
        async with AsyncClient(AUTH_ID, TOKEN, timeout=3.0) as client:
            await client.calls.get(CALL_UUID)
            await client.calls.get(CALL_UUID, timeout=httpx.Timeout(7.0, connect=1.0, pool=2.0))
        assert [request.extensions["timeout"] for request in requests] == [
            {"connect": 3.0, "read": 3.0, "write": 3.0, "pool": None},
            {"connect": 1.0, "read": 7.0, "write": 7.0, "pool": None},
        ]

    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
    def test_takes_a_proxy_from_the_environment(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(name, "http://proxy.example:3128")
        client = AsyncClient(AUTH_ID, TOKEN)
        assert repr(pool_of(client)._proxy) == "Proxy(url='http://proxy.example:3128')"
        trusting_nobody = AsyncClient(AUTH_ID, TOKEN, trust_env=False)
        assert pool_of(trusting_nobody)._proxy is None


class TestBorrowedClient:
    async def test_may_have_hooks_that_read_the_body(self) -> None:
        read: list[str] = []

        async def hook(response: httpx.Response) -> None:
            await response.aread()
            read.append(response.text)

        async with asking(down(), ok(), hooks={"response": [hook]}) as (client, _):
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
        assert len(read) == 2

    async def test_may_have_hooks_that_read_more_than_the_cap(self) -> None:
        async def hook(response: httpx.Response) -> None:
            await response.aread()

        async with asking(ok(), hooks={"response": [hook]}, max_body=100) as (client, route):
            with pytest.raises(ResponseTooLargeError):
                await client.calls.get(CALL_UUID)
        assert route.call_count == 1

    @pytest.mark.parametrize("reads", [True, False])
    async def test_may_have_hooks_that_refuse_a_status(self, reads: bool) -> None:
        async def hook(response: httpx.Response) -> None:
            if reads:
                await response.aread()
            response.raise_for_status()

        def unread(status: int, **headers: str) -> Any:
            async def text() -> AsyncIterator[bytes]:
                yield b'{"error": "so it is"}'

            def respond(_: httpx.Request) -> httpx.Response:
                return httpx.Response(status, headers=headers, content=text())

            return respond

        hooks = {"response": [hook]}
        async with asking(unread(503), unread(500), unread(404), hooks=hooks) as (client, route):
            with pytest.raises(NotFoundError, match="so it is" if reads else "no such call") as caught:
                await client.calls.get(CALL_UUID)
            assert (caught.value.attempts, route.call_count) == (3, 3)
        async with asking(unread(429, **{"Retry-After": "70"}), hooks=hooks) as (client, route):
            with pytest.raises(RateLimitError) as limited:
                await client.calls.get(CALL_UUID)
            assert (limited.value.retry_after, route.call_count) == (70.0, 1)

    async def test_may_have_hooks_that_change_the_request(self) -> None:
        async def hook(request: httpx.Request) -> None:
            request.headers["X-Trace-Id"] = "1"

        async with asking(ok(), hooks={"request": [hook]}) as (client, route):
            await client.calls.get(CALL_UUID)
        assert route.calls.last.request.headers["x-trace-id"] == "1"

    async def test_that_follows_redirects_does_not_for_us(self) -> None:
        async with asking(httpx.Response(302, headers={"Location": "/x"}), ok()) as (client, route):
            wrapped(client).follow_redirects = True
            with pytest.raises(PlivoError, match="302"):
                await client.calls.get(CALL_UUID)
        assert route.call_count == 1

    @respx.mock
    async def test_may_be_mocked_with_respx(self) -> None:
        route = respx.get(URL).mock(side_effect=[down(), ok()])
        async with httpx.AsyncClient() as http_client:
            client = AsyncClient(AUTH_ID, TOKEN, http_client=http_client, retry=SOON)
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
        assert route.call_count == 2


class TestFailure:
    @pytest.mark.parametrize(
        ("failure", "kind", "attempts"),
        [
            (httpx.ConnectError("refused"), NetworkError, 3),
            (httpx.ReadError("reset"), NetworkError, 3),
            (httpx.WriteError("reset"), NetworkError, 3),
            (httpx.RemoteProtocolError("not HTTP"), NetworkError, 3),
            (httpx.ProxyError("no way"), NetworkError, 3),
            (httpx.ConnectTimeout("slow"), RequestTimeoutError, 3),
            (httpx.ReadTimeout("slow"), RequestTimeoutError, 3),
            (httpx.WriteTimeout("slow"), RequestTimeoutError, 3),
            (httpx.ProxyError("407 Proxy Authentication Required"), ConfigurationError, 1),
            (httpx.DecodingError("bad gzip"), DecodeError, 1),
        ],
        ids=repr,
    )
    async def test_has_its_type_and_is_retried_where_that_may_help(
        self, failure: httpx.HTTPError, kind: type[PlivoError], attempts: int
    ) -> None:
        async with asking(failure) as (client, route):
            with pytest.raises(PlivoError) as caught:
                await client.calls.get(CALL_UUID)
        assert type(caught.value) is kind
        assert (route.call_count, caught.value.attempts) == (attempts, attempts)
        assert caught.value.__context__ is None

    @pytest.mark.parametrize(
        ("failure", "kind", "requests"),
        [
            (httpx.LocalProtocolError("bad header"), ConfigurationError, 1),
            (httpx.UnsupportedProtocol("ftp"), ConfigurationError, 1),
            (httpx.PoolTimeout("no connection was free"), RequestTimeoutError, 3),
        ],
        ids=repr,
    )
    async def test_before_a_byte_is_written_counts_as_no_attempt(
        self, failure: httpx.HTTPError, kind: type[PlivoError], requests: int
    ) -> None:
        async with asking(failure) as (client, route):
            with pytest.raises(PlivoError) as caught:
                await client.calls.get(CALL_UUID)
        assert type(caught.value) is kind
        assert (route.call_count, caught.value.attempts) == (requests, 0)

    async def test_of_a_certificate_costs_one_attempt(self) -> None:
        async with distrusting() as (client, requests):
            with pytest.raises(TLSError) as caught:
                await client.calls.get(CALL_UUID)
        assert (len(requests), caught.value.attempts, caught.value.retryable) == (1, 1, False)

    async def test_of_another_client_s_certificate_does_not_rub_off(self) -> None:
        async with distrusting() as (first, _), asking(httpx.ConnectError("refused")) as (second, route):
            try:
                await first.calls.get(CALL_UUID)
            except TLSError:
                with pytest.raises(NetworkError):
                    await second.calls.get(CALL_UUID)
        assert route.call_count == 3

    @pytest.mark.parametrize(
        "answer",
        [down(), httpx.Response(401), httpx.ReadError("x"), httpx.Response(200, text="x"), never],
        ids=["503", "401", "reset", "no JSON", "deadline"],
    )
    async def test_shows_no_credentials(self, answer: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        async with asking(answer, deadline=0.05) as (client, _):
            with pytest.raises(PlivoError) as caught:
                await client.calls.get(CALL_UUID)
        error = caught.value
        shown = f"{error!r} {error} {error.args} {vars(error)} {error.__cause__!r} {caplog.text}"
        for secret in (TOKEN, BASIC):
            assert secret not in shown
            assert secret.encode() not in pickle.dumps(error)
            assert not any(secret in str(vars(record)) for record in caplog.records)

    async def test_of_authentication_names_the_setting_to_check(self) -> None:
        async with asking(httpx.Response(401, text="Could not verify your access level")) as (client, _):
            with pytest.raises(AuthenticationError, match="check PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN"):
                await client.calls.get(CALL_UUID)


async def test_a_success_logs_nothing_above_info(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    async with asking(down(), ok()) as (client, _):
        await client.calls.get(CALL_UUID)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
    assert not any(TOKEN in str(vars(record)) or BASIC in str(vars(record)) for record in caplog.records)
    assert "".join(capfd.readouterr()) == ""


def requests_alive() -> int:
    return sum(type(found) is httpx.Request for found in gc.get_objects())


@pytest.mark.parametrize("answer", [404, 503, 429, httpx.ReadError, httpx.ReadTimeout])
async def test_a_failed_call_keeps_its_request_no_longer_than_its_error_lives(
    answer: int | type[httpx.RequestError], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def respond(_: ConnectionPool, request: httpx.Request) -> httpx.Response:
        if isinstance(answer, int):
            return httpx.Response(answer)
        # Another one each time, because its traceback would hold the frames of the call.
        raise answer("failed", request=request)

    # Without respx, which keeps every request.
    monkeypatch.setattr(ConnectionPool, "handle_async_request", respond)
    async with AsyncClient(AUTH_ID, TOKEN, retry=SOON) as client:
        gc.collect()
        gc.disable()
        try:
            before = requests_alive()
            with pytest.raises(PlivoError):
                await client.calls.get(CALL_UUID, deadline=None)
            assert requests_alive() == before
        finally:
            gc.enable()


class TestDeadline:
    async def test_ends_a_call_that_does_not(self) -> None:
        async with asking(never) as (client, _):
            with pytest.raises(
                DeadlineExceededError, match="no response within the deadline, after 1 attempt"
            ):
                await client.calls.get(CALL_UUID, deadline=0.001)

    async def test_ends_a_body_that_does_not(self) -> None:
        async def drip() -> AsyncIterator[bytes]:
            while True:
                yield b" "
                await asyncio.sleep(0)

        async with asking(lambda request: httpx.Response(200, content=drip())) as (client, _):
            with pytest.raises(DeadlineExceededError):
                await client.calls.get(CALL_UUID, deadline=0.01)

    async def test_has_the_last_failure_as_its_cause(self) -> None:
        async with asking(down(), never) as (client, _):
            with pytest.raises(
                DeadlineExceededError, match="after 2 attempts; last failure: HTTP 503"
            ) as caught:
                await client.calls.get(CALL_UUID, deadline=0.05)
        error = caught.value
        assert (error.status, error.api_id, error.attempts) == (503, "a1", 2)
        assert type(error.__cause__) is ServerError

    async def test_too_short_for_the_next_wait_raises_at_once(self) -> None:
        began = time.monotonic()
        async with asking(down(**{"Retry-After": "50"})) as (client, route):
            with pytest.raises(DeadlineExceededError, match="the next attempt is due in 50") as caught:
                await client.calls.get(CALL_UUID, deadline=40.0)
        assert (caught.value.retry_after, route.call_count) == (50.0, 1)
        # A generous bound: waiting would have taken 40 s.
        assert time.monotonic() - began < 20

    async def test_may_be_none(self) -> None:
        async with asking(ok(), deadline=None) as (client, _):
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID

    async def test_of_the_caller_s_own_stays_the_caller_s(self) -> None:
        async with asking(never) as (client, _):
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(0.001):
                    await client.calls.get(CALL_UUID)
        assert not isinstance(caught.value, PlivoError)


class TestRetryAfter:
    async def test_above_the_cap_is_raised_at_once(self) -> None:
        async with asking(httpx.Response(429, headers={"Retry-After": "61"}), ok()) as (client, route):
            with pytest.raises(RateLimitError) as caught:
                await client.calls.get(CALL_UUID)
        assert (caught.value.retry_after, caught.value.attempts, route.call_count) == (61.0, 1, 1)
        assert caught.value.retryable

    @pytest.mark.parametrize(
        "value", ["NaN", "inf", "-1", "9" * 5000, "soon", "Fri, 31 Dec 100000 23:59:59 GMT"]
    )
    async def test_of_garbage_is_no_reason_to_stop(self, value: str) -> None:
        async with asking(httpx.Response(503, headers={"Retry-After": value}), ok()) as (client, route):
            await client.calls.get(CALL_UUID)
        assert route.call_count == 2


class TestOptions:
    async def test_of_a_call_are_of_that_call_only(self) -> None:
        async with asking(down()) as (client, route):
            cases: list[tuple[RequestOptions, int]] = [
                ({"retry": None}, 1),
                ({"retry": 1}, 1),
                ({}, 3),
                ({"retry": RetryPolicy(max_attempts=2, backoff_base=1e-9)}, 2),
            ]
            for options, requests in cases:
                before = route.call_count
                with pytest.raises(ServerError):
                    await client.calls.get(CALL_UUID, **options)
                assert route.call_count - before == requests

    @in_virtual_time
    async def test_may_be_a_number_of_attempts(self) -> None:
        async with asking(down(), retry=5) as (client, route):
            cases: list[tuple[RequestOptions, int]] = [({}, 5), ({"retry": 2}, 2), ({"retry": 1}, 1)]
            for options, requests in cases:
                before = route.call_count
                with pytest.raises(ServerError):
                    await client.calls.get(CALL_UUID, **options)
                assert route.call_count - before == requests

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("timeout", [*NO_NUMBERS, None]),
            ("deadline", NO_NUMBERS),
            ("retry", [0, True, "3"]),
            ("max_body", [*NO_NUMBERS, None]),
        ],
    )
    async def test_of_a_call_are_checked_before_any_traffic(self, name: str, values: list[Any]) -> None:
        async with asking(ok()) as (client, route):
            for value in values:
                with pytest.raises(ConfigurationError, match=name):
                    await client.calls.get(CALL_UUID, **{name: value})
                with pytest.raises(ConfigurationError, match=name):
                    client.with_options(**{name: value})
        assert route.call_count == 0

    async def test_that_do_not_exist_are_refused(self) -> None:
        async with asking(ok()) as (client, route):
            with pytest.raises(TypeError, match="retries"):
                await client.calls.get(CALL_UUID, retries=3)  # type: ignore[call-arg]
            with pytest.raises(TypeError, match="max_connections"):
                client.with_options(max_connections=3)  # type: ignore[call-arg]
        assert route.call_count == 0


class TestView:
    async def test_has_its_own_options(self) -> None:
        async with asking(down()) as (client, route):
            for asked, requests in ((client.with_options(retry=None), 1), (client, 3)):
                before = route.call_count
                with pytest.raises(ServerError):
                    await asked.calls.get(CALL_UUID)
                assert route.call_count - before == requests

    async def test_of_a_view_keeps_the_other_options(self) -> None:
        async with asking(ok()) as (client, _):
            view = client.with_options(max_body=10).with_options(retry=None)
            with pytest.raises(ResponseTooLargeError):
                await view.calls.get(CALL_UUID)
            again = view.with_options(max_body=10_000)
            assert (await again.calls.get(CALL_UUID)).call_uuid == CALL_UUID

    async def test_shares_pool_limits_budget_and_converter(self) -> None:
        client = AsyncClient(AUTH_ID, TOKEN)
        view = client.with_options(deadline=5.0)
        assert view is not client
        assert type(view) is AsyncClient
        assert view._core is client._core
        assert view.converter is client.converter
        assert client.in_own_lane()._core is client._core
        assert view.in_own_lane().with_options(retry=None)._core is client._core

    async def test_shares_the_retry_budget(self) -> None:
        many = RetryPolicy(max_attempts=100, backoff_base=1e-9)
        async with asking(down(), retry=many) as (client, route):
            with pytest.raises(ServerError):
                await client.with_options(deadline=30.0).calls.get(CALL_UUID)
            assert route.call_count == 16
            with pytest.raises(ServerError):
                await client.calls.get(CALL_UUID)
            assert route.call_count == 17

    async def test_works_beside_the_others(self) -> None:
        async with asking(ok()) as (client, route):
            views = [client.with_options(max_body=size) for size in range(len(RECORD) - 25, len(RECORD) + 25)]
            outcomes = await asyncio.gather(
                *(view.calls.get(CALL_UUID) for view in views), return_exceptions=True
            )
        kinds = Counter(type(outcome) for outcome in outcomes)
        assert kinds == {ResponseTooLargeError: 25, CallDetailRecord: 25}
        assert route.call_count == 50

    def test_of_a_class_of_the_user_s_is_one_too(self) -> None:
        class Mine(AsyncClient):
            pass

        assert type(Mine(AUTH_ID, TOKEN).with_options(deadline=1)) is Mine

    @pytest.mark.parametrize(
        "make_view", [methodcaller("with_options", deadline=1), methodcaller("in_own_lane")]
    )
    def test_of_a_subclass_has_its_attributes(self, make_view: Callable[[Any], Any]) -> None:
        class Mine(AsyncClient):
            def __init__(self, name: str) -> None:
                super().__init__(AUTH_ID, TOKEN)
                self.name = name
                self.log: list[str] = []

        client = Mine("a")
        view = make_view(client)
        assert (type(view), view.name) == (Mine, "a")
        assert view.log is client.log
        view.name = "b"
        assert client.name == "a"

    def test_has_its_own_lane_if_it_asks_for_one(self) -> None:
        client = AsyncClient(AUTH_ID, TOKEN)
        one, other = client.in_own_lane(), client.in_own_lane()
        lanes = [view._lane for view in (client, one, one.with_options(retry=None), other)]
        assert lanes[0] is None
        assert lanes[1] is lanes[2]
        assert len(set(map(id, lanes))) == 3

    def test_has_one_calls_of_its_own(self) -> None:
        client = AsyncClient(AUTH_ID, TOKEN)
        views = [client.with_options(deadline=1), client.in_own_lane(), client]
        assert all(view.calls is view.calls for view in views)
        assert len({id(view.calls) for view in views}) == 3


async def test_an_outage_costs_less_than_two_requests_a_call() -> None:
    for attempts in (3, 10):
        policy = RetryPolicy(max_attempts=attempts, backoff_base=1e-9)
        async with asking(down(), retry=policy) as (client, route):
            for _ in range(20):
                with pytest.raises(ServerError):
                    await client.calls.get(CALL_UUID)
            assert route.call_count == 35


class TestRequest:
    @pytest.mark.parametrize(("method", "path"), [("GET", None), (["GET"], "Call/"), (None, "Call/")])
    async def test_refuses_a_value_that_is_no_text(self, method: Any, path: Any) -> None:
        async with asking(ok()) as (client, route):
            with pytest.raises(ConfigurationError, match="must be"):
                await client.request(method, path)
        assert route.call_count == 0

    async def test_refuses_a_body_that_cannot_be_sent(self) -> None:
        deep: list[Any] = []
        for _ in range(10_000):
            deep = [deep]
        async with asking(ok()) as (client, route):
            with pytest.raises(ConfigurationError, match="params or json cannot be sent"):
                await client.request("GET", "Call/", params=5)  # type: ignore[arg-type]
            with pytest.raises(ConfigurationError, match="params or json cannot be sent"):
                await client.request("POST", "Call/", json=deep)
        assert route.call_count == 0

    async def test_gives_a_404_no_meaning_of_its_own(self) -> None:
        async with asking(httpx.Response(404, json={"error": "no such number"})) as (client, _):
            with pytest.raises(NotFoundError) as caught:
                await client.request("GET", "Number/12025550100/")
        assert str(caught.value) == "HTTP 404: no such number"

    async def test_gives_the_answer_of_any_path_of_the_account(self) -> None:
        async with asking(httpx.Response(200, json={"objects": []})) as (client, route):
            response = await client.request("GET", "Call/", params={"limit": 5, "from_number": "+1 2"})
        assert response.json() == {"objects": []}
        url = route.calls.last.request.url
        assert str(url.copy_with(query=None)) == f"https://api.plivo.com/v1/Account/{AUTH_ID}/Call/"
        assert dict(url.params) == {"limit": "5", "from_number": "+1 2"}
        assert response.request.url == url

    async def test_sends_json(self) -> None:
        async with asking(httpx.Response(202, json={"message": "ok"})) as (client, route):
            response = await client.request("POST", f"Call/{CALL_UUID}/", json={"legs": "aleg"})
        assert response.status_code == 202
        request = route.calls.last.request
        assert json.loads(request.content) == {"legs": "aleg"}
        assert request.headers["content-type"] == "application/json"

    async def test_returns_every_successful_response(self) -> None:
        for status in range(200, 300):
            async with asking(httpx.Response(status)) as (client, _):
                assert (await client.request("GET", "Call/")).status_code == status

    @pytest.mark.parametrize("status", [101, 301, 304, 400, 404, 500])
    async def test_raises_every_other(self, status: int) -> None:
        async with asking(httpx.Response(status)) as (client, _):
            with pytest.raises(PlivoError) as caught:
                await client.request("GET", "Call/")
        assert caught.value.status == status

    @pytest.mark.parametrize(
        ("method", "attempts"),
        [("GET", 3), ("HEAD", 3), ("OPTIONS", 3), ("POST", 1), ("PUT", 1), ("PATCH", 1), ("DELETE", 1)],
    )
    async def test_repeats_only_methods_that_change_nothing(self, method: str, attempts: int) -> None:
        async with asking(down()) as (client, route):
            with pytest.raises(ServerError) as caught:
                await client.request(method, "Call/")
        assert (route.call_count, caught.value.attempts) == (attempts, attempts)

    async def test_takes_the_options_of_a_call(self) -> None:
        async with asking(down()) as (client, route):
            with pytest.raises(ServerError):
                await client.request("GET", "Call/", retry=None)
        assert route.call_count == 1

    @pytest.mark.parametrize("method", ["get", "", "TRACE", "CONNECT", "GET\r\n", None, 5])
    async def test_knows_these_methods_only(self, method: Any) -> None:
        async with asking(ok()) as (client, route):
            with pytest.raises(ConfigurationError, match="method must be one of"):
                await client.request(method, "Call/")
        assert route.call_count == 0

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "/Call/",
            "//evil.example/",
            "https://evil.example/",
            "../",
            "Call/../../MA2/",
            "Call/./",
            "Call//x",
            "Call/?a=b",
            "Call/#a",
            "Call/%2e%2e/",
            "Call/a b/",
            "Call/\r\n",
            "Call/ü/",
            "@evil.example",
            "Call\\..",
        ],
    )
    async def test_knows_paths_of_the_account_only(self, path: str) -> None:
        async with asking(ok()) as (client, route):
            with pytest.raises(ConfigurationError, match="path must be relative to the account"):
                await client.request("GET", path)
        assert route.call_count == 0

    @given(st.text("abC/.%?#@:\\-~ \n", max_size=12) | st.text(max_size=12))
    async def test_of_any_path_stays_within_the_account(self, path: str) -> None:
        async with asking(ok()) as (client, route):
            try:
                await client.request("GET", path)
            except ConfigurationError:
                assert route.call_count == 0
            else:
                url = route.calls.last.request.url
                assert (url.host, url.query, url.fragment) == ("api.plivo.com", b"", "")
                assert url.path.startswith(f"/v1/Account/{AUTH_ID}/")

    async def test_with_parameters_too_long_for_a_url_is_refused(self) -> None:
        async with asking(ok()) as (client, route):
            with pytest.raises(ConfigurationError):
                await client.request("GET", "Call/", params={"from_number": "1" * 70_000})
        assert route.call_count == 0


class TestMiddleware:
    @pytest.mark.parametrize("returned", [None, "x", httpx.Response(200, content=no_chunks())])
    async def test_must_return_a_response_that_is_read(self, returned: Any) -> None:
        async def middleware(request: httpx.Request, call_next: CallNext) -> Any:
            return returned

        async with asking(ok(), middleware=[middleware]) as (client, _):
            with pytest.raises(ConfigurationError, match="middleware must return a response whose body is"):
                await client.calls.get(CALL_UUID)

    async def test_of_ten_lines_measures_every_call(self) -> None:
        class Metrics:
            def __init__(self) -> None:
                self.calls = Counter[int]()
                self.seconds = 0.0

            async def __call__(self, request: httpx.Request, call_next: CallNext) -> httpx.Response:
                began = time.perf_counter()
                response = await call_next(request)
                self.calls[response.status_code] += 1
                self.seconds += time.perf_counter() - began
                return response

        metrics = Metrics()
        async with asking(down(), ok(), middleware=[metrics]) as (client, _):
            await client.calls.get(CALL_UUID)
            await client.calls.get(CALL_UUID)
        assert metrics.calls == {200: 2}
        assert metrics.seconds > 0

    async def test_surrounds_retry_the_first_outermost(self) -> None:
        log: list[str] = []

        def named(name: str) -> Any:
            async def middleware(request: httpx.Request, call_next: CallNext) -> httpx.Response:
                log.append(f"{name} asks")
                response = await call_next(request)
                log.append(f"{name} has {response.status_code} of {len(response.content)} bytes")
                return response

            return middleware

        async with asking(down(), ok(), middleware=(named(name) for name in "ab")) as (client, route):
            await client.calls.get(CALL_UUID)
        size = len(RECORD)
        assert log == ["a asks", "b asks", f"b has 200 of {size} bytes", f"a has 200 of {size} bytes"]
        assert route.call_count == 2

    async def test_may_answer_by_itself(self) -> None:
        async def cache(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            return ok()

        async with asking(ok(), middleware=[cache]) as (client, route):
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
            response = await client.request("GET", "Call/")
            assert str(response.request.url).endswith("/Call/")
        assert route.call_count == 0

    async def test_may_answer_by_itself_with_an_error(self) -> None:
        async def offline(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            return httpx.Response(503, json={"error": "offline"})

        async with asking(ok(), middleware=[offline]) as (client, _):
            with pytest.raises(ServerError, match="HTTP 503: offline") as caught:
                await client.calls.get(CALL_UUID)
        assert caught.value.attempts == 0

    async def test_may_send_a_request_of_its_own_under_the_same_options(self) -> None:
        async def redirect(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            return await call_next(httpx.Request("GET", request.url, headers={"X-Mine": "1"}))

        async with asking(down(), middleware=[redirect], timeout=3.0) as (client, route):
            with pytest.raises(ServerError) as caught:
                await client.calls.get(CALL_UUID, retry=RetryPolicy(max_attempts=2, backoff_base=1e-9))
            assert (route.call_count, caught.value.attempts) == (2, 2)
            sent = route.calls.last.request
            assert sent.headers["x-mine"] == "1"
            assert sent.extensions["timeout"] == {"connect": 3.0, "read": 3.0, "write": 3.0, "pool": None}
        async with asking(ok(), middleware=[redirect], max_body=10) as (client, _):
            with pytest.raises(ResponseTooLargeError):
                await client.calls.get(CALL_UUID)

    async def test_may_change_the_request(self) -> None:
        async def trace(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            request.headers["X-Trace-Id"] = "1"
            return await call_next(request)

        async with asking(down(), ok(), middleware=[trace]) as (client, route):
            await client.calls.get(CALL_UUID)
        assert [request.headers["x-trace-id"] for request in requests_to(route)] == ["1", "1"]

    async def test_may_ask_again(self) -> None:
        async def until_written(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            response = await call_next(request)
            while response.status_code == 404:
                response = await call_next(request)
            return response

        not_yet = httpx.Response(404)
        async with asking(not_yet, not_yet, ok(), middleware=[until_written]) as (client, route):
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
        assert route.call_count == 3

    async def test_may_catch_a_failure(self) -> None:
        async def fallback(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            try:
                return await call_next(request)
            except httpx.TransportError:
                return httpx.Response(200, content=RECORD, request=request)

        async with asking(httpx.ReadError("gone"), middleware=[fallback]) as (client, route):
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
        assert route.call_count == 3

    @pytest.mark.parametrize(
        "error", [ValueError("mine"), TimeoutError("mine"), NotFoundError("mine")], ids=repr
    )
    async def test_that_raises_is_heard(self, error: Exception) -> None:
        async def raises(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            raise error

        async with asking(ok(), middleware=[raises]) as (client, route):
            with pytest.raises(type(error)) as caught:
                await client.calls.get(CALL_UUID)
        assert caught.value is error
        assert route.call_count == 0

    async def test_that_raises_an_error_of_httpx_is_a_failed_attempt(self) -> None:
        async def raises(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            raise httpx.ConnectError("mine")

        async with asking(ok(), middleware=[raises]) as (client, _):
            with pytest.raises(NetworkError, match="mine") as caught:
                await client.calls.get(CALL_UUID)
        assert caught.value.attempts == 0

    async def test_that_refuses_a_status_leaves_its_type(self) -> None:
        async def strict(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            return (await call_next(request)).raise_for_status()

        async with asking(httpx.Response(404, text='{"error":"x"}'), middleware=[strict]) as (client, _):
            with pytest.raises(NotFoundError) as caught:
                await client.calls.get(CALL_UUID)
        assert caught.value.body == b'{"error":"x"}'

    async def test_takes_its_time_out_of_the_deadline(self) -> None:
        async def slow(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            await asyncio.Event().wait()
            raise AssertionError

        async with asking(ok(), middleware=[slow]) as (client, _):
            with pytest.raises(DeadlineExceededError, match="after 0 attempts"):
                await client.calls.get(CALL_UUID, deadline=0.001)

    async def test_may_be_a_retry_that_takes_the_place_of_the_client_s_own(self) -> None:
        gaps: list[float] = []

        async def sleep(seconds: float) -> None:
            gaps.append(seconds)

        own = RetryMiddleware(budget=RetryBudget(4), sleep=sleep, random=lambda: 0.0)
        slow = RetryPolicy(max_attempts=10, backoff_base=2.0)
        async with asking(down(), middleware=[own], retry=slow) as (client, route):
            with pytest.raises(ServerError) as caught:
                await client.calls.get(CALL_UUID)
        assert gaps == [2.0, 4.0, 8.0, 8.0]
        assert (route.call_count, caught.value.attempts, own.budget.left) == (5, 5, 0)

    async def test_may_ask_the_client_for_something_else(self) -> None:
        asked: list[AsyncClient] = []

        async def curious(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            if asked:
                client = asked.pop()
                await client.request("GET", "Number/")
            return await call_next(request)

        async with asking(down(), ok(), middleware=[curious]) as (client, route):
            asked.append(client)
            await client.calls.get(CALL_UUID)
        assert [request.url.path.split("/")[4] for request in requests_to(route)] == [
            "Number",
            "Number",
            "Call",
        ]


class TestConverter:
    async def test_may_have_rules_of_the_user_s(self) -> None:
        converter = make_converter()
        converter.register_structure_hook(
            CallDetailRecord, lambda value, _: CallDetailRecord(call_uuid=CALL_UUID)
        )
        async with asking(ok(), converter=converter) as (client, _):
            assert await client.calls.get(CALL_UUID) == CallDetailRecord(call_uuid=CALL_UUID)
            assert client.with_options(retry=None).converter is converter


class TestCancellation:
    async def test_passes_at_once_and_nothing_more_is_sent(self) -> None:
        asked, sent = asyncio.Event(), list[httpx.Request]()

        async def hang(request: httpx.Request) -> httpx.Response:
            sent.append(request)
            asked.set()
            return await never(request)

        async with asking(hang) as (client, _):
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            await asked.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert len(sent) == 1


async def test_a_bad_id_is_refused_before_the_client_is_checked() -> None:
    client = AsyncClient(AUTH_ID, TOKEN)
    await client.aclose()
    with pytest.raises(InvalidCallUUIDError):
        await client.calls.get("")
    with pytest.raises(ClientClosedError):
        await client.calls.get(CALL_UUID)
