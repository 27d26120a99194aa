"""The options of `sync`. Pure."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from attrs import field, frozen

from plivo_async.cli.export.options import SummaryFormat
from plivo_async.rate_limit import RateLimit


@frozen(kw_only=True)
class SyncOptions:
    """The options of `sync` without the connection options."""

    file: str
    look_back: timedelta
    trunk: bool = False
    failed: str | None = None
    rate: RateLimit | None = None
    limiter: str | None = field(default=None, repr=False)
    limiter_account: str | None = None
    patience: float | None = None
    summary: SummaryFormat = "table"
    quiet: bool = False

    @property
    def path(self) -> Path:
        """The file or database."""
        return Path(self.file)

    @property
    def failed_path(self) -> Path:
        """The file for rows that cannot be read."""
        return self.path.with_name(f"{self.path.name}.failed") if self.failed is None else Path(self.failed)
