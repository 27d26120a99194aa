"""What a sync remembers between two runs. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self

from attrs import asdict, frozen

from plivo_async.exported import exported


@exported
@frozen(kw_only=True)
class SyncState:
    """How far a target is up to date. All times are in UTC.

    Attributes:
        account: The auth id of the account whose records the target holds.
        kind: The kind of records: `calls` or `trunk_calls`.
        since: The target has no record that ended before this.
        until: The target has each record that ended since `since` and before this, as far as it was written
            when the API was asked.
        newest: The last end of a call among these records, by the clock of Plivo; None without a record.
        excess: How many more records Plivo counts than it returns, such as rows that cannot be read.
    """

    account: str
    kind: str
    since: datetime
    until: datetime
    newest: datetime | None = None
    excess: int = 0

    def to_dict(self) -> dict[str, str | int | None]:
        """Return the fields for JSON or a row of a table; times are text in ISO 8601."""
        return {name: _text(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, texts: dict[str, Any]) -> Self:
        """Return the state that `to_dict` converted.

        Raises:
            ValueError: A time is not ISO 8601 with an offset.
            KeyError: A field is missing.
        """
        newest = texts["newest"]
        return cls(
            account=texts["account"],
            kind=texts["kind"],
            since=_time(texts["since"]),
            until=_time(texts["until"]),
            newest=None if newest is None else _time(newest),
            excess=int(texts["excess"]),
        )


def _text(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else value


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return time.astimezone(UTC)
