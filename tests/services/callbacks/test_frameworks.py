"""Headers and forms of each framework are read as the framework has them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.conf import UserSettingsHolder, global_settings, settings
from django.http import HttpRequest, QueryDict
from litestar.datastructures import FormMultiDict
from litestar.datastructures import Headers as LitestarHeaders
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, MultiDictProxy
from starlette.datastructures import FormData, Headers, QueryParams, UploadFile
from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.datastructures import ImmutableMultiDict

from plivo_async import DecodeError, SignatureError
from plivo_async.testing import signed_hangup
from plivo_async.webhooks import HangupEvent, verify

TOKEN = "NotARealTokenJustForTests0123456789abcd"
PAIRS = [("CallUUID", "c1"), ("AnswerTime", ""), ("X-PH-A", "2"), ("X-PH-A", "1"), ("To", "+1 é")]
Pairs = list[tuple[str, str]]
CALLBACK = signed_hangup(
    {"CallUUID": "c1", "AnswerTime": "", "X-PH-A": ["2", "1"], "To": "+1 é"},
    "https://app.example.com/plivo/hangup",
    auth_token=TOKEN,
)
HEADERS = [("Host", "app.example.com"), *CALLBACK.headers.items()]


def raw(pairs: Pairs) -> list[tuple[bytes, bytes]]:
    return [(key.lower().encode(), value.encode()) for key, value in pairs]


def wsgi(pairs: Pairs) -> dict[str, Any]:
    named = {f"HTTP_{key.upper().replace('-', '_')}": value for key, value in pairs}
    return {**named, "wsgi.input": object(), "wsgi.version": (1, 0)}


def django_request(pairs: Pairs) -> HttpRequest:
    request = HttpRequest()
    request.META = wsgi(pairs)
    return request


@pytest.fixture(autouse=True)
def default_settings_of_django() -> Iterator[None]:
    """For these tests only: a service of other tests has settings of its own."""
    lazy: Any = settings
    before = lazy._wrapped
    lazy._wrapped = UserSettingsHolder(global_settings)
    yield
    lazy._wrapped = before


@pytest.mark.parametrize(
    "shape",
    [
        lambda pairs: Headers(raw=raw(pairs)),
        lambda pairs: LitestarHeaders(raw(pairs)),
        lambda pairs: CIMultiDictProxy(CIMultiDict(pairs)),
        WerkzeugHeaders,
        httpx.Headers,
        lambda pairs: django_request(pairs).headers,
        lambda pairs: django_request(pairs).META,
        raw,
    ],
    ids=["starlette", "litestar", "aiohttp", "werkzeug", "httpx", "django", "django META", "asgi"],
)
def test_headers_are_read(shape: Callable[[Pairs], Any]) -> None:
    headers = shape(HEADERS)
    verify("POST", CALLBACK.url, headers, CALLBACK.body, auth_token=TOKEN)
    with pytest.raises(SignatureError):
        verify("POST", CALLBACK.url, headers, CALLBACK.body + b"&a=", auth_token=TOKEN)


@pytest.mark.parametrize(
    "shape",
    [
        FormData,
        lambda _: QueryParams(CALLBACK.body.decode()),
        lambda _: QueryDict(CALLBACK.body),
        FormMultiDict,
        lambda pairs: MultiDictProxy(MultiDict(pairs)),
        ImmutableMultiDict,
    ],
    ids=["starlette", "starlette query", "django", "litestar", "aiohttp", "werkzeug"],
)
def test_forms_are_read(shape: Callable[[Pairs], Any]) -> None:
    form = shape(PAIRS)
    verify("POST", CALLBACK.url, CALLBACK.headers, form, auth_token=TOKEN)
    assert HangupEvent.from_form(form) == HangupEvent.from_form(CALLBACK.body)
    assert HangupEvent.from_form(form).extra == {"X-PH-A": ["2", "1"]}


def test_an_uploaded_file_is_refused() -> None:
    form = FormData({"CallUUID": "c1", "file": UploadFile(io.BytesIO())})
    with pytest.raises(SignatureError):
        verify("POST", CALLBACK.url, CALLBACK.headers, form, auth_token=TOKEN)
    with pytest.raises(DecodeError):
        HangupEvent.from_form(form)
