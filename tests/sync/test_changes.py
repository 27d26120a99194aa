from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from plivo_async.sync.changes import Changes, changed_fields
from tests.sync.records import call


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({}, {}, ()),
        ({"total_amount": None}, {"total_amount": "0.00850"}, ("total_amount",)),
        ({"total_amount": "0.00850"}, {"total_amount": 0.0085}, ()),
        ({"api_id": "one"}, {"api_id": "two"}, ()),
        ({"total_rate": "1", "call_duration": 1}, {"total_rate": "2", "call_duration": 2},
         ("call_duration", "total_rate")),
        ({"new_key": 1}, {"new_key": 2}, ("new_key",)),
        ({"new_key": None}, {}, ("new_key",)),
        ({}, {"new_key": [1]}, ("new_key",)),
        ({"end_time": "2026-11-28 12:00:00+00:00"}, {"end_time": "2026-11-28 17:30:00+05:30"}, ()),
    ],
)  # fmt: skip
def test_a_change_is_named_by_its_fields(
    before: dict[str, Any], after: dict[str, Any], changed: tuple[str, ...]
) -> None:
    assert changed_fields(call(1, **before), call(1, **after)) == changed


def test_changes_add_up() -> None:
    changes = Changes(new=1)
    changes.count(("total_amount", "total_rate"))
    changes.count(())
    changes.add(Changes(2, 1, 3, Counter(total_rate=1)))
    assert changes == Changes(3, 2, 4, Counter(total_amount=1, total_rate=2))
    assert changes.total == 9
