from __future__ import annotations

import io

import pytest
from attrs import evolve
from rich.console import Console

from plivo_async.cli.number_table import NumberTable

_TABLE = NumberTable(
    "Cause",
    ("Calls", "Amount"),
    [("3000 No Answer", ("1,234", "0.00000")), ("Ünï \x1b[2J [bold]", ("5", "42,282.83060"))],
    ("1,239", "42,282.83060"),
)


def rendered(table: NumberTable, width: int, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    Console(file=file, width=width).print(table)
    return raw.getvalue().decode(encoding)


def test_a_wide_terminal_gets_a_row_for_each_name() -> None:
    assert (
        rendered(_TABLE, 48)
        == """\
╭───────────────────────────────────────────╮
│ Cause                Calls         Amount │
├───────────────────────────────────────────┤
│ 3000 No Answer       1,234        0.00000 │
│ Ünï \\x1b[2J [bold]       5   42,282.83060 │
├───────────────────────────────────────────┤
│ Total                1,239   42,282.83060 │
╰───────────────────────────────────────────╯
"""
    )


def test_a_narrow_terminal_gets_a_line_for_each_number() -> None:
    assert (
        rendered(_TABLE, 40)
        == """\
╭───────────────────────────────────╮
│ Cause                             │
├───────────────────────────────────┤
│ 3000 No Answer                    │
│   Calls                     1,234 │
│   Amount                  0.00000 │
│ Ünï \\x1b[2J [bold]                │
│   Calls                         5 │
│   Amount             42,282.83060 │
├───────────────────────────────────┤
│ Total                             │
│   Calls                     1,239 │
│   Amount             42,282.83060 │
╰───────────────────────────────────╯
"""
    )


@pytest.mark.parametrize("width", [30, 40, 41, 42, 43, 60])
def test_no_number_is_cut_at_any_width(width: int) -> None:
    text = rendered(_TABLE, width)

    assert all(number in text for number in ("1,234", "0.00000", "1,239"))
    assert text.count("42,282.83060") == 2
    assert all(len(line) <= width for line in text.splitlines())


def test_without_a_total_there_is_no_row_for_it() -> None:
    table = NumberTable("Direction", ("Calls",), [("inbound", ("5",))])

    assert "Total" not in rendered(table, 40) + rendered(table, 12)


@pytest.mark.parametrize("width", [30, 80])
def test_a_character_that_the_terminal_lacks_does_not_disturb_the_columns(width: int) -> None:
    lines = rendered(_TABLE, width, "ascii").splitlines()

    assert "\\xdcn\\xef" in "".join(lines)
    assert len({len(line) for line in lines}) == 1


_WITH_BARS = NumberTable(
    "Day", ("Calls",), [("1", ("100",)), ("2", ("50",)), ("3", ("1",)), ("4", ("0",))], None,
    [(1.0, 0.75), (0.5, 0.0), (0.001, 0.001), (0.0, 0.0)],
)  # fmt: skip


def test_bars_show_the_length_and_the_bright_part_of_each_row() -> None:
    assert (
        rendered(_WITH_BARS, 32)
        == """\
╭──────────────────────────────╮
│ Day                    Calls │
├──────────────────────────────┤
│ 1     ██████████░░░░     100 │
│ 2     ░░░░░░░             50 │
│ 3     █                    1 │
│ 4                          0 │
╰──────────────────────────────╯
"""
    )


def test_a_terminal_that_is_too_narrow_for_bars_gets_none() -> None:
    assert "█" not in rendered(_WITH_BARS, 24)


def test_a_narrow_terminal_gets_a_line_for_each_bar() -> None:
    table = evolve(_TABLE, bars=[(1.0, 1.0), (0.5, 0.0)])

    lines = rendered(table, 40).splitlines()
    assert [line[23:38] for line in lines if "█" in line or "░" in line] == ["█" * 15, "░" * 8 + " " * 7]


def test_a_terminal_without_blocks_gets_other_characters() -> None:
    assert "| ##########---- |" in rendered(_WITH_BARS, 32, "ascii")


def test_long_names_are_folded_to_make_room_for_bars() -> None:
    table = NumberTable("Cause", ("Calls",), [("a name of thirty characters ab", ("5",))], bars=[(1.0, 1.0)])

    assert "│ a name of thirty       █████████       5 │\n│ characters ab " in rendered(table, 44)
    assert "│ a name of thirty characters ab   ███████████████       5 │" in rendered(table, 60)
