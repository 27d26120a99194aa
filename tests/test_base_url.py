from __future__ import annotations

from typing import Any

import pytest

from plivo_async import AsyncClient, ConfigurationError, RedirectError, RetryPolicy, ServerError
from plivo_async.base_url import find_base_url
from plivo_async.testing import FakePlivo, StubResponse
from tests.offline import AUTH_ID, CALL_UUID, TOKEN, asking, down

VARIABLE = "PLIVO_ASYNC_BASE_URL"


def account_url(**options: Any) -> str:
    return AsyncClient(AUTH_ID, TOKEN, **options)._core.account_url.partition("/v1/")[0]


class TestPrecedence:
    def test_the_default_is_plivo_s(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(VARIABLE, raising=False)
        assert account_url() == "https://api.plivo.com"

    def test_the_environment_goes_before_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, "https://gate.example/plivo")
        assert account_url() == "https://gate.example/plivo"

    def test_an_empty_variable_counts_as_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, "")
        assert account_url() == "https://api.plivo.com"

    @pytest.mark.parametrize("value", ["https://gate.example", "http://plivo.example", "no URL"])
    def test_the_argument_goes_before_the_environment(
        self, value: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(VARIABLE, value)
        assert account_url(base_url="https://other.example") == "https://other.example"

    def test_an_empty_argument_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, "https://gate.example")
        with pytest.raises(ConfigurationError, match="^base_url must be"):
            account_url(base_url="")

    def test_the_environment_counts_also_if_it_is_not_trusted_with_proxies(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(VARIABLE, "https://gate.example")
        assert account_url(trust_env=False) == "https://gate.example"

    async def test_a_call_goes_before_a_view_and_that_before_the_client(self) -> None:
        two, three, four = (RetryPolicy(max_attempts=n, backoff_base=1e-9) for n in (2, 3, 4))
        async with asking(down(), retry=two) as (client, route):
            view = client.with_options(retry=three)
            calls: list[tuple[Any, Any, int]] = [
                (client, {}, 2),
                (view, {}, 3),
                (view, {"retry": four}, 4),
                (view, {"retry": None}, 1),
                (client, {"retry": four}, 4),
            ]
            for asked, options, requests in calls:
                before = route.call_count
                with pytest.raises(ServerError):
                    await asked.calls.get(CALL_UUID, **options)
                assert route.call_count - before == requests

    async def test_a_client_goes_where_the_variable_leads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fake = FakePlivo()
        async with fake.serve() as url:
            monkeypatch.setenv(VARIABLE, url)
            async with AsyncClient(fake.auth_id, fake.auth_token, trust_env=False) as client:
                await client.calls.get(fake.call_uuids[0])
        assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "value",
    [
        "http://api.plivo.com",
        "api.plivo.com",
        " ",
        "https://user:secret@h",
        "https://h?x",
        "https://h/v1",
        "https://h/%2e%2e",
        "https://h:99999",
    ],
)
def test_a_bad_value_is_refused_by_its_name(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(ConfigurationError, match=f"^{VARIABLE} must be an https:// URL") as caught:
        find_base_url(None)
    assert "secret" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="^base_url must be an https:// URL"):
        find_base_url(value)


REMOTE = "http://fake-plivo:8080"
SWITCH = "PLIVO_ASYNC_ALLOW_HTTP"


class TestPlainHTTP:
    """Without the user's permission nothing is sent unencrypted beyond loopback."""

    @pytest.mark.parametrize(
        "url",
        [
            REMOTE,
            "http://0.0.0.0:8080",
            "http://[::]:8080",
            "http://[fe80::1]:8080",
            "http://192.168.1.7",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "HTTP://fake-plivo",
        ],
    )
    def test_it_is_refused_and_the_message_names_the_way_out(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match=f"allow_http=True or set {SWITCH}=1.*unencrypted"):
            AsyncClient(AUTH_ID, TOKEN, base_url=url)
        assert account_url(base_url=url, allow_http=True).lower() == url.lower()

    @pytest.mark.parametrize("value", ["1", "true", "YES", " on "])
    def test_the_variable_permits_it(self, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(SWITCH, value)
        monkeypatch.setenv(VARIABLE, REMOTE)
        assert account_url() == REMOTE
        with pytest.raises(ConfigurationError, match=f"^{VARIABLE} must be"):
            AsyncClient(AUTH_ID, TOKEN, allow_http=False)

    @pytest.mark.parametrize("value", ["", "0", "no", "False", "off"])
    def test_a_variable_that_is_off_does_not(self, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(SWITCH, value)
        with pytest.raises(ConfigurationError, match="http:// on loopback only"):
            AsyncClient(AUTH_ID, TOKEN, base_url=REMOTE)

    def test_another_value_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(SWITCH, "perhaps")
        with pytest.raises(ConfigurationError, match=f"^{SWITCH} must be 1 or 0$"):
            AsyncClient(AUTH_ID, TOKEN)
        with pytest.raises(ConfigurationError, match="allow_http must be of type bool"):
            AsyncClient(AUTH_ID, TOKEN, allow_http=1)  # type: ignore[arg-type]

    @pytest.mark.parametrize("url", ["ftp://fake-plivo", "htps://fake-plivo", "ws://fake-plivo", "http://"])
    def test_it_permits_no_other_scheme(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="must be an https:// URL"):
            AsyncClient(AUTH_ID, TOKEN, base_url=url, allow_http=True)

    @pytest.mark.parametrize("url", [REMOTE, "http://127.0.0.1:8080"])
    def test_no_proxy_of_the_environment_receives_it(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, "http://proxy.example:3128")
            monkeypatch.setenv(name.lower(), "http://proxy.example:3128")
        monkeypatch.delenv("REQUEST_METHOD", raising=False)
        pool = AsyncClient(AUTH_ID, TOKEN, base_url=url, allow_http=True)._core.sender.pool
        assert pool is not None
        assert pool.proxy is None

    @pytest.mark.parametrize("proxy", ["http://proxy.example:3128", "https://user:pr0xy@proxy.example"])
    @pytest.mark.parametrize("url", [REMOTE, "http://127.0.0.1:8080"])
    def test_a_proxy_beyond_loopback_needs_the_permission_too(self, url: str, proxy: str) -> None:
        with pytest.raises(ConfigurationError, match="on loopback") as caught:
            AsyncClient(AUTH_ID, TOKEN, base_url=url, proxy=proxy)
        assert "pr0xy" not in str(caught.value)
        assert account_url(base_url=url, proxy=proxy, allow_http=True) == url
        assert account_url(base_url="https://plivo.example", proxy=proxy) == "https://plivo.example"

    async def test_no_redirect_is_followed(self) -> None:
        fake = FakePlivo()
        fake.script([StubResponse(302, headers={"Location": f"{REMOTE}/elsewhere"})])
        async with (
            fake.serve() as url,
            AsyncClient(fake.auth_id, fake.auth_token, base_url=url, allow_http=True) as client,
        ):
            with pytest.raises(RedirectError):
                await client.calls.get(CALL_UUID)
        assert len(fake.requests) == 1
