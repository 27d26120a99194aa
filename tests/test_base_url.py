from __future__ import annotations

from typing import Any

import pytest

from plivo_async import AsyncClient, ConfigurationError, RetryPolicy, ServerError
from plivo_async.base_url import find_base_url
from plivo_async.testing import FakePlivo
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
