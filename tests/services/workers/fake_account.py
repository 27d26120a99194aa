"""Serves a fake Plivo until its stdin ends: `python -m tests.services.workers.fake_account SIZE FLAKY`.

It is a process of its own, because the test runs beside it and would slow it down.
"""

from __future__ import annotations

import json
import sys

from plivo_async.testing import FakePlivo, FakeRateLimit

# Plivo's limit of five seconds in one, so that a test is five times faster.
LIMIT = FakeRateLimit(requests=300, per=1.0, kind="sliding")
LATENCY_SECONDS = 0.02
# Calls whose record is not there, and calls that fail for longer than the client's own attempts.
NOT_FOUND = [f"no-such-call-{number}" for number in range(10)]
FLAKY = 5
# In a batch a call has its three attempts twice.
FAILURES = 7


def main() -> None:
    fake = FakePlivo([], rate_limit=LIMIT, latency=LATENCY_SECONDS)
    call_uuids = fake.generate(int(sys.argv[1]) - len(NOT_FOUND))
    for call_uuid in call_uuids[: int(sys.argv[2])]:
        fake.script([503] * FAILURES, call_uuid=call_uuid)
    with fake.serve() as url:
        # The others are spread among the calls.
        for place, call_uuid in enumerate(NOT_FOUND):
            call_uuids.insert(place * len(call_uuids) // len(NOT_FOUND), call_uuid)
        facts = {"url": url, "id": fake.auth_id, "token": fake.auth_token, "call_uuids": call_uuids}
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
