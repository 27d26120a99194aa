from __future__ import annotations

import tracemalloc

from plivo_async.cli.export.id_set import IdSet


def test_an_id_is_new_only_once() -> None:
    ids = IdSet()

    assert [ids.add("a"), ids.add("a"), ids.add("b")] == [True, False, True]
    assert len(ids) == 2


def test_the_set_contains_only_the_ids_that_were_added() -> None:
    ids = IdSet()
    ids.add("a")

    assert "a" in ids
    assert "b" not in ids


def test_letter_case_is_ignored() -> None:
    ids = IdSet()
    ids.add("5607532D-5037")

    assert "5607532d-5037" in ids
    assert not ids.add("5607532d-5037")


def test_an_id_that_utf_8_cannot_encode_is_accepted() -> None:
    assert IdSet().add("\ud800")


def test_many_ids_are_distinguished() -> None:
    ids = IdSet()
    many = [f"call-{number}" for number in range(200_000)]
    assert all(map(ids.add, many))

    assert not any(map(ids.add, many[::1000]))
    assert len(ids) == 200_000


def test_a_long_line_takes_no_more_memory_than_an_id() -> None:
    tracemalloc.start()
    try:
        ids = IdSet()
        for number in range(1_000):
            ids.add(f"{number:010000}")
        used_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # 1,000 ids take 80,000 bytes, the lines would take 10,000,000.
    assert used_bytes < 400_000
