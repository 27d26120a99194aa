"""The log records of a client: what is logged, at which level, with which extra fields."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from plivo_async import AsyncClient, NotFoundError, PlivoError, RateLimit, RetryPolicy
from plivo_async.log_switch import set_up_logging
from plivo_async.retry_policy import RetryBudget
from plivo_async.testing import Drop, FakePlivo
from tests.offline import AUTH_ID, CALL_UUID, TOKEN, asking, down, ok
from tests.virtual_time import in_virtual_time

WAIT = pytest.approx(0.0, abs=1e-8)
ROUTE = "Call/{call_uuid}/"


@pytest.fixture(autouse=True)
def _every_level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "plivo_async")


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


def extra(record: logging.LogRecord, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(record, name) for name in names)


async def get(client: AsyncClient) -> None:
    with suppress(PlivoError):
        await client.calls.get(CALL_UUID)


async def test_each_request_is_logged_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    async with asking(ok()) as (client, _):
        await get(client)
    [record] = caplog.records
    assert (record.levelname, record.name) == ("DEBUG", "plivo_async.request")
    assert record.getMessage().startswith(f"GET {ROUTE}: HTTP 200 after 0.0")
    assert extra(record, "call_uuid", "attempt", "status", "wait") == (CALL_UUID, 1, 200, None)
    assert extra(record, "method", "route", "size") == ("GET", ROUTE, len(ok().content))


async def test_a_path_of_ones_own_is_logged_as_its_template(caplog: pytest.LogCaptureFixture) -> None:
    async with asking(httpx.Response(200)) as (client, _):
        await client.request("GET", "Number/14155551234/")
    [record] = caplog.records
    assert record.getMessage().startswith("GET Number/{id}/: HTTP 200")
    assert "14155551234" not in str(vars(record))


@in_virtual_time
async def test_a_retry_is_logged_at_info(caplog: pytest.LogCaptureFixture) -> None:
    async with asking(down(), ok(), sleep=asyncio.sleep) as (client, _):
        await get(client)
    assert lines(caplog, logging.INFO) == [f"attempt 1 failed (HTTP 503), next in 0.00 s (call {CALL_UUID})"]
    [record] = [record for record in caplog.records if record.levelno == logging.INFO]
    assert extra(record, "call_uuid", "attempt", "status", "wait") == (
        CALL_UUID,
        1,
        503,
        pytest.approx(0.0, abs=1e-8),
    )


async def test_an_attempt_that_fails_on_the_wire_and_the_end_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with asking(httpx.ReadError("reset"), retry=1) as (client, _):
        await get(client)
    failed, ended = (record for record in caplog.records if record.levelno == logging.DEBUG)
    assert f"GET {ROUTE}: ReadError after 0.0" in failed.getMessage()
    assert f"GET {ROUTE}: NetworkError after 0.0" in ended.getMessage()
    assert extra(ended, "attempt", "error") == (1, "NetworkError")
    assert lines(caplog, logging.INFO) == [
        f"attempt 1 failed (ReadError), no other follows: the policy allows none (call {CALL_UUID})"
    ]


async def test_a_deadline_before_the_next_attempt_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    slow = RetryPolicy(backoff_base=30.0, backoff_max=30.0)
    async with asking(down(), retry=slow, deadline=5.0) as (client, _):
        await get(client)
    assert lines(caplog, logging.INFO) == [
        f"attempt 1 failed (HTTP 503), no other follows: the deadline is sooner (call {CALL_UUID})"
    ]


async def test_a_spent_budget_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with asking(down()) as (client, _):
        client._core.requester._retry.budget = RetryBudget(0)
        await get(client)
    assert lines(caplog, logging.INFO) == [
        f"attempt 1 failed (HTTP 503), no other follows: the retry budget is spent (call {CALL_UUID})"
    ]


@in_virtual_time
async def test_a_retry_that_waits_for_the_budget_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with asking(down(), retry=3) as (client, _):
        client._core.requester._retry.budget = RetryBudget(1)
        await asyncio.gather(*(get(client) for _ in range(3)))
    assert any("the retry budget is spent, next look in" in line for line in lines(caplog, logging.INFO))


@in_virtual_time
async def test_a_pause_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    async def throttled(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(1)
        return httpx.Response(429, headers={"Retry-After": "3"})

    async with asking(throttled, rate_limit=RateLimit(300, per=5), retry=1) as (client, _):
        await asyncio.gather(*(get(client) for _ in range(5)))
    assert lines(caplog, logging.WARNING) == [
        f"HTTP 429: no request for 3.00 s, then 150 per 5 s (call {CALL_UUID})"
    ]
    [record] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert extra(record, "attempt", "status", "wait") == (1, 429, pytest.approx(3.0))


@in_virtual_time
async def test_the_wait_for_the_own_limit_is_logged_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    async with asking(ok(), rate_limit=RateLimit(1, per=4)) as (client, _):
        await get(client)
        await get(client)
    [record] = [record for record in caplog.records if record.name == "plivo_async.rate_limit"]
    assert record.getMessage() == f"waited 4.000 s for the rate limit (call {CALL_UUID})"
    assert extra(record, "wait") == (pytest.approx(4.0),)


@in_virtual_time
async def test_an_outage_is_one_warning_and_its_end_one_info(caplog: pytest.LogCaptureFixture) -> None:
    answers = [httpx.ConnectError("refused")] * 12
    async with asking(*answers, ok(), retry=1) as (client, _):
        for _ in range(14):
            await asyncio.sleep(1)
            await get(client)
    assert lines(caplog, logging.WARNING) == [
        f"the last 8 requests to api.plivo.com failed, this one with ConnectError (call {CALL_UUID})"
    ]
    assert [line for line in lines(caplog, logging.INFO) if "no other follows" not in line] == [
        f"a request to api.plivo.com succeeded, after 12 failures in 12.0 s (call {CALL_UUID})"
    ]


@pytest.mark.parametrize(
    "answers",
    [
        # A failure now and then.
        [down()] * 7 + [ok()] + [down()] * 7 + [ok()],
        # The service responds.
        [httpx.Response(404)] * 20,
    ],
)
async def test_fewer_failures_in_a_row_are_no_outage(
    answers: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with asking(*answers, retry=1) as (client, _):
        for _ in answers:
            await get(client)
    assert lines(caplog, logging.WARNING) == []


async def test_damaged_bodies_are_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    async with asking(httpx.Response(200, content=b"<html>"), retry=1) as (client, _):
        for _ in range(9):
            await get(client)
    assert len(lines(caplog, logging.WARNING)) == 1


async def test_a_request_that_is_sent_again_on_a_new_connection_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fake = FakePlivo()
    async with (
        fake.serve() as url,
        AsyncClient(fake.auth_id, fake.auth_token, base_url=url) as client,
    ):
        await client.calls.get(CALL_UUID)
        fake.script([Drop()])
        await client.calls.get(CALL_UUID)
    assert lines(caplog, logging.INFO) == [
        f"the server closed an idle connection: the request is sent again on a new one (call {CALL_UUID})"
    ]


async def test_each_question_of_a_wait_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakePlivo()
    fake.publish_later(CALL_UUID, after_requests=2)
    await fake.client().calls.wait(CALL_UUID)
    asked = [record for record in caplog.records if record.name == "plivo_async.wait"]
    assert [extra(record, "call_uuid", "status", "question") for record in asked] == [
        (CALL_UUID, 404, 1),
        (CALL_UUID, 404, 2),
    ]
    assert asked[0].getMessage().startswith("no record yet (NotFoundError), question 1, ")


@in_virtual_time
async def test_a_batch_that_holds_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with asking(*[down()] * 8, ok(), retry=1) as (client, _):
        await client.calls.get_many([CALL_UUID] * 20, concurrency=4)
    held = [record for record in caplog.records if record.name == "plivo_async.batch"]
    assert [record.levelname for record in held] == ["INFO", "INFO"]
    assert held[0].getMessage().startswith("the batch holds: outage, next request in 0.")
    assert held[0].getMessage().endswith(" (ServerError)")
    assert extra(held[0], "status") == (503,)
    assert held[1].getMessage() == "the batch goes on"


async def test_no_level_shows_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    answers = [down(), httpx.Response(404, json={"error": TOKEN, "api_id": TOKEN})]
    async with asking(*answers) as (client, _):
        with pytest.raises(NotFoundError):
            await client.calls.get(CALL_UUID)
    shown = str([vars(record) for record in caplog.records]) + caplog.text
    assert TOKEN not in shown
    assert AUTH_ID not in shown


class TestTheSwitch:
    @pytest.fixture(autouse=True)
    def _restored(self, _every_level: None) -> Iterator[None]:
        logger = logging.getLogger("plivo_async")
        before = logger.handlers[:]
        logger.setLevel(logging.NOTSET)
        yield
        logger.handlers[:] = before

    @pytest.mark.parametrize(("level", "shown"), [("debug", 2), ("INFO", 1), (" warning ", 0)])
    async def test_shows_records_from_its_level(
        self, level: str, shown: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # Without the handlers of pytest.
        monkeypatch.setattr(logging.getLogger(), "handlers", [])
        monkeypatch.setenv("PLIVO_ASYNC_LOG", level)
        async with asking(httpx.ReadError("reset"), retry=1) as (client, _):
            await get(client)
        err = capsys.readouterr().err.splitlines()
        assert len([line for line in err if "ReadError" in line]) == shown

    async def test_shows_each_record_once_in_a_program_that_logs_itself(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # Without the handlers of pytest.
        monkeypatch.setattr(logging.getLogger(), "handlers", [])
        monkeypatch.setenv("PLIVO_ASYNC_LOG", "info")
        async with asking(httpx.ReadError("reset"), retry=1) as (client, _):
            # After the client was built, as a program may do it that imports a library first.
            logging.getLogger("plivo_async").addHandler(logging.NullHandler())
            logging.getLogger().addHandler(logging.StreamHandler())
            await get(client)
        assert capsys.readouterr().err.count("no other follows") == 1

    def test_is_set_up_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLIVO_ASYNC_LOG", "info")
        logger = logging.getLogger("plivo_async")
        before = len(logger.handlers)
        for _ in range(3):
            set_up_logging()
        assert len(logger.handlers) == before + 1

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (logging.NOTSET, logging.INFO),
            (logging.ERROR, logging.INFO),
            (logging.INFO, logging.INFO),
            (logging.DEBUG, logging.DEBUG),
        ],
    )
    def test_never_hides_what_the_program_shows(
        self, before: int, after: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PLIVO_ASYNC_LOG", "info")
        logger = logging.getLogger("plivo_async")
        logger.setLevel(before)
        set_up_logging()
        assert logger.level == after

    def test_does_nothing_without_the_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLIVO_ASYNC_LOG", "")
        logger = logging.getLogger("plivo_async")
        before = logger.handlers[:]
        set_up_logging()
        assert logger.handlers == before

    def test_refuses_another_value(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLIVO_ASYNC_LOG", "verbose")
        with pytest.raises(ValueError, match="PLIVO_ASYNC_LOG must be one of debug, info, warning"):
            AsyncClient(AUTH_ID, TOKEN)

    @pytest.mark.parametrize("is_closed", [False, True])
    async def test_survives_a_program_without_stderr(
        self, is_closed: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logging.getLogger(), "handlers", [])
        monkeypatch.setenv("PLIVO_ASYNC_LOG", "debug")
        stderr = io.StringIO()
        stderr.close()
        monkeypatch.setattr("sys.stderr", stderr if is_closed else None)
        async with asking(ok()) as (client, _):
            await client.calls.get(CALL_UUID)

    def test_is_silent_for_a_logger_that_does_not_propagate(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PLIVO_ASYNC_LOG", "info")
        logger = logging.getLogger("plivo_async")
        monkeypatch.setattr(logger, "propagate", False)
        set_up_logging()
        logging.getLogger("plivo_async.retry").info("shown")
        assert "INFO plivo_async.retry: shown" in capsys.readouterr().err
