"""docs/examples/call_sink.py: what jobs that run twice, or late, leave in it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from plivo_async import CallDetailRecord, NotFoundError
from tests.services.workers.programs import EXAMPLES

RECORD = CallDetailRecord(call_uuid="a-call")
LATE = NotFoundError("HTTP 404", status=404)


@pytest.fixture
def sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    module = import_module("call_sink")
    with closing(module.CallSink(tmp_path / "calls.db")) as sink:
        yield sink
    del sys.modules["call_sink"]


def test_a_job_that_runs_twice_leaves_one_row(sink: Any) -> None:
    sink.save(RECORD)
    sink.save(RECORD)

    assert sink.missing(["a-call", "another"]) == ["another"]


def test_a_failure_does_not_replace_a_record(sink: Any) -> None:
    sink.save(RECORD)
    sink.fail("a-call", LATE)

    assert sink.missing(["a-call"]) == []


def test_a_call_that_failed_is_missing_until_its_record_is_there(sink: Any) -> None:
    sink.fail("a-call", LATE)
    assert sink.missing(["a-call"]) == ["a-call"]

    sink.save(RECORD)
    assert sink.missing(["a-call"]) == []
