"""The hang-up services of the examples: bursts, duplicates, forgeries, lost callbacks, kills, SIGTERM."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from plivo_async import CallDetailRecord
from plivo_async.testing import FakePlivo, SignedCallback, signed_hangup
from tests.services.callbacks.running import EXAMPLES, EXIT_CODES, HANGUP_URL, PATIENCE_SECONDS, running

CALLBACKS = 1_000
POSTED, LOST, FORGED = 500, 50, 100


def callbacks_of(fake: FakePlivo, call_uuids: Iterable[str]) -> list[SignedCallback]:
    return [fake.signed_hangup(call_uuid, HANGUP_URL) for call_uuid in call_uuids]


def forgeries(count: int) -> list[SignedCallback]:
    """Signed with another token, changed afterwards, sent to another URL, or not signed."""
    token = FakePlivo().auth_token
    made: list[SignedCallback] = []
    for number in range(count):
        form = {"CallUUID": f"forged-{number}", "Event": "Hangup"}
        good = signed_hangup(form, HANGUP_URL, auth_token=token)
        match number % 4:
            case 0:
                made.append(signed_hangup(form, HANGUP_URL, auth_token="another"))
            case 1:
                made.append(attrs.evolve(good, body=good.body.replace(b"forged", b"f0rged")))
            case 2:
                made.append(attrs.evolve(good, url=good.url.replace("job=7", "job=8")))
            case _:
                made.append(attrs.evolve(good, headers={"Content-Type": good.headers["Content-Type"]}))
    return made


async def test_a_burst_with_duplicates_forgeries_and_losses_leaves_each_record_once(tmp_path: Path) -> None:
    fake = FakePlivo(())
    async with (
        fake.serve() as url,
        running("fastapi", fake, url, tmp_path / "calls.db", RECONCILE_SECONDS="6") as service,
    ):
        # The service lists no call at its start, because there is none yet.
        assert await service.post(forgeries(1)) == [403]
        call_uuids = fake.generate(
            POSTED + LOST, since=fake.now - timedelta(hours=3), until=fake.now - timedelta(minutes=1)
        )
        posted, late = call_uuids[:POSTED], set(call_uuids[:POSTED:5])
        for call_uuid in late:
            fake.publish_later(call_uuid, after_requests=1)
        genuine = callbacks_of(fake, posted)
        duplicates = random.Random(1).choices(genuine, k=CALLBACKS - POSTED - FORGED)
        burst = [*genuine, *duplicates, *forgeries(FORGED)]
        random.Random(2).shuffle(burst)

        statuses = await service.post(burst)
        forged = [b"forged" in callback.body or b"f0rged" in callback.body for callback in burst]
        assert statuses == [403 if is_forged else 204 for is_forged in forged]
        rows = await service.until_complete(len(call_uuids))

        assert rows.keys() == set(call_uuids)
        assert (fake.over_limit, fake.statuses[429]) == (0, 0)
        # The service may have used up the limit, and this test does not wait for it.
        fake.rate_limit = None
        for call_uuid in (posted[0], call_uuids[-1]):
            record = await fake.client().calls.get(call_uuid)
            # A record of a list has no api_id.
            saved = CallDetailRecord.from_json(rows[call_uuid] or "")
            assert attrs.evolve(saved, api_id=None) == attrs.evolve(record, api_id=None)
        fetched = Counter(request.call_uuid for request in fake.requests if request.call_uuid)
        # Duplicates cost no request: one for each call, two for a late one, and one of this test.
        assert max(count for call_uuid, count in fetched.items() if call_uuid not in late) <= 2
        assert set(fetched) <= {*posted, call_uuids[-1]}
        exit_code, stderr = await service.stop()
    assert exit_code == EXIT_CODES["fastapi"]
    lines = [line for line in stderr.splitlines() if "a callback was refused" not in line]
    assert lines == []


@pytest.mark.parametrize("name", ["fastapi", "aiohttp"])
async def test_what_was_answered_is_fetched_after_a_kill(name: str, tmp_path: Path) -> None:
    fake, database = FakePlivo(()), tmp_path / "calls.db"
    calls = [{"call_uuid": f"call-{number}", "end_time": "2022-10-12 21:57:47+05:30"} for number in range(20)]
    fake.add(*calls)
    call_uuids = fake.call_uuids
    for call_uuid in call_uuids:
        fake.publish_later(call_uuid, after_requests=10_000)
    burst = callbacks_of(fake, call_uuids)
    async with fake.serve() as url:
        async with running(name, fake, url, database) as service:
            assert await service.post([*burst, *burst, *forgeries(8)]) == [204] * 40 + [403] * 8
            assert set(service.rows().values()) == {None}
            service.process.kill()
            await service.process.wait()
        for call_uuid in call_uuids:
            fake.publish_later(call_uuid)
        async with running(name, fake, url, database) as service:
            rows = await service.until_complete(len(call_uuids))
            assert rows.keys() == set(call_uuids)
            exit_code, stderr = await service.stop()
    assert (exit_code, stderr) == (EXIT_CODES[name], "")


def test_the_tests_of_the_example_pass() -> None:
    command = [*(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly")]
    done = subprocess.run(
        [*command, "test_hangup_service.py"],
        cwd=EXAMPLES,
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["fastapi", "aiohttp"])
async def test_odd_callbacks_are_refused_or_logged_and_none_is_an_error(name: str, tmp_path: Path) -> None:
    fake = FakePlivo(())
    token = fake.auth_token
    good = signed_hangup({"CallUUID": "c1"}, HANGUP_URL, auth_token=token)
    other_event = signed_hangup({"CallUUID": "c2", "Event": "StartApp"}, HANGUP_URL, auth_token=token)
    damaged = signed_hangup({"CallUUID": "c3", "BillRate": "x"}, HANGUP_URL, auth_token=token)
    large = attrs.evolve(good, body=b"x=" + b"a" * 100_000)
    multipart = attrs.evolve(
        good, headers={**good.headers, "Content-Type": "multipart/form-data; boundary=x"}
    )
    binary = attrs.evolve(good, body=b"\x00\xff%")
    async with fake.serve() as url, running(name, fake, url, tmp_path / "calls.db") as service:
        assert await service.post([good, other_event, damaged]) == [204, 204, 204]
        assert await service.post([large, binary, multipart]) == [413, 403, 204]
        assert service.rows() == {"c1": None}
        exit_code, stderr = await service.stop()
    assert exit_code == EXIT_CODES[name]
    assert "Traceback" not in stderr
