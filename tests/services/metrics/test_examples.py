"""The examples of the pages on tracing and metrics, run against a fake Plivo."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import prometheus_client
import pytest

from plivo_async.testing import FakePlivo

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


@pytest.fixture
def environment(fake_plivo: FakePlivo, fake_plivo_url: str) -> dict[str, str]:
    return {
        "PLIVO_AUTH_ID": fake_plivo.auth_id,
        "PLIVO_AUTH_TOKEN": fake_plivo.auth_token,
        "PLIVO_ASYNC_BASE_URL": fake_plivo_url,
    }


def run(example: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / example)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done


def test_traces_are_printed(fake_plivo: FakePlivo, environment: dict[str, str]) -> None:
    fake_plivo.script([503])

    done = run("opentelemetry_traces.py", environment)

    text, spans, position = done.stdout, list[dict[str, Any]](), 0
    text = text.replace("1 s for 0.01667\n", "")
    while text[position:].strip():
        span, position = json.JSONDecoder().raw_decode(text, position)
        spans.append(span)
        position += len(text[position:]) - len(text[position:].lstrip())
    assert "1 s for 0.01667" in done.stdout
    name = "GET /v1/Account/{auth_id}/Call/{call_uuid}/"
    assert [span["name"] for span in spans] == [name, name, "plivo.calls.get"]
    assert fake_plivo.auth_id not in text
    assert fake_plivo.call_uuids[0] not in text
    assert done.stderr == ""


def test_prometheus_counts_calls_and_responses(
    fake_plivo: FakePlivo,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    started: list[Any] = []
    start: Callable[..., Any] = prometheus_client.start_http_server

    def start_on_a_free_port(port: int, addr: str) -> None:
        assert port == 9000
        started.append(start(0, addr=addr))

    monkeypatch.setattr(prometheus_client, "start_http_server", start_on_a_free_port)
    fake_plivo.script([503])

    runpy.run_path(str(EXAMPLES / "prometheus_metrics.py"), run_name="__main__")

    [(server, thread)] = started
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        f"http://127.0.0.1:{server.server_port}/metrics", timeout=30
    ) as response:
        text = response.read().decode()
    server.shutdown()
    server.server_close()
    thread.join(30)
    printed = capsys.readouterr().out
    assert printed.startswith("2 outcomes\n")
    assert 'plivo_responses_total{route="Call/{call_uuid}/",status="503"} 1.0' in printed
    route = 'route="Call/{call_uuid}/"'
    assert f'plivo_call_seconds_count{{outcome="succeeded",{route}}} 1.0' in text
    assert f'plivo_call_seconds_count{{outcome="failed",{route}}} 1.0' in text
    for status in (200, 404, 503):
        assert f'plivo_responses_total{{{route},status="{status}"}} 1.0' in text
    assert "plivo_pauses_total 0.0" in text
    assert "plivo_calls_in_flight 0.0" in text


def test_structlog_writes_each_line_as_json_with_its_facts(
    fake_plivo: FakePlivo, environment: dict[str, str]
) -> None:
    fake_plivo.script([503])

    done = run("structlog_logs.py", environment)

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    retry = next(line for line in lines if line["logger"] == "plivo_async.retry")
    facts = {"level": "info", "call_uuid": fake_plivo.call_uuids[0], "attempt": 1, "status": 503}
    assert facts.items() <= retry.items()
    assert 0 < retry["wait"] < 5
    assert lines[-1]["event"] == "billed"
    assert lines[-1]["amount"] == "0.01667"
    assert fake_plivo.auth_token not in done.stderr
