"""docs/examples/lambda_function.py and lambda_asgi.py, invoked several times in a process, as AWS does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plivo_async import CallDetailRecord
from tests.services.workers.fake_account import NOT_FOUND
from tests.services.workers.programs import Account

SIZE = 30
# The invocation in the middle has no time left.
INVOKE_FUNCTION = """
import json
from pathlib import Path
from lambda_function import handler

class Context:
    def __init__(self, milliseconds):
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self):
        return self.milliseconds

call_uuids = json.loads(Path("call_uuids.json").read_text())
invocations = [(call_uuids[:10], 30_000), (call_uuids[10:20], 2_001), (call_uuids[20:], 30_000)]
print(json.dumps([handler({"call_uuids": part}, Context(left)) for part, left in invocations]))
"""
# The event of a function URL.
INVOKE_ASGI = """
import json
from pathlib import Path
from mangum import Mangum
MODULE

def event(path):
    http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
    return {
        "version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {"host": "example.com"},
        "requestContext": {"http": http}, "isBase64Encoded": False,
    }

call_uuids = json.loads(Path("call_uuids.json").read_text())
print(json.dumps([handler(event(f"/calls/{call_uuid}"), None) for call_uuid in call_uuids]))
"""


def test_a_lambda_function_returns_what_each_invocation_has_time_for(tmp_path: Path) -> None:
    with Account(tmp_path, SIZE, "") as account:
        account.write("call_uuids.json", json.dumps(account.call_uuids))

        first, short, last = json.loads(account.run("-W", "error", "-c", INVOKE_FUNCTION))

        assert short == {"records": [], "errors": {}, "later": sorted(account.call_uuids[10:20])}
        for result, asked in [(first, account.call_uuids[:10]), (last, account.call_uuids[20:])]:
            assert result["later"] == []
            assert result["errors"].keys() == set(asked) & set(NOT_FOUND)
            records = {record["call_uuid"] for record in result["records"]}
            assert records == set(asked) - set(NOT_FOUND)


@pytest.mark.parametrize(
    "module", ["from lambda_asgi import handler", "from fastapi_service import app; handler = Mangum(app)"]
)
def test_a_service_on_lambda_answers_each_invocation(tmp_path: Path, module: str) -> None:
    """One keeps its client, the other one builds it in a lifespan, which Mangum runs in each invocation."""
    with Account(tmp_path, SIZE, "") as account:
        account.write("call_uuids.json", json.dumps(account.call_uuids))

        answers = json.loads(account.run("-W", "error", "-c", INVOKE_ASGI.replace("MODULE", module)))

        statuses = {
            uuid: answer["statusCode"] for uuid, answer in zip(account.call_uuids, answers, strict=True)
        }
        assert {uuid for uuid, status in statuses.items() if status == 404} == set(NOT_FOUND)
        bodies = [answer["body"] for answer in answers if answer["statusCode"] == 200]
        records = {CallDetailRecord.from_json(body).call_uuid for body in bodies}
        assert records == set(account.call_uuids) - set(NOT_FOUND)
