"""`plivo-async list`, run in this process."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from attrs import evolve
from rich.console import Console

from plivo_async import Listing
from plivo_async.cli.app import run
from plivo_async.cli.call_table import CallTable
from plivo_async.testing import FakePlivo, StubResponse
from tests.sync.records import call

NOW = datetime.now(UTC)


def listed(*arguments: str) -> int:
    return run(["list", "--rate", "none", *arguments])


@pytest.fixture
def calls(served: FakePlivo) -> list[str]:
    """The ids of 150 calls of the last 6 days, the newest first."""
    return served.generate(150, seed=3, since=NOW - timedelta(days=6), until=NOW - timedelta(minutes=1))


def ids(out: str) -> list[str]:
    return [json.loads(line)["call_uuid"] for line in out.splitlines()]


def test_in_a_pipe_every_call_is_a_line_of_json(calls: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert listed() == 0
    captured = capsys.readouterr()
    assert ids(captured.out) == calls
    assert captured.err == ""


def test_a_limit_gives_the_newest(
    calls: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed("--limit", "5") == 0
    captured = capsys.readouterr()
    assert ids(captured.out) == calls[:5]
    assert captured.err == "plivo-async: the newest 5 of 150 calls; --limit changes that\n"
    assert len(served.requests) <= 2


def test_a_limit_above_the_number_of_calls_says_nothing(
    calls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed("--limit", "150") == 0
    assert capsys.readouterr().err == ""


def test_a_table_has_100_calls(calls: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert listed("-o", "table") == 0
    captured = capsys.readouterr()
    assert [call_uuid in captured.out for call_uuid in calls] == [True] * 100 + [False] * 50
    assert "the newest 100 of 150 calls" in captured.err


def test_a_table_without_calls_is_not_printed(served: FakePlivo, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed("-o", "table", "--since", "1h") == 0
    assert capsys.readouterr() == ("", "plivo-async: no call\n")


def test_filters_and_times_are_sent(served: FakePlivo, capsys: pytest.CaptureFixture[str]) -> None:
    served.add(
        call(1, end_time=(NOW - timedelta(hours=2)).isoformat(" "), call_direction="inbound", bill_duration=7)
    )
    yesterday = (NOW - timedelta(days=1)).date().isoformat()
    code = listed(
        *("--since", f"{yesterday} 00:00", "--until", "1h", "--zone", "UTC"),
        *("--call-direction", "inbound", "--bill-duration-gt", "6", "--bill-duration-lte", "7"),
    )
    assert code == 0
    assert len(ids(capsys.readouterr().out)) == 1
    query = dict(parse_qsl(served.requests[-1].query))
    assert query["end_time__gte"] == f"{yesterday} 00:00:00"
    assert (query["bill_duration__gt"], query["call_direction"]) == ("6", "inbound")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--since", "2026-11-01"], "--since '2026-11-01' has no time zone: add --zone"),
        (["--until", "soon"], "--until 'soon': expected a time such as 7d (ago)"),
        (["--since", "2026-11-01", "--zone", "Mars"], "--zone 'Mars': no such time zone"),
        (["--since", "100d"], "--since 90d chooses what is kept"),
        (["--hangup-cause-code", "9"], "a code in Plivo's table, such as 4000, not 9"),
        (["--since", "0d"], "since must be before until"),
        (["--call-direction", "in"], "'in' is not one of 'inbound', 'outbound'"),
        (["--to-number", "12 34"], "--to-number must be the digits of a number"),
        (["--bill-duration-gt", "9", "--bill-duration-lt", "3"], "no --bill-duration fits"),
    ],
)
def test_what_no_call_can_fit_is_refused_before_a_request(
    served: FakePlivo, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(*arguments) == 1
    assert message in capsys.readouterr().err
    assert not served.requests


def test_a_row_that_cannot_be_read_is_printed_as_sent(
    served: FakePlivo, capsys: pytest.CaptureFixture[str]
) -> None:
    end = (NOW - timedelta(hours=2)).isoformat(" ")
    served.add({**call(1, end_time=end).to_dict(), "total_amount": "much"}, call(2, end_time=end))

    assert listed() == 0
    captured = capsys.readouterr()
    assert sorted(ids(captured.out)) == [call(1).call_uuid, call(2).call_uuid]
    assert "warning: printed as sent" in captured.err

    assert listed("-o", "table") == 6
    assert "DecodeError" in capsys.readouterr().err


def test_a_list_that_is_not_complete_ends_with_6(
    calls: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Any = Listing.report
    for missing, text in ((2, "2 records"), (None, "some records")):

        def changed(listing: Any, missing: int | None = missing) -> Any:
            return evolve(real.fget(listing), complete=False, missing=missing, warnings=("rows moved",))

        monkeypatch.setattr(Listing, "report", property(changed))
        assert listed() == 6
        captured = capsys.readouterr().err
        assert f"not complete: {text} that Plivo counts did not arrive" in captured
        assert "warning: rows moved" in captured


def test_the_ends_are_in_the_zone_of_the_user(calls: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert listed("-o", "table", "--limit", "3", "--zone", "Asia/Kolkata") == 0
    assert "Ended (Asia/Kolkata)" in capsys.readouterr().out


def test_an_error_after_some_calls_leaves_them_in_the_table(
    calls: list[str], served: FakePlivo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first page arrives, every later one is refused."""
    pages = iter([None, *[StubResponse(401)] * 1000])
    real = served._account._next_fault
    monkeypatch.setattr(served._account, "_next_fault", lambda name: next(pages) or real(name))

    assert listed("-o", "table") == 2

    captured = capsys.readouterr()
    assert calls[0] in captured.out
    assert "401" in captured.err


def test_refused_credentials_end_with_2(
    served: FakePlivo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "wrong")
    assert listed("-o", "table") == 2
    assert "no call" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (60, "Ended (UTC)|Call UUID"),
        (80, "Ended (UTC)|Call UUID|Secs|Amount"),
        (200, "Ended (UTC)|Call UUID|Direction|From|To|Secs|Amount|Cause|Name"),
    ],
)
def test_a_narrow_terminal_gets_fewer_columns(width: int, headings: str) -> None:
    records = [
        call(1, to_number="12025550199", hangup_cause_code=4000),
        call(2, end_time=None, total_amount=None),
    ]
    console = Console(width=width, file=io.StringIO())
    with console.capture() as captured:
        console.print(CallTable(records, UTC))
    line = captured.get().splitlines()[1]
    assert [cell.strip() for cell in line.strip("│").split("  ") if cell.strip()] == headings.split("|")
