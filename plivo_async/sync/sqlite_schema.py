"""The tables of a database that a sync writes, and the row of a record. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from inspect import get_annotations
from types import NoneType
from typing import Any, get_args

from attrs import field, frozen

# "PlCd" in ASCII. `file` and `PRAGMA application_id` show it.
APPLICATION_ID = 0x506C4364
SCHEMA_VERSION = 1
_NOT_COLUMNS = {"call_uuid", "extra", "wire_keys", "wire_values"}


@frozen
class Column:
    """A column of a table, which has the value of a field of the record.

    Attributes:
        field: The name of the field.
        is_utc: Whether the column has the time in UTC, not as it was sent.
        is_integer: Whether the column has integers, not text.
    """

    field: str
    is_utc: bool = False
    is_integer: bool = False

    @property
    def name(self) -> str:
        """The name of the column."""
        return f"{self.field.removesuffix('_time')}_utc" if self.is_utc else self.field

    def value(self, record: Any) -> str | int | None:
        """Return the value of the column for a record."""
        value = getattr(record, self.field)
        if value is None:
            return None
        if isinstance(value, datetime):
            return utc_text(value) if self.is_utc else value.isoformat(" ")
        if isinstance(value, Decimal):
            return format(value, "f")
        if self.is_integer:
            return int(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        # SQLite stores UTF-8, which has no lone surrogates.
        return str(value).encode("utf-8", "backslashreplace").decode()


@frozen
class Table:
    """The table of one kind of records.

    Attributes:
        name: The name of the table: the kind of records.
        from_json: Reads a record from its JSON.
        columns: The columns between the call UUID and the JSON.
    """

    name: str
    from_json: Callable[[str], Any]
    columns: tuple[Column, ...] = field(repr=False)

    def statements(self) -> tuple[str, ...]:
        """Return the SQL that creates the table, its index and its view."""
        lines = ["call_uuid TEXT NOT NULL PRIMARY KEY COLLATE NOCASE"]
        lines += [f"{column.name} {'INTEGER' if column.is_integer else 'TEXT'}" for column in self.columns]
        lines += ["raw TEXT NOT NULL", "first_written TEXT NOT NULL", "last_written TEXT NOT NULL"]
        return (
            f"CREATE TABLE {self.name} (\n  " + ",\n  ".join(lines) + "\n)",
            f"CREATE INDEX {self.name}_by_end ON {self.name} (end_utc)",
            f"CREATE VIEW {self.name}_report AS\n{_REPORT}\nFROM {self.name}",
        )

    @property
    def select(self) -> str:
        """The SQL that finds the JSON of a record by its call UUID."""
        return f"SELECT raw FROM {self.name} WHERE call_uuid = ?"  # noqa: S608 - a name of this package

    @property
    def count(self) -> str:
        """The SQL that counts the calls that ended between two times."""
        return f"SELECT count(*) FROM {self.name} WHERE end_utc >= ? AND end_utc < ?"  # noqa: S608 - as above

    @property
    def insert(self) -> str:
        """The SQL that writes a row; a row with the same call UUID keeps `first_written`."""
        names = [column.name for column in self.columns]
        changes = ", ".join(f"{name} = excluded.{name}" for name in (*names, "raw", "last_written"))
        all_names = ", ".join(("call_uuid", *names, "raw", "first_written", "last_written"))
        marks = ", ".join("?" * (len(names) + 4))
        return (
            f"INSERT INTO {self.name} ({all_names}) VALUES ({marks}) "  # noqa: S608 - names of this module
            f"ON CONFLICT (call_uuid) DO UPDATE SET {changes}"
        )

    def row(self, record: Any, raw: str, now: datetime) -> tuple[str | int | None, ...]:
        """Return the values for `insert`."""
        written = utc_text(now)
        values = (column.value(record) for column in self.columns)
        return (record.call_uuid, *values, raw, written, written)


_REPORT = """\
SELECT
  call_uuid,
  date(end_utc) AS day,
  initiation_utc AS started,
  answer_utc AS answered,
  end_utc AS ended,
  call_direction AS direction,
  from_number,
  to_number,
  answer_utc IS NOT NULL AS is_answered,
  CAST(round((julianday(coalesce(answer_utc, end_utc)) - julianday(initiation_utc)) * 86400) AS INTEGER)
    AS ring_seconds,
  call_duration AS call_seconds,
  billed_duration AS billed_seconds,
  CAST(total_rate AS REAL) AS rate,
  CAST(total_amount AS REAL) AS amount,
  CAST(round(CAST(total_amount AS REAL) * 100000) AS INTEGER) AS amount_e5,
  hangup_cause_code,
  hangup_cause_name,
  hangup_source"""


def utc_text(time: datetime) -> str:
    """Return a time in UTC as text that sorts by time, for example "2026-11-27 16:27:47"."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


@cache
def table_of(name: str, kind: Any) -> Table:
    """Return the table for a class of records.

    Args:
        name: The name of the table.
        kind: The class, an attrs class with `call_uuid` and `from_json`.
    """
    columns: list[Column] = []
    for name_of_field, annotation in get_annotations(kind).items():
        if name_of_field in _NOT_COLUMNS:
            continue
        types = set(get_args(annotation)) - {NoneType} or {annotation}
        columns.append(Column(name_of_field, is_integer=all(issubclass(one, int) for one in types)))
        if datetime in types:
            columns.append(Column(name_of_field, is_utc=True))
    return Table(name, kind.from_json, tuple(columns))
