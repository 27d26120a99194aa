from __future__ import annotations

import json

import pytest

from plivo_async.sync import SyncState
from tests.sync.records import state


@pytest.mark.parametrize("known", [state(), state(newest=None)])
def test_a_state_survives_its_text_form(known: SyncState) -> None:
    assert SyncState.from_dict(json.loads(json.dumps(known.to_dict()))) == known


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="no offset"):
        SyncState.from_dict({**state().to_dict(), "until": "2026-11-28T12:00:00"})
