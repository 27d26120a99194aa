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

    Args:
        account: The auth id of the account whose records the target holds.
        kind: The kind of records: `calls` or `trunk_calls`.
        since: The target has no call that ended before this time.
        until: The target has each call that ended from `since` until this time, if Plivo had written its
            record when the sync requested it.
        newest: The latest end of a call among these, by the clock of Plivo; None without a record.
        excess: How many more records Plivo counts than it returns, for example rows that cannot be read.
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

        Args:
            texts: A result of `to_dict`.

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
