from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any
from unittest import mock

import httpcore
import httpx
import pytest

from plivo_async.watchers import (
    Watch,
    client_is_watched,
    httpcore_is_watched,
    is_original,
    transport_is_watched,
)

CLIENT: list[tuple[type, str]] = [
    (httpx.AsyncClient, name)
    for name in (
        "__init__",
        "send",
        "_send_handling_auth",
        "_send_handling_redirects",
        "_send_single_request",
        "_transport_for_url",
    )
]
TRANSPORT: list[tuple[type, str]] = [(httpx.AsyncHTTPTransport, "handle_async_request")]
HTTPCORE: list[tuple[type, str]] = [
    (httpcore.AsyncConnectionPool, "handle_async_request"),
    (httpcore.AsyncHTTPConnection, "handle_async_request"),
]


def wrapping(function: Callable[..., Any]) -> Callable[..., Any]:
    """A wrapper as tools write it, which looks like what it wraps."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


class Proxy:
    """A wrapper as wrapt writes it, which is even equal to what it wraps."""

    def __init__(self, wrapped: object) -> None:
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wrapped, name)

    def __eq__(self, other: object) -> bool:
        return self._wrapped == other

    __hash__ = object.__hash__


class TestOriginals:
    def test_are_functions_of_httpx_and_httpcore(self) -> None:
        assert all(is_original(getattr(owner, name)) for owner, name in CLIENT + TRANSPORT + HTTPCORE)

    @pytest.mark.parametrize(
        "wrap", [wrapping, Proxy, mock.create_autospec, lambda _: mock.AsyncMock(), lambda _: None]
    )
    def test_are_no_wrappers(self, wrap: Callable[[Any], Any]) -> None:
        assert not is_original(wrap(httpx.AsyncClient.send))

    def test_are_not_of_a_library_with_a_similar_name(self) -> None:
        function = FunctionType(wrapping.__code__, {"__name__": "httpx_tool.patches"})
        assert not is_original(function)


class TestWatch:
    @pytest.mark.parametrize(("owner", "name"), CLIENT[1:] + TRANSPORT + HTTPCORE)
    @pytest.mark.parametrize("wrap", [wrapping, Proxy])
    def test_is_on_while_a_function_is_replaced(
        self, owner: type, name: str, wrap: Callable[[Any], Any]
    ) -> None:
        watch = Watch(httpx.AsyncClient)
        assert not watch.is_on()
        with mock.patch.object(owner, name, wrap(getattr(owner, name))):
            assert watch.is_on()
            assert Watch(httpx.AsyncClient).is_on()
        assert not watch.is_on()

    def test_begins_with_a_client_that_a_tool_has_built(self) -> None:
        with mock.patch.object(httpx.AsyncClient, "__init__", wrapping(httpx.AsyncClient.__init__)):
            assert Watch(httpx.AsyncClient).is_on()

    def test_ends_with_the_tool_that_was_there_before_it(self) -> None:
        with mock.patch.object(httpx.AsyncClient, "send", wrapping(httpx.AsyncClient.send)):
            watch = Watch(httpx.AsyncClient)
            assert watch.is_on()
        assert not watch.is_on()

    def test_is_on_for_a_class_in_the_place_of_the_client(self) -> None:
        class Traced(httpx.AsyncClient):
            def __init__(self) -> None:
                super().__init__()

        assert Watch(Traced).is_on()
        assert client_is_watched(Traced)
        assert Watch(mock.MagicMock).is_on()

    def test_passes_over_httpcore_until_it_is_imported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with mock.patch.object(*HTTPCORE[0], wrapping(getattr(*HTTPCORE[0]))):
            with monkeypatch.context() as before:
                before.delitem(sys.modules, "httpcore")
                watch = Watch(httpx.AsyncClient)
                assert not watch.is_on()
                assert not httpcore_is_watched()
            assert watch.is_on()
        assert not watch.is_on()


class TestLevel:
    @pytest.mark.parametrize(("owner", "name"), CLIENT + TRANSPORT + HTTPCORE)
    def test_is_that_of_the_function(self, owner: type, name: str) -> None:
        with mock.patch.object(owner, name, wrapping(getattr(owner, name))):
            assert client_is_watched(httpx.AsyncClient) == (owner is httpx.AsyncClient)
            assert transport_is_watched() == (owner is not httpx.AsyncClient)
            assert httpcore_is_watched() == (owner.__module__.startswith("httpcore"))
