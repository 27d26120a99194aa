"""A server, gateway or proxy that reflects the request gets no secret into an error."""

from __future__ import annotations

import logging
import ssl
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import httpx
import pytest

from plivo_async import (
    AsyncClient,
    CallNext,
    DecodeError,
    NotFoundError,
    PlivoError,
    RetryPolicy,
    make_converter,
)
from tests.faults.fault_server import Clock, FaultServer, Step, Wire
from tests.faults.leaks import SECRETS, leaks_in, leaks_of
from tests.faults.proxying import HOST, PASSWORD
from tests.faults.responses_on_the_wire import CALL_UUID, RECORD, head, reply, sends
from tests.faults.serving import AUTH_ID, TOKEN, serving

SOON = RetryPolicy(backoff_base=0.001)
PLACES = {
    "the body of a 400": lambda x: sends(reply(b'{"error": "refused: %s"}' % x, status=b"400 x")),
    "the body of a 401": lambda x: sends(reply(b"refused: " + x, status=b"401 x")),
    "the body of a 404": lambda x: sends(reply(b'{"error": {"error": "%s"}}' % x, status=b"404 x")),
    "the body of a 429": lambda x: sends(reply(b'{"message": "%s"}' % x, status=b"429 x")),
    "the body of a 500": lambda x: sends(reply(b"<html>" + x, status=b"500 x")),
    "the end of a long message": lambda x: sends(
        reply(b"." * (200 - len(x) // 2) + b" " + x, status=b"500 x")
    ),
    "the api_id": lambda x: sends(reply(b'{"api_id": "%s"}' % x, status=b"400 x")),
    "a redirect": lambda x: sends(reply(b"", b"Location: /" + x, status=b"302 x")),
    "a redirect to what is no URL": lambda x: sends(reply(b"", b"Location: http://[" + x, status=b"302 x")),
    "Server": lambda x: sends(reply(b"{}", b"Server: " + x, status=b"400 x")),
    "Via of a 200": lambda x: sends(reply(b"{}", b"Via: 1.1 " + x)),
    "Retry-After": lambda x: sends(reply(b"{}", b"Retry-After: " + x, status=b"503 x")),
    "Content-Encoding": lambda x: sends(reply(b"{}", b"Content-Encoding: " + x)),
    "Content-Type": lambda x: sends(reply(b"{}", b"Content-Type: " + x, status=b"400 x")),
    "the reason phrase": lambda x: sends(reply(b"{}", status=b"400 " + x)),
    "the reason phrase of a 200": lambda x: sends(reply(b"{}", status=b"200 " + x)),
    "the headers of a body that is too large": lambda x: sends(
        reply(b"", b"Via: 1.1 " + x).replace(b"Content-Length: 0", b"Content-Length: 9999999")
    ),
    "a garbage status line": lambda x: sends(b"HTTP/9 " + x + b"\r\n\r\n", Wire.fin),
    "a garbage header line": lambda x: sends(b"HTTP/1.1 200 OK\r\n" + x + b"\r\n\r\n", Wire.fin),
    "a garbage chunk header": lambda x: sends(head(b"Transfer-Encoding: chunked") + x + b"\r\n", Wire.fin),
    "a 200 that is no JSON": lambda x: sends(reply(b"<html>" + x)),
    "a 200 that is no record": lambda x: sends(reply(b'{"error": "%s"}' % x)),
    "an array": lambda x: sends(reply(b'["%s"]' % x)),
    "a value of the wrong type": lambda x: sends(
        reply(RECORD.replace(b'"total_amount": "', b'"total_amount": "%s' % x))
    ),
    "the record of another call": lambda x: sends(reply(b'{"call_uuid": "%s", "api_id": "%s"}' % (x, x))),
    "the key of a value": lambda x: sends(reply(b'{"%s": NaN}' % x)),
}
FORMS = {
    "the token": TOKEN,
    "the Basic value": SECRETS[1],
    "the header": f"Authorization: Basic {SECRETS[1]}",
    "the token in lower case": TOKEN.lower(),
    "the pair": f"{AUTH_ID}:{TOKEN}",
    "the Basic value, percent-encoded": quote(SECRETS[1], safe=""),
    "the token in base64": b64encode(TOKEN.encode()).decode(),
    "the Basic value for URLs": urlsafe_b64encode(f"{AUTH_ID}:{TOKEN}".encode()).decode(),
}


async def error_of(client: AsyncClient) -> PlivoError:
    """The error of a call, its traceback without the frame of the test."""
    with pytest.raises(PlivoError) as caught:
        await client.calls.get(CALL_UUID)
    return caught.value


def shown(form: str) -> tuple[str, ...]:
    """The secrets that a reader may recognise in this form."""
    return (*SECRETS, form.removeprefix("Authorization: Basic ").rstrip("="), TOKEN.lower())


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("place", PLACES)
async def test_a_reflected_secret_is_blanked(
    place: str, form: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    step: Step = PLACES[place](form.encode())
    async with serving(clock, step, retry=SOON) as (_, client):
        error = await error_of(client)
    assert leaks_of(error, shown(form)) == []
    assert leaks_in(caplog.records, shown(form)) == []


@pytest.mark.parametrize("place", PLACES)
async def test_a_reflected_secret_is_blanked_in_the_failure_before_a_deadline(
    place: str, clock: Clock
) -> None:
    step: Step = PLACES[place](SECRETS[1].encode())
    later = RetryPolicy(backoff_base=30.0, backoff_max=30.0)
    async with serving(clock, step, retry=later, deadline=5.0) as (_, client):
        error = await error_of(client)
    assert leaks_of(error) == []


@pytest.mark.parametrize("place", PLACES)
async def test_a_reflected_secret_is_blanked_in_the_cause_of_an_error_of_middleware(
    place: str, clock: Clock
) -> None:
    async def translate(request: httpx.Request, call_next: CallNext) -> httpx.Response:
        try:
            return await call_next(request)
        except DecodeError as error:
            raise NotFoundError("translated") from error

    step: Step = PLACES[place](SECRETS[1].encode())
    async with serving(clock, step, retry=SOON, middleware=[translate]) as (_, client):
        error = await error_of(client)
    assert leaks_of(error) == []


async def test_what_is_around_a_secret_stays(clock: Clock) -> None:
    body = RECORD.replace(b'"total_amount": "0.01667"', b'"total_amount": "%s"' % TOKEN.encode())
    async with serving(clock, sends(reply(body))) as (_, client):
        with pytest.raises(DecodeError) as caught:
            await client.calls.get(CALL_UUID)
    assert caught.value.fields == ("total_amount",)
    assert caught.value.body == body.replace(TOKEN.encode(), b"***")


async def test_a_record_that_is_readable_only_without_the_secret_is_an_error(clock: Clock) -> None:
    def refuse_the_token(value: str, _: object) -> str:
        if TOKEN in value:
            raise ValueError("refused")
        return value

    converter = make_converter()
    converter.register_structure_hook(str, refuse_the_token)
    body = RECORD.replace(b'"from_number": "', b'"from_number": "%s' % TOKEN.encode())
    async with serving(clock, sends(reply(body)), converter=converter) as (_, client):
        error = await error_of(client)
    assert type(error) is DecodeError
    assert leaks_of(error) == []


@pytest.mark.parametrize("secret", [PASSWORD, b64encode(f"user:{PASSWORD}".encode()).decode()])
@pytest.mark.parametrize("status", [b"HTTP/1.1 407 you sent %s\r\n\r\n", b"HTTP/9 %s\r\n\r\n"])
async def test_the_password_of_a_proxy_is_blanked(
    secret: str, status: bytes, clock: Clock, origin: ssl.SSLContext
) -> None:
    async with FaultServer(clock, sends(status % secret.encode(), Wire.fin)) as server:
        proxy = server.url.replace("://", f"://user:{PASSWORD}@")
        async with AsyncClient(AUTH_ID, TOKEN, base_url=f"https://{HOST}", proxy=proxy, retry=SOON) as client:
            error = await error_of(client)
    assert leaks_of(error, (secret,)) == []
