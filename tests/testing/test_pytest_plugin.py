"""The fixtures of the package, here and in separate pytest runs."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest

from plivo_async import AsyncClient, CallDetailRecord
from plivo_async.testing import DOCUMENTED_CALL, FakePlivo

pytest_plugins = ["pytester"]

_CALL = DOCUMENTED_CALL["call_uuid"]


async def test_the_client_calls_the_fake(plivo_client: AsyncClient, fake_plivo: FakePlivo) -> None:
    assert (await plivo_client.calls.get(_CALL)).call_uuid == _CALL
    assert fake_plivo.statuses == {200: 1}


async def test_the_client_can_be_closed_by_the_test(plivo_client: AsyncClient) -> None:
    async with plivo_client as client:
        await client.calls.get(_CALL)


async def test_the_url_is_that_of_the_fake(fake_plivo_url: str, fake_plivo: FakePlivo) -> None:
    async with AsyncClient(fake_plivo.auth_id, fake_plivo.auth_token, base_url=fake_plivo_url) as client:
        assert (await client.calls.get(_CALL)).call_uuid == _CALL
    assert fake_plivo.statuses == {200: 1}


def test_the_url_works_without_an_event_loop(fake_plivo_url: str, fake_plivo: FakePlivo) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(fake_plivo_url, timeout=30)

    with caught.value as answer:
        assert answer.status == 401
    assert fake_plivo.statuses == {401: 1}


async def test_the_mock_is_that_of_the_package(plivo_mock: Any) -> None:
    plivo_mock.calls.get.return_value = CallDetailRecord(call_uuid="c1")
    assert (await plivo_mock.calls.get("c1")).call_uuid == "c1"


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """A pytest run of its own, in which every warning is an error."""
    return pytester.runpytest_inprocess("-W", "error", *options)


def test_each_test_has_a_fake_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        fakes = []

        def test_one(fake_plivo):
            fakes.append(fake_plivo)

        def test_two(fake_plivo):
            assert fake_plivo not in fakes
        """
    )
    run(pytester, "-p", "no:asyncio").assert_outcomes(passed=2)


def test_the_fixtures_work_with_pytest_asyncio(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.asyncio
        async def test_get(plivo_client, fake_plivo, fake_plivo_url):
            fake_plivo.script([503])
            assert (await plivo_client.calls.get({_CALL!r})).is_answered
        """
    )
    run(pytester, "-o", "asyncio_default_fixture_loop_scope=function").assert_outcomes(passed=1)


def test_the_fixtures_work_with_anyio(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_get(plivo_client, fake_plivo, fake_plivo_url):
            fake_plivo.script([503])
            assert (await plivo_client.calls.get({_CALL!r})).is_answered
        """
    )
    run(pytester, "-p", "no:asyncio").assert_outcomes(passed=1)


def test_the_fixtures_work_without_an_asynchronous_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import asyncio

        def test_get(plivo_client):
            assert asyncio.run(plivo_client.calls.get({_CALL!r})).is_answered
        """
    )
    run(pytester, "-p", "no:asyncio", "-p", "no:anyio").assert_outcomes(passed=1)


def test_overriding_the_fake_changes_the_client_and_the_url(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio
        import pytest
        from plivo_async import AsyncClient
        from plivo_async.testing import FakePlivo

        @pytest.fixture
        def fake_plivo():
            return FakePlivo([{"call_uuid": "mine"}], auth_token="t")

        def test_get(plivo_client, fake_plivo, fake_plivo_url):
            async def get():
                async with AsyncClient(fake_plivo.auth_id, "t", base_url=fake_plivo_url) as client:
                    return await client.calls.get("mine"), await plivo_client.calls.get("mine")

            one, other = asyncio.run(get())
            assert one.call_uuid == other.call_uuid == "mine"
        """
    )
    run(pytester, "-p", "no:asyncio").assert_outcomes(passed=1)


def test_the_fixtures_are_listed_with_a_description(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-p", "no:asyncio", "--fixtures", "-v")

    for fixture in ("fake_plivo", "plivo_client", "fake_plivo_url", "plivo_mock"):
        result.stdout.fnmatch_lines([f"{fixture} -- *"])


def test_an_unused_plugin_imports_nothing() -> None:
    # Every pytest run in an environment that has the package loads the plugin.
    heavy = {"cattrs", "httpx", "unittest.mock", "uvicorn", "plivo_async.testing.fake"}
    code = f"import sys, plivo_async.testing.pytest_plugin; print(*({heavy} & sys.modules.keys()))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=60
    )

    assert loaded.stdout.split() == []


def test_only_names_that_exist_can_be_imported_from_the_testing_package() -> None:
    import plivo_async.testing

    assert {
        name for name in plivo_async.testing.__all__ if getattr(plivo_async.testing, name) is None
    } == set()
    with pytest.raises(ImportError, match="NoSuchName"):
        exec("from plivo_async.testing import NoSuchName", {})
