from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from plivo_async.cli.waits import report_waits
from plivo_async.testing import FakeRateLimit
from tests.limited_account import account, client_of
from tests.resources.test_holding import Outage
from tests.virtual_time import in_virtual_time

NOW = datetime.now(UTC)


@in_virtual_time
async def test_an_outage_is_reported_with_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    """The list of a service that is down must not look like a command that hangs."""
    fake = account()
    fake.generate(20, since=NOW - timedelta(days=1), until=NOW)
    async with client_of(fake, attempt_middleware=[Outage(0, 20)]) as client:
        calls = client.calls.list(NOW - timedelta(days=1), NOW, concurrency=1)
        async with report_waits(calls):
            assert len([outcome async for outcome in calls]) == 20
    reported = capsys.readouterr().err.splitlines()
    assert 2 <= len(reported) <= 5
    for line in reported:
        assert line.startswith("plivo-async: no success for ")
        assert " · ConnectError: refused" in line


@in_virtual_time
async def test_the_usual_waits_for_the_rate_limit_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    fake = account(FakeRateLimit())
    async with (
        client_of(fake) as client,
        client.calls.get_many(fake.generate(1200)) as batch,
        report_waits(batch),
    ):
        assert len([outcome async for outcome in batch]) == 1200
    assert batch.elapsed > 14
    assert capsys.readouterr().err == ""
