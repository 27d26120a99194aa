from __future__ import annotations

import tracemalloc

from plivo_async.cli.export.id_set import IdSet


def test_an_id_is_new_once() -> None:
    ids = IdSet()

    assert [ids.add("a"), ids.add("a"), ids.add("b")] == [True, False, True]
    assert len(ids) == 2


def test_it_knows_what_was_added_and_nothing_else() -> None:
    ids = IdSet()
    ids.add("a")

    assert "a" in ids
    assert "b" not in ids


def test_letter_case_does_not_tell_ids_apart() -> None:
    ids = IdSet()
    ids.add("5607532D-5037")

    assert not ids.add("5607532d-5037")


def test_an_id_that_no_utf_8_can_hold_is_an_id() -> None:
    assert IdSet().add("\ud800")


def test_what_only_looks_alike_across_the_border_of_two_is_not_taken_for_one() -> None:
    from plivo_async.cli.export.id_set import _holds

    bucket = bytearray(b"000000000001" + b"000000000002")

    assert _holds(bucket, b"000000000002")
    assert not _holds(bucket, b"000000010000")
    assert not _holds(bytearray(b"xx0000000000" + b"00xxxxxxxxxx"), b"0" * 12)


def test_ids_in_one_bucket_are_told_apart() -> None:
    ids = IdSet()
    many = [f"call-{number}" for number in range(200_000)]
    assert all(map(ids.add, many))

    assert not any(map(ids.add, many[::1000]))
    assert len(ids) == 200_000


def test_an_id_takes_a_fraction_of_what_a_set_takes() -> None:
    tracemalloc.start()
    try:
        ids = IdSet()
        for number in range(100_000):
            ids.add(f"{number:036}")
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # The buckets themselves count most among so few; a set of str takes 14 MB.
    assert taken < 9_000_000
