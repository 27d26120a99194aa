"""The files that a sync writes, and what it finds in them after a kill."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import stat
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from plivo_async import CallDetailRecord, SyncTargetError
from plivo_async.cli.export.record_format import CSV_HEADER, csv_row, ndjson_line
from plivo_async.cli.sync import line_target
from plivo_async.cli.sync.line_target import LineTarget
from plivo_async.sync import Changes, SyncState, database
from tests.sync.blocking import names, opened
from tests.sync.records import call, state


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.ndjson"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "calls.csv"


def target(path: Path) -> LineTarget:
    return LineTarget(path, "csv" if path.suffix == ".csv" else "ndjson")


def write(path: Path, *batches: Sequence[CallDetailRecord]) -> Changes:
    """Run a sync that writes these batches; return its counts."""
    changes = Changes()
    with opened(target(path)) as syncing:
        for batch in batches:
            changes.add(syncing.write(batch, state()))
    return changes


def kept(path: Path) -> SyncState | None:
    with opened(target(path)) as syncing:
        return syncing.state()


def lines(*records: CallDetailRecord) -> bytes:
    return b"".join(map(ndjson_line, records))


def rows(*records: CallDetailRecord) -> bytes:
    return CSV_HEADER + b"".join(map(csv_row, records))


def test_records_are_appended_and_the_state_is_kept(path: Path) -> None:
    assert write(path, [call(1), call(2)], [call(3)]) == Changes(new=3)

    assert path.read_bytes() == lines(call(1), call(2), call(3))
    assert kept(path) == state()
    assert names(path.parent) == ["calls.ndjson", "calls.ndjson.sync"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()} == {0o600}


def test_a_csv_file_has_one_header(csv: Path) -> None:
    write(csv, [call(1)])
    write(csv, [], [call(2)])

    assert csv.read_bytes() == rows(call(1), call(2))


def test_a_csv_file_without_a_record_has_a_header(csv: Path) -> None:
    write(csv, [])
    assert csv.read_bytes() == CSV_HEADER


@pytest.mark.parametrize("name", ["calls.ndjson", "calls.csv"])
def test_a_record_that_changed_replaces_its_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    early = [call(number, total_amount=None) for number in range(6)]
    write(path, early)

    changes = write(
        path, [call(2), call(3, total_amount=None)], [call(4), call(6)], [call(4, total_rate="1")]
    )

    assert changes == Changes(1, 3, 1, Counter(total_amount=2, total_rate=1))
    after = [early[0], early[1], call(2), early[3], call(4, total_rate="1"), early[5], call(6)]
    assert path.read_bytes() == (rows if name == "calls.csv" else lines)(*after)
    assert write(path, after) == Changes(unchanged=7)
    assert names(tmp_path) == [name, f"{name}.sync"]


def test_of_two_records_in_one_write_the_later_one_wins(path: Path) -> None:
    changes = write(path, [call(1, total_amount=None), call(1), call(1)])

    assert changes == Changes(1, 1, 1, Counter(total_amount=1))
    assert path.read_bytes() == lines(call(1))


def test_an_empty_text_and_none_are_the_same_in_csv(csv: Path) -> None:
    write(csv, [call(1, cnam_lookup="")])
    assert write(csv, [call(1, cnam_lookup=None)]) == Changes(unchanged=1)


def test_a_file_of_an_account_without_calls_is_empty_and_has_a_state(path: Path) -> None:
    write(path, [])
    assert path.read_bytes() == b""
    assert kept(path) == state()


def test_a_file_that_received_nothing_is_deleted(path: Path) -> None:
    with opened(target(path)):
        assert path.exists()
    assert names(path.parent) == []


def test_an_empty_file_of_the_user_stays(path: Path) -> None:
    path.touch(0o640)
    with opened(target(path)):
        pass
    assert names(path.parent) == ["calls.ndjson"]


def test_a_second_sync_is_refused(path: Path) -> None:
    refused = pytest.raises(SyncTargetError, match=r"another export or sync is writing to .*calls\.ndjson")
    with opened(target(path)), refused:
        write(path)


def test_a_second_sync_is_refused_where_the_file_cannot_be_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(fd: int, kind: int) -> None:
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with opened(target(path)) as syncing:
        syncing.write([call(1)], state())
        with pytest.raises(SyncTargetError, match=r"another sync is writing to .*calls\.ndjson"):
            write(path)


def test_a_symbolic_link_has_the_index_of_the_file(path: Path) -> None:
    link = path.parent / "links" / f"other{path.suffix}"
    link.parent.mkdir()
    link.symlink_to(path)
    write(link, [call(1)])
    write(path, [call(1)])
    assert names(link.parent) == [link.name]
    assert f"{path.name}.sync" in names(path.parent)


def test_the_message_about_a_foreign_line_has_its_number(csv: Path) -> None:
    write(csv, [call(1)], [call(2)])
    with csv.open("ab") as file:
        file.write(b'{"a": 1}\n')
    with pytest.raises(SyncTargetError, match="line 4: not a call detail record"):
        write(csv)


def test_an_index_that_cannot_be_created_leaves_no_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(database, "transaction", full)
    with pytest.raises(SyncTargetError, match="disk I/O error"):
        write(path, [call(1)])
    assert names(path.parent) == []


def test_another_kind_of_records_is_refused(path: Path) -> None:
    write(path, [call(1)])
    refused = pytest.raises(SyncTargetError, match="has calls, not trunk_calls: name another file")
    with opened(target(path)) as syncing, refused:
        syncing.state("trunk_calls")


def test_what_is_no_regular_file_is_refused(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(SyncTargetError, match="is not a regular file"):
        write(path)


def test_an_index_of_another_program_is_not_touched(path: Path) -> None:
    index = path.with_name("calls.ndjson.sync")
    index.write_bytes(b"notes")
    with pytest.raises(SyncTargetError, match=r"calls\.ndjson\.sync is not an SQLite database"):
        write(path)
    assert index.read_bytes() == b"notes"


def test_a_damaged_index_is_reported(path: Path) -> None:
    write(path, [call(1)])
    index = path.with_name("calls.ndjson.sync")
    index.write_bytes(index.read_bytes()[:100] + b"\xff" * 8000)
    with pytest.raises(SyncTargetError, match=r"cannot use .*calls\.ndjson\.sync"):
        write(path)


# Files that are there already.


@pytest.mark.parametrize(
    ("name", "content"), [("a.ndjson", lines(call(1), call(2))), ("a.csv", rows(call(1), call(2)))]
)
def test_an_export_is_continued(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    assert write(path, [call(2), call(3)]) == Changes(new=1, unchanged=1)

    assert path.read_bytes() == content + (
        rows(call(3)).removeprefix(CSV_HEADER) if ".csv" in name else lines(call(3))
    )


def test_an_export_has_no_state(path: Path) -> None:
    path.write_bytes(lines(call(1)))
    assert kept(path) is None


def test_a_file_with_a_call_twice_keeps_the_later_line(path: Path) -> None:
    path.write_bytes(lines(call(1, total_amount=None), call(2), call(1)))

    write(path)

    assert path.read_bytes() == lines(call(2), call(1))


def test_blank_lines_do_no_harm(path: Path) -> None:
    path.write_bytes(b"\n" + lines(call(1, total_amount=None)) + b"\n\n" + lines(call(2)) + b"\n")

    assert write(path, [call(1), call(2), call(3)]) == Changes(1, 1, 1, Counter(total_amount=1))

    assert [json.loads(line) for line in path.read_bytes().splitlines() if line] == [
        one.to_dict() for one in (call(1), call(2), call(3))
    ]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.ndjson", b"notes\n", "a.ndjson, line 1: not a call detail record"),
        ("a.ndjson", lines(call(1)) + b"notes\n", "a.ndjson, line 2: not a call detail record"),
        ("a.ndjson", rows(call(1)), "is csv, not ndjson; it was not changed"),
        ("a.csv", lines(call(1)), "is ndjson, not csv; it was not changed"),
        ("a.csv", CSV_HEADER + b"1,2\n", "a.csv, line 2: not a call detail record"),
    ],
)
def test_a_foreign_file_is_not_touched(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(SyncTargetError, match=reason):
        write(path, [call(3)])

    assert path.read_bytes() == content


def test_a_file_that_another_program_replaced_is_read_again(path: Path) -> None:
    write(path, [call(1), call(2)])
    path.write_bytes(lines(call(2), call(1)))

    assert write(path, [call(1, total_amount="1"), call(2)]) == Changes(0, 1, 1, Counter(total_amount=1))

    assert path.read_bytes() == lines(call(2), call(1, total_amount="1"))
    assert kept(path) == state()


def test_a_file_that_lost_records_has_no_state(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(path, [call(1), call(2)])
    path.unlink()

    assert kept(path) is None

    assert (
        "has fewer records than the last sync left: reading all that the API keeps" in capsys.readouterr().err
    )


def test_what_another_program_appended_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, [call(1), call(2, total_amount=None)])
    with path.open("ab") as file:
        file.write(lines(call(3), call(2)))

    assert write(path, [call(3), call(4)]) == Changes(new=1, unchanged=1)

    assert path.read_bytes() == lines(call(1), call(3), call(2), call(4))
    assert kept(path) == state()


def test_a_long_rest_is_read_with_the_whole_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, [call(1), call(2)])
    with path.open("ab") as file:
        file.write(lines(call(3)))
    monkeypatch.setattr(line_target, "_LONGEST_REST_BYTES", 10)

    assert write(path, [call(1), call(2), call(3)]) == Changes(unchanged=3)


def test_a_file_that_is_edited_during_the_sync_ends_it(path: Path) -> None:
    write(path, [call(1)])
    with opened(target(path)) as syncing:
        path.write_bytes(b"x" * 400)
        with pytest.raises(SyncTargetError, match="was changed during the sync"):
            syncing.write([call(1, total_amount="1")], state())


def test_a_file_that_is_deleted_during_the_sync_ends_it(path: Path) -> None:
    deleted = pytest.raises(
        SyncTargetError, match="was deleted during the sync: the next one reads everything again"
    )
    with deleted, opened(target(path)) as syncing:
        syncing.write([call(1)], state())
        path.unlink()

    assert kept(path) is None


# Kills and full disks.


@pytest.mark.parametrize("name", ["a.ndjson", "a.csv"])
@pytest.mark.parametrize("cut", [0, 1, 60])
def test_lines_without_a_commit_are_kept_and_a_torn_one_removed(tmp_path: Path, name: str, cut: int) -> None:
    """A sync is killed after some lines were written, before the index knows of them."""
    path = tmp_path / name
    write(path, [call(1), call(2)])
    before = path.read_bytes()
    after = (rows if ".csv" in name else lines)(call(1), call(2), call(3), call(4))
    path.write_bytes(after[: len(after) - cut])

    changes = write(path, [call(3), call(4)])

    assert (changes.new + changes.unchanged, changes.changed) == (2, 0)
    assert path.read_bytes() == after
    assert before in after


def test_a_header_that_was_cut_short_is_written_anew(csv: Path) -> None:
    csv.write_bytes(CSV_HEADER[:20])
    write(csv, [call(1)])
    assert csv.read_bytes() == rows(call(1))


@pytest.mark.parametrize("step", range(12))
def test_a_kill_at_any_step_loses_and_doubles_nothing(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write, truncation and synchronisation with the disk is a step."""
    path = tmp_path / "calls.ndjson"
    early = [call(number, total_amount=None) for number in range(4)]
    write(path, early)
    steps = iter(range(100))
    real = {name: getattr(os, name) for name in ("pwrite", "ftruncate", "fsync")}

    def killing(name: str) -> Any:
        def call_of_system(*arguments: Any) -> Any:
            at = next(steps)
            if at == step and name == "pwrite":
                # Half of it.
                real["pwrite"](arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2], arguments[2])
            if at >= step:
                raise Killed
            return real[name](*arguments)

        return call_of_system

    with monkeypatch.context() as patched:
        for name in real:
            patched.setattr(os, name, killing(name))
        with suppress(Killed):
            write(path, [call(1), call(4)], [call(5), call(2)])
    write(path, [call(1), call(4)], [call(5), call(2)])

    found = Counter(path.read_bytes().splitlines(keepends=True))
    assert found == Counter(map(ndjson_line, [early[0], call(1), call(2), early[3], call(4), call(5)]))


def test_a_full_disk_leaves_complete_lines(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, [call(1)])
    real = os.pwrite

    def full(fd: int, content: bytes, at: int) -> int:
        real(fd, bytes(content)[:50], at)
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened(target(path)) as syncing:
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", full)
            with pytest.raises(SyncTargetError, match=r"cannot write to .*calls\.ndjson: No space left"):
                syncing.write([call(2)], state())
        assert path.read_bytes() == lines(call(1))
        syncing.write([call(3)], state())

    assert path.read_bytes() == lines(call(1), call(3))


def test_a_tail_file_that_somebody_deleted_is_not_needed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, [call(1, total_amount=None), call(2)])

    def killed(_: object) -> None:
        raise Killed

    with pytest.raises(Killed), monkeypatch.context() as patched, opened(target(path)) as syncing:
        syncing.write([call(1)], state())
        patched.setattr(LineTarget, "_finish_tail", killed)
    path.with_name("calls.ndjson.sync-tail").unlink(missing_ok=True)

    write(path, [call(1)])

    assert path.read_bytes() == lines(call(1), call(2))
