from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plivo_async.resources.listing.seen import Seen, key_of


@given(st.lists(st.integers(1, 2**64 - 1) | st.integers(1, 9).map(lambda low: low << 20)))
def test_it_is_a_set_of_keys(keys: list[int]) -> None:
    seen, known = Seen(), set[int]()
    for key in keys:
        assert seen.add(key) == (key not in known)
        known.add(key)
    assert len(seen) == len(known)


def test_it_grows() -> None:
    seen = Seen()
    assert all(seen.add(key_of(str(number))) for number in range(5000))
    assert not any(seen.add(key_of(str(number))) for number in range(5000))
    assert len(seen) == 5000


def test_a_key_has_64_bits_and_is_not_0() -> None:
    assert 0 < key_of("00000000-0000-4000-8000-000000000000") < 2**64
    assert key_of("\ud800") != key_of("")
