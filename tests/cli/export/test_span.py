"""`plivo-async export --since`, run in this process."""

from __future__ import annotations

import json
import re
import shlex
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve

from plivo_async import Holding, Listing
from plivo_async.cli.app import run
from plivo_async.cli.export import progress
from plivo_async.cli.export.id_set import IdSet
from plivo_async.cli.export.reruns import pinned
from plivo_async.cli.export.span_source import SpanSource, _joined, hour_of
from plivo_async.cli.span_options import CallSelection
from plivo_async.sync.plan import Span
from plivo_async.testing import FakePlivo, ListQuirks
from tests.cli.export.test_command import failures, pressing, written
from tests.sync.records import call
from tests.sync.test_holding import client_of
from tests.virtual_time import in_virtual_time, virtual_loop

TODAY = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def export(*arguments: str) -> int:
    return run(["export", "--rate", "none", "--quiet", *arguments])


@pytest.fixture
def calls(served: FakePlivo, folder: Path) -> list[str]:
    """The ids of 300 calls of the last 60 days, the newest first."""
    return served.generate(300, seed=4, since=TODAY - 60 * DAY, until=TODAY - HOUR)


def test_every_call_of_a_span_is_written_once(calls: list[str]) -> None:
    assert export("--since", "80d", "-o", "calls.ndjson") == 0
    assert written() == calls
    assert not Path("calls.ndjson.failed").exists()


def test_filters_and_the_end_choose_the_calls(calls: list[str], served: FakePlivo) -> None:
    chosen = ("--since", "40d", "--until", "20d", "--call-direction", "inbound")
    assert export(*chosen, "-o", "calls.csv") == 0
    rows = Path("calls.csv").read_text().splitlines()
    assert 20 < len(rows) < 80
    assert all(",inbound," in row for row in rows[1:])
    assert all("call_direction=inbound" in request.query for request in served.requests)


@pytest.mark.parametrize("kept", [0, 1, 120, 299])
def test_a_resumed_export_fetches_what_is_missing(calls: list[str], served: FakePlivo, kept: int) -> None:
    export("--since", "80d", "-o", "calls.ndjson")
    lines = Path("calls.ndjson").read_text().splitlines(keepends=True)
    # A few are missing inside too.
    left = [line for number, line in enumerate(lines[:kept]) if number % 50 != 7]
    Path("calls.ndjson").write_text("".join(left))
    before = len(served.requests)

    assert export("--since", "80d", "-o", "calls.ndjson", "--resume") == 0

    assert Counter(written()) == Counter(calls)
    assert len(served.requests) - before < 60


def test_a_large_part_is_halved(calls: list[str], served: FakePlivo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plivo_async.cli.export.span_source._ROWS_LISTED_AT_ONCE", 20)
    export("--since", "80d", "-o", "calls.ndjson")
    lines = Path("calls.ndjson").read_text().splitlines(keepends=True)
    Path("calls.ndjson").write_text("".join(lines[:100] + lines[101:]))
    before = len(served.requests)

    assert export("--since", "80d", "-o", "calls.ndjson", "--resume") == 0

    assert Counter(written()) == Counter(calls)
    assert len(served.requests) - before < 20


def test_a_complete_export_costs_few_requests(calls: list[str], served: FakePlivo) -> None:
    export("--since", "80d", "-o", "calls.ndjson")
    before = len(served.requests)

    assert export("--since", "80d", "-o", "calls.ndjson", "--resume", "--summary", "json") == 0

    # Three counts, and the two hours at the ends.
    assert len(served.requests) - before <= 5


def test_another_filter_is_not_taken_for_the_same(calls: list[str]) -> None:
    export("--since", "80d", "--call-direction", "inbound", "-o", "calls.ndjson")
    assert export("--since", "80d", "--call-direction", "outbound", "-o", "calls.ndjson", "--resume") == 0
    assert sorted(written()) == sorted(calls)


def test_without_a_count_of_plivo_a_resumed_export_lists_all_again(
    calls: list[str], served: FakePlivo
) -> None:
    served.list_quirks = ListQuirks(total_count="missing")
    export("--since", "80d", "-o", "calls.ndjson")
    assert export("--since", "80d", "-o", "calls.ndjson", "--resume") == 0
    assert written() == calls


def test_a_signal_ends_an_export_and_the_printed_command_continues_it(
    calls: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    served.latency = pressing(signal.SIGINT, 3, seconds=0.01)
    assert export("--since", "80d", "--concurrency", "1", "-o", "calls.ndjson") == 130
    served.latency = 0.0
    assert 0 < len(written()) < 300

    [again] = re.findall(r"to continue: plivo-async (.*)", capsys.readouterr().err)
    arguments = shlex.split(again)
    assert arguments[0] == "export"
    assert "80d" not in arguments
    assert run(arguments) == 0
    assert Counter(written()) == Counter(calls)


def test_a_second_signal_ends_an_export_at_once(calls: list[str], served: FakePlivo) -> None:
    served.latency = pressing(signal.SIGINT, 1, 2, seconds=0.5)
    assert export("--since", "80d", "-o", "calls.ndjson") == 130


def test_the_bounds_replace_times_that_move() -> None:
    arguments = ["export", "--since", "7d", "-o", "a", "--until=1d", "--zone", "UTC"]
    assert pinned(arguments, TODAY - DAY, TODAY) == [
        *("export", "--since", (TODAY - DAY).isoformat(), "--until", TODAY.isoformat()),
        *("-o", "a", "--zone", "UTC"),
    ]


def test_a_row_that_cannot_be_read_is_in_the_failed_file(served: FakePlivo, folder: Path) -> None:
    bad = {**call(1, end_time=(TODAY - 3 * DAY).isoformat(" ")).to_dict(), "total_amount": "much"}
    served.add(bad, call(2, end_time=(TODAY - 2 * DAY).isoformat(" ")))

    assert export("--since", "7d", "-o", "calls.ndjson") == 6
    assert export("--since", "7d", "-o", "calls.ndjson", "--resume") == 6

    assert written() == [call(2).call_uuid]
    [failure] = failures()
    assert json.loads(failure["body"]) == bad

    served.add(call(1, end_time=(TODAY - 3 * DAY).isoformat(" ")))
    assert export("--since", "7d", "-o", "calls.ndjson", "--resume") == 0
    assert not Path("calls.ndjson.failed").exists()


def test_the_progress_has_a_total(
    calls: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PLAIN_INTERVAL_SECONDS", 0.001)
    served.latency = 0.01
    run(["export", "--rate", "none", "--summary", "none", "--since", "80d", "-o", "calls.ndjson"])
    assert " of 300" in capsys.readouterr().err


def test_a_span_without_calls_is_reported(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export("--since", "1h", "-o", "calls.ndjson") == 0
    assert "no call ended in this span" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--until", "1d"], "--until, --trunk and the filters need --since"),
        (["--to-number", "1"], "--until, --trunk and the filters need --since"),
        (["--since", "7d", "some-id"], "name no call UUIDs and no input"),
        (["--since", "7d", "-i", "ids.txt"], "name no call UUIDs and no input"),
        (["--since", "2026-11-01"], "--since '2026-11-01' has no time zone"),
        (["--since", "95d"], "Plivo keeps records for 90 days"),
        (["--since", "1d", "--until", "2d"], "since must be before until"),
        (["--since", "7d", "--from-number", "x"], "--from-number must be"),
    ],
)
def test_a_span_that_cannot_be_listed_is_refused_before_a_file_is_opened(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert export(*arguments, "-o", "calls.ndjson") == 1
    assert message in capsys.readouterr().err
    assert list(folder.iterdir()) == []
    assert not served.requests


@pytest.mark.parametrize(("missing", "text"), [(2, "2 records that"), (None, "some records that")])
def test_an_export_that_is_not_complete_ends_with_6(
    calls: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    missing: int | None,
    text: str,
) -> None:
    real: Any = Listing.report

    def changed(listing: Any) -> Any:
        return evolve(real.fget(listing), complete=False, missing=missing, warnings=("rows moved",))

    monkeypatch.setattr(Listing, "report", property(changed))
    assert (
        run(["export", "--rate", "none", "-q", "--since", "80d", "-o", "calls.ndjson", "--summary", "json"])
        == 6
    )
    captured = capsys.readouterr()
    assert f"{text} Plivo counts did not arrive; --resume asks again" in captured.err
    assert "warning: rows moved" in captured.err
    assert json.loads(captured.out)["complete"] is False


def test_spans_that_follow_each_other_are_joined() -> None:
    at = [TODAY - number * HOUR for number in range(6)]
    parts = [
        Span(at[0], at[0]),
        Span(at[1], at[0]),
        Span(at[2], at[1]),
        Span(at[4], at[3]),
        Span(at[5], at[5]),
    ]
    assert _joined(parts) == [Span(at[2], at[0]), Span(at[4], at[3])]


def test_a_span_needs_both_bounds() -> None:
    with pytest.raises(ValueError, match="the span has no bounds"):
        _ = CallSelection().bounds


async def test_a_source_that_has_not_begun_knows_nothing() -> None:
    source = SpanSource(CallSelection(since=TODAY - DAY, until=TODAY), IdSet(), Counter())
    async with source:
        assert (source.left, source.holding, source.done) == (None, None, 0)


@pytest.mark.parametrize(
    ("since", "until"), [(TODAY - timedelta(minutes=5), TODAY), (TODAY - timedelta(minutes=70), TODAY)]
)
async def test_a_span_without_a_whole_hour_is_listed_as_it_is(since: datetime, until: datetime) -> None:
    hours = Counter([hour_of(TODAY - DAY)])
    async with FakePlivo().client() as client:
        source = SpanSource(CallSelection(since=since, until=until), IdSet(), hours)
        source.begin(client, concurrency=1, patience=None)
        spans = await source._spans()
    assert spans[0].until == until
    assert spans[-1].since == since
    assert sum((span.until - span.since for span in spans), timedelta()) <= until - since
    assert all(isinstance(span, Span) for span in spans)


@in_virtual_time
async def test_the_count_of_a_resumed_export_holds() -> None:
    fake = FakePlivo((), rate_limit=None)
    ids = fake.generate(30, since=TODAY - 20 * DAY, until=TODAY - 19 * DAY)
    selection = CallSelection(since=TODAY - 29 * DAY, until=TODAY - HOUR)
    source = SpanSource(selection, IdSet(), Counter({hour_of(TODAY - 20 * DAY): 1}))
    holding = list[Holding | None]()

    async with client_of(fake, first=0, times=12, response=httpx.Response(503)) as client:
        virtual_loop().call_later(1, lambda: holding.append(source.holding))
        outcomes = [outcome async for outcome in source.begin(client, concurrency=1, patience=300)]

    assert {str(outcome.call_uuid) for outcome in outcomes} == set(ids)
    assert [one and one.reason for one in holding] == ["outage"]
