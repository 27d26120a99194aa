from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plivo_async.record.strict_json import (
    MAX_DEPTH,
    check_depth,
    parse_json,
    write_json,
)

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_a_written_value_reads_the_same(value: Any) -> None:
    # A Decimal without fraction and exponent is written like an int, and equals it.
    assert parse_json(write_json(value)) == value


@pytest.mark.parametrize("digits", ["0.10", "-0.0", "1.000000000000000000000000000001", "1.5E+400", "0E-10"])
def test_a_number_keeps_its_digits(digits: str) -> None:
    assert write_json([parse_json(digits)]) == f"[{digits}]"


def test_text_without_a_decimal_equals_that_of_the_standard_library() -> None:
    value: Any = {"a": [1, None, True, "ü\ud800\n"], "b": {}}
    assert write_json(value) == json.dumps(value, separators=(",", ":"))


def test_text_with_a_decimal_differs_from_it_in_the_decimal_only() -> None:
    value: Any = {'"ü': [1, None, True, "ü\ud800\n", 1.5], "b": {}, "c": []}
    with_decimal = {**value, "d": (Decimal("0.10"),)}
    assert write_json(with_decimal) == json.dumps(value, separators=(",", ":"))[:-1] + ',"d":[0.10]}'


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', '[{"b":{"a":null,"c":1,"a":0}}]'])
def test_two_values_under_one_key_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two values under the key 'a'"):
        parse_json(text)


def test_one_value_may_be_repeated() -> None:
    assert parse_json('{"a":[1],"b":2,"a":[1]}') == {"a": [1], "b": 2}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_nan_and_infinity_cannot_be_written(value: Any) -> None:
    with pytest.raises(ValueError, match=r"not JSON compliant|no JSON form"):
        write_json({"a": [value]})


def test_a_type_without_a_json_form_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="set"):
        write_json([{1}, Decimal(1)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "NaN",
        "[Infinity]",
        '{"a": -Infinity}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "9" * 5000,
        "1e" + "9" * 30,
        "1e-" + "9" * 30,
        "{} {}",
        "{}x",
        "[1,]",
        "\ufeff{}",
        "'a'",
        '"a\nb"',
        "01",
        ".5",
        "٣",
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_other_text_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        parse_json(text)


def test_a_lenient_decimal_context_turns_no_number_into_nan() -> None:
    with localcontext() as context, pytest.raises(ValueError, match="exponent"):
        context.traps[InvalidOperation] = False
        parse_json("1e" + "9" * 30)


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_depth_up_to_the_limit_is_accepted(brackets: str) -> None:
    check_depth(nested(brackets, MAX_DEPTH))


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_depth_above_the_limit_is_refused(brackets: str) -> None:
    with pytest.raises(ValueError, match="at most 64 deep"):
        check_depth(nested(brackets, MAX_DEPTH + 1))


@pytest.mark.parametrize("value", [None, 1, "[[[", [1, "a"], {}])
def test_flat_values_are_accepted(value: Any) -> None:
    check_depth(value)


def nested(brackets: str, depth: int) -> Any:
    value: Any = [] if brackets == "[]" else {}
    for _ in range(depth - 1):
        value = [value] if brackets == "[]" else {"a": value}
    return value
