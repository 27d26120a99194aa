from __future__ import annotations

import enum
import gzip
import json
import traceback
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async import (
    AsyncClient,
    CallDetailRecord,
    CallNext,
    ConfigurationError,
    DeadlineExceededError,
    DecodeError,
    InvalidCallUUIDError,
    InvalidResponseError,
    NetworkError,
    NotFoundError,
    PlivoError,
    RecordMismatchError,
    RedirectError,
    ResponseTooLargeError,
    RetryPolicy,
    UnexpectedStatusError,
)
from plivo_async.errors import type_for_status
from plivo_async.record.converter import decode_json
from plivo_async.resources.call_uuid import check_call_uuid
from plivo_async.retry_policy import NO_RETRY
from tests.offline import AUTH_ID, CALL_UUID, FIXTURES, RECORD, TOKEN, URL, asking, ok

RETRYABLE = {408, 429, 500, 502, 503, 504}
ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
LIVE_UUID = "d0a87a1a-b0e9-4ab2-ac07-c22ee87cd04a"


def body(**changes: Any) -> bytes:
    return json.dumps({**json.loads(RECORD), **changes}).encode()


async def error_of(*answers: Any, call_uuid: Any = CALL_UUID, **options: Any) -> PlivoError:
    async with asking(*answers, **options) as (client, _):
        with pytest.raises(PlivoError) as caught:
            await client.calls.get(call_uuid)
    return caught.value


class TestGet:
    async def test_gives_the_record(self) -> None:
        async with asking(ok()) as (client, route):
            record = await client.calls.get(CALL_UUID)
        assert record == CallDetailRecord.from_json(RECORD)
        assert route.call_count == 1

    async def test_asks_for_it_with_a_trailing_slash_and_nothing_else(self) -> None:
        async with asking(ok()) as (client, route):
            await client.calls.get(CALL_UUID)
        request = route.calls.last.request
        assert (request.method, str(request.url), request.content) == ("GET", URL, b"")

    @pytest.mark.parametrize(
        "call_uuid", [uuid.UUID(CALL_UUID), CALL_UUID.upper(), CALL_UUID.title(), CALL_UUID]
    )
    async def test_takes_a_uuid_of_any_letter_case(self, call_uuid: str | uuid.UUID) -> None:
        async with asking(ok()) as (client, route):
            assert (await client.calls.get(call_uuid)).call_uuid == CALL_UUID
        assert str(route.calls.last.request.url).endswith(f"/Call/{call_uuid}/")

    @pytest.mark.parametrize("sent", [CALL_UUID.upper(), CALL_UUID.title()])
    async def test_takes_a_record_of_any_letter_case(self, sent: str) -> None:
        async with asking(httpx.Response(200, content=body(call_uuid=sent))) as (client, _):
            assert (await client.calls.get(CALL_UUID)).call_uuid == sent

    @pytest.mark.parametrize("name", ["call_documented", "call_2017_unanswered"])
    async def test_takes_the_published_records(self, name: str) -> None:
        text = FIXTURES.joinpath(f"{name}.json").read_bytes()
        asked = json.loads(text)["call_uuid"]
        async with asking(httpx.Response(200, content=text)) as (client, _):
            assert (await client.calls.get(asked)).call_uuid == asked

    async def test_takes_a_record_of_nothing_but_its_id(self) -> None:
        async with asking(httpx.Response(200, json={"call_uuid": CALL_UUID})) as (client, _):
            assert await client.calls.get(CALL_UUID) == CallDetailRecord(call_uuid=CALL_UUID)

    def test_is_shown_without_a_token(self) -> None:
        calls = AsyncClient(AUTH_ID, "tok3n").calls
        assert repr(calls) == (f"<CallsResource of https://api.plivo.com/v1/Account/{AUTH_ID}/>")


class TestCallUUID:
    @given(st.text(ID_CHARACTERS, min_size=1, max_size=128))
    def test_is_of_these_characters(self, call_uuid: str) -> None:
        assert check_call_uuid(call_uuid) == call_uuid

    def test_of_a_kind_of_str_is_what_was_checked(self) -> None:
        class Calls(str, enum.Enum):  # noqa: UP042 - a StrEnum would be its text everywhere
            FIRST = "a-call"

        assert (checked := check_call_uuid(Calls.FIRST)) == "a-call"
        assert type(checked) is str

    @given(st.uuids())
    def test_may_be_a_uuid(self, call_uuid: uuid.UUID) -> None:
        assert check_call_uuid(call_uuid) == str(call_uuid)

    @given(st.text().filter(lambda text: not text or len(text) > 128 or set(text) - set(ID_CHARACTERS)))
    def test_is_of_no_other_characters(self, call_uuid: str) -> None:
        with pytest.raises(InvalidCallUUIDError) as caught:
            check_call_uuid(call_uuid)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 200

    @pytest.mark.parametrize(
        "call_uuid",
        [
            "",
            None,
            ".",
            "..",
            "../Account",
            "a/b",
            "a?b",
            "a#b",
            "%2F",
            "a\r\nX: y",
            f"{CALL_UUID}\n",
            f"{CALL_UUID} ",
            f" {CALL_UUID}",
            "ü",
            "１２",
            "a\0",
            "a" * 129,
            "a" * 10**6,
            f"{{{CALL_UUID}}}",
            CALL_UUID.encode(),
            5,
            10**5000,
            True,
            1.5,
            ["a"],
            pytest.param(object(), id="object"),
            uuid.UUID,
        ],
        ids=lambda value: "10**5000" if isinstance(value, int) and value > 10 else repr(value)[:30],
    )
    async def test_that_could_not_be_a_path_segment_is_refused_before_any_traffic(
        self, call_uuid: Any
    ) -> None:
        async with asking(ok()) as (client, route):
            with pytest.raises(
                InvalidCallUUIDError, match="call_uuid must be a uuid.UUID or 1 to 128 "
            ) as caught:
                await client.calls.get(call_uuid)
        assert route.call_count == 0
        assert isinstance(caught.value, ValueError)
        assert len(str(caught.value)) < 200


class TestStatus:
    async def test_other_than_200_has_its_type_and_is_retried_where_that_may_help(self) -> None:
        text = b'{"api_id": "a1", "error": "so it is"}'
        # type_for_status is tested for each status; here one of each kind, and the borders.
        for status in [100, 199, 201, 299, 300, 399, 400, 401, 403, 404, 409, 499, 501, 599, *RETRYABLE]:
            async with asking(httpx.Response(status, content=text)) as (client, route):
                with pytest.raises(PlivoError) as caught:
                    await client.calls.get(CALL_UUID)
            error = caught.value
            attempts = 3 if status in RETRYABLE else 1
            assert type(error) is type_for_status(status), status
            assert (route.call_count, error.attempts) == (attempts, attempts), status
            assert (error.status, error.api_id, error.body) == (status, "a1", text)
            assert error.retryable == (status in RETRYABLE), status
            assert str(error).startswith(f"HTTP {status}: so it is")

    @pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 299])
    async def test_of_success_is_no_record_unless_it_is_200(self, status: int) -> None:
        error = await error_of(httpx.Response(status, content=RECORD))
        assert type(error) is UnexpectedStatusError
        assert (error.status, error.body) == (status, RECORD)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @pytest.mark.parametrize("location", ["https://evil.example/", "/elsewhere", URL])
    async def test_of_a_redirect_is_never_followed(self, status: int, location: str) -> None:
        async with asking(httpx.Response(status, headers={"Location": location}), ok()) as (client, route):
            with pytest.raises(RedirectError, match="redirects are not followed") as caught:
                await client.calls.get(CALL_UUID)
        assert (route.call_count, caught.value.status) == (1, status)

    @pytest.mark.parametrize("location", ["http://[::1", "https://a:port/", "//", "A: "])
    async def test_of_a_redirect_to_nowhere_is_a_redirect_all_the_same(self, location: str) -> None:
        async with asking(httpx.Response(302, headers={"Location": location}), ok()) as (client, route):
            with pytest.raises(RedirectError):
                await client.calls.get(CALL_UUID)
        assert route.call_count == 1

    @given(st.binary().map(lambda value: value.replace(b"\r", b"").replace(b"\n", b"")))
    async def test_of_a_redirect_to_anywhere_is_a_redirect(self, location: bytes) -> None:
        answer = httpx.Response(302, headers=[(b"Location", location)])
        assert type(await error_of(answer)) is RedirectError

    async def test_404_says_what_it_may_mean(self) -> None:
        error = await error_of(httpx.Response(404, content=FIXTURES.joinpath("error_404.json").read_bytes()))
        assert type(error) is NotFoundError
        assert error.message == (
            "HTTP 404: CDR for call uuid not found: no such call, or its record is not written yet (it "
            "follows the hang-up by seconds, sometimes minutes), or it is older than 90 days, or it is a "
            "SIP-trunk call, for trunk_calls.get"
        )

    @pytest.mark.parametrize("status", [400, 404, 500])
    async def test_of_an_error_may_have_a_body_too_large(self, status: int) -> None:
        async with asking(httpx.Response(status, content=b"x" * 101), max_body=100) as (client, route):
            with pytest.raises(ResponseTooLargeError) as caught:
                await client.calls.get(CALL_UUID)
        assert (caught.value.status, route.call_count) == (status, 1)


NO_JSON = {
    "text": b"OK",
    "HTML": b"<html><body>Sign in to the hotel's Wi-Fi</body></html>",
    "blank": b" \r\n ",
    "empty": b"",
    "truncated": RECORD[:-2],
    "truncated in a string": RECORD[:40],
    "trailing bytes": RECORD + b"x",
    "two records": RECORD + RECORD,
    "UTF-16": RECORD.decode().encode("utf-16"),
    "bad UTF-8": RECORD.replace(b"ANSWER", b"\xff\xfe"),
    "an encoded surrogate": RECORD.replace(b"ANSWER", b"\xed\xa0\x80"),
}
NO_RECORDS: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "a number": b"5",
    "a string": json.dumps(CALL_UUID).encode(),
    "an array": b"[" + RECORD + b"]",
    "an empty array": b"[]",
    "an empty object": b"{}",
    "NaN": RECORD.replace(b"8011", b"NaN"),
    "NaN in an unknown key": b'{"call_uuid": "%s", "x": NaN}' % CALL_UUID.encode(),
    "Infinity": b'{"call_uuid": "%s", "x": [-Infinity]}' % CALL_UUID.encode(),
    "5,000 digits": RECORD.replace(b"8011", b"9" * 5000),
    "5,000 digits in an unknown key": b'{"call_uuid": "%s", "x": %s}' % (CALL_UUID.encode(), b"9" * 5000),
    "an exponent": b'{"call_uuid": "%s", "x": 1e999999999999999999999}' % CALL_UUID.encode(),
    "deep arrays": b'{"call_uuid": "%s", "x": %s1%s}' % (CALL_UUID.encode(), b"[" * 100_000, b"]" * 100_000),
    "deep objects": b'{"x":' * 100_000 + b"1" + b"}" * 100_000,
    "arrays deep enough to parse": b'{"call_uuid": "%s", "x": %s1%s}'
    % (CALL_UUID.encode(), b"[" * 500, b"]" * 500),
    "an error": b'{"error": "CDR for call uuid not found"}',
    "a nested error": b'{"error": {"error": "no"}}',
    "deep errors": b'{"error":' * 450 + b'"no"' + b"}" * 450,
    "no id": json.dumps({**json.loads(RECORD), "call_uuid": None}).encode(),
    "an empty id": body(call_uuid=""),
    "an id that is no text": body(call_uuid=5),
    "a list of records": FIXTURES.joinpath("call_list.json").read_bytes(),
}


class TestAnswer:
    @pytest.mark.parametrize("text", NO_RECORDS.values(), ids=NO_RECORDS)
    async def test_that_is_no_record_is_a_typed_error_that_carries_it(self, text: bytes) -> None:
        async with asking(httpx.Response(200, content=text)) as (client, route):
            with pytest.raises(DecodeError) as caught:
                await client.calls.get(CALL_UUID)
        error = caught.value
        assert (error.status, error.body, error.attempts, route.call_count) == (200, text, 1, 1)
        assert not error.retryable
        assert str(error).isprintable()
        assert len(str(error)) < 1000

    @pytest.mark.parametrize("text", NO_JSON.values(), ids=NO_JSON)
    async def test_that_is_no_json_is_a_failed_attempt(self, text: bytes) -> None:
        async with asking(httpx.Response(200, content=text), ok()) as (client, route):
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
        assert route.call_count == 2

    @pytest.mark.parametrize("text", NO_JSON.values(), ids=NO_JSON)
    async def test_that_is_no_json_three_times_is_a_retryable_error_that_carries_it(
        self, text: bytes
    ) -> None:
        headers = {"Via": "1.1 portal"}
        async with asking(httpx.Response(200, content=text, headers=headers)) as (client, route):
            with pytest.raises(DecodeError) as caught:
                await client.calls.get(CALL_UUID)
        error = caught.value
        assert (error.status, error.body, error.attempts, route.call_count) == (200, text, 3, 3)
        assert (error.retryable, error.headers["via"]) == (True, "1.1 portal")
        assert str(error).isprintable()
        assert len(str(error)) < 1000

    async def test_may_begin_with_a_byte_order_mark(self) -> None:
        async with asking(httpx.Response(200, content=b"\xef\xbb\xbf" + RECORD)) as (client, route):
            assert (await client.calls.get(CALL_UUID)).to_json() == json.dumps(
                json.loads(RECORD), separators=(",", ":")
            )
        assert route.call_count == 1

    async def test_that_is_no_json_is_the_cause_at_the_deadline(self) -> None:
        async with asking(
            httpx.Response(200, content=b"<html>"), retry=RetryPolicy(backoff_base=60.0, backoff_max=60.0)
        ) as (client, _):
            with pytest.raises(DeadlineExceededError) as caught:
                await client.calls.get(CALL_UUID, deadline=5.0)
        cause = caught.value.__cause__
        assert isinstance(cause, DecodeError)
        assert (cause.body, cause.__traceback__) == (b"<html>", None)

    async def test_is_decoded_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        decoded: list[bytes] = []

        def decode(content: bytes) -> Any:
            decoded.append(content)
            return decode_json(content)

        monkeypatch.setattr("plivo_async.resources.single_record.decode_json", decode)
        async with asking(ok()) as (client, _):
            await client.calls.get(CALL_UUID)
        assert decoded == [RECORD]

    async def test_that_middleware_has_replaced_is_decoded_as_it_is_then(self) -> None:
        async def replace(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            await call_next(request)
            return httpx.Response(200, content=body(total_amount="7.00000"))

        async with asking(ok(), middleware=[replace]) as (client, _):
            assert str((await client.calls.get(CALL_UUID)).total_amount) == "7.00000"

    async def test_that_middleware_has_made_may_be_no_json(self) -> None:
        async def make(request: httpx.Request, call_next: CallNext) -> httpx.Response:
            return httpx.Response(200, content=b"<html>")

        async with asking(ok(), middleware=[make]) as (client, _):
            with pytest.raises(DecodeError) as caught:
                await client.calls.get(CALL_UUID)
        assert (caught.value.status, caught.value.attempts, caught.value.body) == (200, 0, b"<html>")

    async def test_of_another_status_is_not_decoded(self) -> None:
        error = await error_of(httpx.Response(201, content=b"<html>"))
        assert (type(error), error.attempts) == (UnexpectedStatusError, 1)

    async def test_that_is_no_record_leaves_no_frame_that_holds_the_request(self) -> None:
        error = await error_of(httpx.Response(200, content=b"<html>"))
        frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]
        assert frames[-2:] == ["get", "_call"]

    @given(st.binary() | st.from_regex(rb'\{"call_uuid": ?"[a-f0-9-]*"?,?.*', fullmatch=True))
    async def test_of_any_bytes_is_a_record_or_a_typed_error(self, text: bytes) -> None:
        async with asking(httpx.Response(200, content=text)) as (client, _):
            try:
                record = await client.calls.get(CALL_UUID)
            except InvalidResponseError as error:
                assert error.body == text
            else:
                assert record.call_uuid.lower() == CALL_UUID

    @given(st.integers(0, len(RECORD) - 1))
    async def test_cut_short_anywhere_is_no_record(self, at: int) -> None:
        text = RECORD[:at]
        # But for white space after it.
        expected = DecodeError if not RECORD[:at].rstrip().endswith(b"}") else None
        async with asking(httpx.Response(200, content=text)) as (client, _):
            if expected is None:
                await client.calls.get(CALL_UUID)
            else:
                with pytest.raises(expected):
                    await client.calls.get(CALL_UUID)

    async def test_to_an_asynchronous_request_has_its_api_id(self) -> None:
        text = FIXTURES.joinpath("async_spawned.json").read_bytes()
        error = await error_of(httpx.Response(200, content=text))
        assert type(error) is DecodeError
        assert (error.api_id, error.body) == ("63f0761a-e0ed-11e1-8ea7-12313924e3a6", text)
        assert "async api spawned" in str(error)
        error = await error_of(httpx.Response(202, content=text))
        assert type(error) is UnexpectedStatusError
        assert (error.api_id, error.body) == ("63f0761a-e0ed-11e1-8ea7-12313924e3a6", text)

    async def test_that_says_error_has_its_text(self) -> None:
        text = FIXTURES.joinpath("error_envelope.json").read_bytes()
        error = await error_of(httpx.Response(200, content=text))
        assert type(error) is DecodeError
        assert "answer_url parameter is missing" in str(error)
        assert error.api_id == "97ceeb52-58b6-11e1-86da-77300b68f8bb"

    async def test_names_the_fields_that_cannot_be_read(self) -> None:
        text = body(call_duration="1.5", total_amount="0,5", end_time="yesterday")
        error = await error_of(httpx.Response(200, content=text))
        assert isinstance(error, DecodeError)
        assert set(error.fields) == {"call_duration", "total_amount", "end_time"}
        assert (error.body, error.api_id) == (text, "52cd2e1d-2bfd-11ec-a7bd-0242ac110005")

    @pytest.mark.parametrize("name", ["live_call", "zentrunk_call_documented", "call_2017_unanswered"])
    async def test_of_another_call_is_a_mismatch_or_unreadable(self, name: str) -> None:
        text = FIXTURES.joinpath(f"{name}.json").read_bytes()
        error = await error_of(httpx.Response(200, content=text))
        assert isinstance(error, InvalidResponseError)
        assert (error.status, error.body) == (200, text)

    async def test_of_another_call_names_both(self) -> None:
        text = FIXTURES.joinpath("live_call.json").read_bytes()
        error = await error_of(httpx.Response(200, content=text))
        assert type(error) is RecordMismatchError
        assert (
            str(error) == f"asked for call {CALL_UUID}, but the response is the record of call '{LIVE_UUID}'"
        )
        assert (error.api_id, error.attempts) == ("18f3bbb0-3ef1-11e7-a68e-02d2f90c026e", 1)
        assert not error.retryable

    @pytest.mark.parametrize(
        "sent", [CALL_UUID[:-1], f"{CALL_UUID} ", CALL_UUID.replace("-", ""), "x" * 10_000, "\x1b"]
    )
    async def test_with_almost_the_id_is_a_mismatch(self, sent: str) -> None:
        error = await error_of(httpx.Response(200, content=body(call_uuid=sent)))
        assert type(error) is RecordMismatchError
        assert str(error).isprintable()
        assert len(str(error)) < 300

    async def test_over_the_cap_is_too_large_and_not_asked_for_again(self) -> None:
        async with asking(ok(), max_body=len(RECORD) - 1) as (client, route):
            with pytest.raises(ResponseTooLargeError, match=f"max_body={len(RECORD) - 1}"):
                await client.calls.get(CALL_UUID)
            assert route.call_count == 1
            assert (await client.calls.get(CALL_UUID, max_body=len(RECORD))).call_uuid == CALL_UUID


async def pieces(*chunks: bytes, failure: Exception | None = None) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    if failure is not None:
        raise failure


class TestBody:
    async def test_is_read_within_the_attempt(self) -> None:
        def cut(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=pieces(RECORD[:100], failure=httpx.ReadError("reset")))

        async with asking(cut, ok()) as (client, route):
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
            assert route.call_count == 2
        error = await error_of(cut)
        assert type(error) is NetworkError
        assert error.attempts == 3

    async def test_may_be_compressed_though_that_was_not_asked_for(self) -> None:
        def compressed(request: httpx.Request) -> httpx.Response:
            return httpx.Response(
                200, content=pieces(gzip.compress(RECORD)), headers={"Content-Encoding": "gzip"}
            )

        async with asking(compressed) as (client, route):
            assert (await client.calls.get(CALL_UUID)).call_uuid == CALL_UUID
        assert route.calls.last.request.headers["accept-encoding"] == "identity"

    async def test_compressed_wrongly_is_a_decode_error(self) -> None:
        def wrong(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=pieces(RECORD), headers={"Content-Encoding": "gzip"})

        error = await error_of(wrong)
        assert type(error) is DecodeError
        assert (error.status, error.attempts, error.retryable) == (200, 3, True)


class TestGetMany:
    @pytest.mark.parametrize("patience", [None, 60.0])
    async def test_gives_an_outcome_for_each_call(self, patience: float | None) -> None:
        async with asking(ok()) as (client, _):
            outcomes = await client.calls.get_many([CALL_UUID, "no id"], patience=patience)
        assert [type(outcome).__name__ for outcome in outcomes] == ["Fetched", "Failed"]

    @pytest.mark.parametrize("patience", [0.0, -1.0, float("nan")])
    async def test_has_a_patience_above_zero(self, patience: float) -> None:
        async with asking(ok()) as (client, _):
            with pytest.raises(ConfigurationError, match="patience"):
                client.calls.get_many([CALL_UUID], patience=patience)


async def test_a_record_of_a_call_with_the_name_of_a_secret_is_an_error_without_it() -> None:
    error = await error_of(httpx.Response(200, content=body(call_uuid=TOKEN)))
    assert TOKEN.encode() not in error.body
    assert TOKEN not in str(error)
    assert (error.status, error.attempts) == (200, 1)


async def test_a_body_that_only_a_secret_makes_unreadable_is_an_error_without_it() -> None:
    token = "bill_duration"
    content = body(bill_duration=["no", "number"])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
    async with httpx.AsyncClient(transport=transport) as http_client:
        client = AsyncClient(AUTH_ID, token, http_client=http_client, retry=NO_RETRY)
        with pytest.raises(DecodeError, match="^the call detail record cannot be read ") as caught:
            await client.calls.get(CALL_UUID)
    assert caught.value.body == content.replace(token.encode(), b"***")
    assert caught.value.attempts == 1
