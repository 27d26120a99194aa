"""The options of an export, kept in a file beside its failures for `retry`. No credentials are among them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeAlias, cast

import click
from attrs import frozen

from plivo_async.base_url import DEFAULT_BASE_URL
from plivo_async.cli.client import ConnectionOptions
from plivo_async.cli.export.options import ExportOptions
from plivo_async.cli.limiter_option import has_password
from plivo_async.cli.rate_option import rate_text
from plivo_async.cli.shell import shell_join

_KEY = "plivo_async_export_options"
_FLAGS = ("--fake", "--safe-csv", "--allow-http")
_NAMES = {
    *("--rate", "--concurrency", "--max-wait", "--format", "--base-url"),
    *("--proxy", "--ca-file", "--timeout", "--deadline", "--limiter", "--limiter-account"),
}

# Their URLs may have a password in them.
URL_OPTIONS = ("--proxy", "--limiter")

# The value of an option; True for a flag, None for a value that has credentials and is not kept.
Value: TypeAlias = str | bool | None


class UnusableOptionsError(click.ClickException):
    """A file is not what an export keeps, or it belongs to another user."""


@frozen
class KeptOptions:
    """The options that a retry of the same calls needs.

    Attributes:
        values: Their values by the long name of the option.
    """

    values: Mapping[str, Value]

    def arguments(self) -> list[str]:
        """Return them as they are written on a command line."""
        words: list[str] = []
        for name, value in self.values.items():
            if value is not None:
                words += [name] if value is True else [name, str(value)]
        return words

    def __str__(self) -> str:
        return shell_join(self.arguments())

    def save(self, path: Path) -> None:
        """Write them to a file, in one step.

        Raises:
            OSError: The file cannot be written.
            UnusableOptionsError: There is a file that no export wrote; it is not replaced.
        """
        read_options(path)
        file = NamedTemporaryFile(dir=path.parent, prefix=".plivo-async-", delete=False)  # noqa: SIM115
        try:
            with file:
                file.write(json.dumps({_KEY: dict(self.values)}, indent=1).encode("ascii") + b"\n")
            Path(file.name).replace(path)
        except OSError:
            with suppress(OSError):
                Path(file.name).unlink()
            raise


def kept_options(connection: ConnectionOptions, export: ExportOptions, *, is_fake: bool) -> KeptOptions:
    """Return the options in effect, be they from the command line or the environment.

    Args:
        connection: The connection options.
        export: The options of the export.
        is_fake: Whether the built-in fake is used.
    """
    values: dict[str, Value] = {
        "--rate": "none" if export.rate is None else rate_text(export.rate),
        "--concurrency": str(export.concurrency),
        "--max-wait": "none" if export.patience is None else f"{export.patience:g}",
    }
    if export.file_format is not None:
        values["--format"] = export.file_format
    if export.safe_csv:
        values["--safe-csv"] = True
    if is_fake:
        values["--fake"] = True
    else:
        values["--base-url"] = connection.base_url or DEFAULT_BASE_URL
        if connection.allow_http:
            values["--allow-http"] = True
    if connection.proxy:
        values["--proxy"] = _without_password(connection.proxy)
    if connection.ca_file is not None:
        # The retry may begin in another folder.
        values["--ca-file"] = str(Path(connection.ca_file.path).absolute())
    if connection.timeout is not None:
        values["--timeout"] = repr(connection.timeout)
    if connection.deadline is not None:
        values["--deadline"] = repr(connection.deadline)
    if export.limiter:
        values["--limiter"] = _without_password(export.limiter)
    if export.limiter_account:
        values["--limiter-account"] = export.limiter_account
    return KeptOptions(values)


def _without_password(url: str) -> str | None:
    return None if has_password(url) else url


def options_path(failed: Path) -> Path:
    """Return the path of the options beside a failed file."""
    return failed.with_name(f"{failed.name}.options")


def read_options(path: Path) -> KeptOptions | None:
    """Return the options in a file; None if there is none.

    Raises:
        OSError: The file cannot be read.
        UnusableOptionsError: No export wrote the file, or it belongs to another user, who could have the
            credentials sent elsewhere.
    """
    try:
        with path.open("rb") as file:
            owner, text = os.fstat(file.fileno()).st_uid, file.read(1 << 16)
    except FileNotFoundError:
        return None
    values = _parsed(text)
    if values is None:
        raise UnusableOptionsError(f"{path} was not written by an export")
    if owner not in (0, os.geteuid()):
        raise UnusableOptionsError(f"{path} belongs to another user")
    return KeptOptions(values)


def forget_options(failed: Path) -> None:
    """Delete the options beside a failed file that has no failure left, if an export wrote them."""
    path = options_path(failed)
    with suppress(OSError, UnusableOptionsError):
        if read_options(path) is not None:
            path.unlink()


def _parsed(text: bytes) -> dict[str, Value] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    values = cast("dict[str, Any]", found).get(_KEY) if isinstance(found, dict) else None
    if not isinstance(values, dict):
        return None
    values = cast("dict[str, Value]", values)
    return values if all(_is_option(name, value) for name, value in values.items()) else None


def _is_option(name: str, value: object) -> bool:
    if name in _FLAGS:
        return value is True
    return name in _NAMES and (isinstance(value, str) or (name in URL_OPTIONS and value is None))
