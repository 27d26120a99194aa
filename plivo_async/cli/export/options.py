"""The options of `export`. Pure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeAlias

from attrs import field, frozen

from plivo_async.cli.export.record_format import FileFormat
from plivo_async.cli.span_options import CallSelection
from plivo_async.rate_limit import RateLimit
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.trunk_call import TrunkCallDetailRecord

SummaryFormat: TypeAlias = Literal["table", "json", "none"]


@frozen(kw_only=True)
class ExportOptions:
    """The options of `export` without the connection options. None means not given.

    Attributes:
        is_retry: Whether the call UUIDs are those of a failed file, and there may be none.
        selection: The span and the filters that choose the calls; None if call UUIDs do.
    """

    call_uuids: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    column: str | None = None
    key: str | None = None
    output: str | None = None
    file_format: FileFormat | None = None
    safe_csv: bool = False
    failed: str | None = None
    resume: bool = False
    overwrite: bool = False
    rate: RateLimit | None = None
    limiter: str | None = field(default=None, repr=False)
    limiter_account: str | None = None
    concurrency: int = 1
    patience: float | None = None
    summary: SummaryFormat = "table"
    quiet: bool = False
    is_retry: bool = False
    selection: CallSelection | None = None

    @property
    def kind(self) -> type[CallDetailRecord | TrunkCallDetailRecord]:
        """The class of the records."""
        is_trunk = self.selection is not None and self.selection.is_trunk
        return TrunkCallDetailRecord if is_trunk else CallDetailRecord

    @property
    def path(self) -> Path | None:
        """The file for the records; None for stdout."""
        return None if self.output is None or self.output == "-" else Path(self.output)

    @property
    def reads_stdin(self) -> bool:
        """Whether ids are read from stdin, terminal or not."""
        return "-" in self.inputs or not (self.inputs or self.call_uuids or self.selection)

    @property
    def failed_path(self) -> Path | None:
        """The file for failures; None to report them on stderr."""
        if self.failed is not None:
            return Path(self.failed)
        path = self.path
        # A name in these folders is a stream of the process, even if that is a file.
        if path is None or str(path).startswith(("/dev/std", "/dev/fd/", "/proc/")):
            return None
        if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
            return None
        return default_failed_path(path)

    @property
    def chosen_format(self) -> FileFormat:
        """The given format, else the one that the file name implies."""
        if self.safe_csv:
            return "safe-csv"
        if self.file_format is not None:
            return self.file_format
        return "csv" if self.path is not None and self.path.suffix.lower() == ".csv" else "ndjson"


def default_failed_path(output: Path) -> Path:
    """Return the path of the failed file beside an output."""
    return output.with_name(f"{output.name}.failed")
