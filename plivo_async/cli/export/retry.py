"""`plivo-async retry`: fetch the failed calls of an export again, with its options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from attrs import evolve, fields_dict
from click.core import ParameterSource

from plivo_async.cli.client import ConnectionOptions, connection_options
from plivo_async.cli.exit_codes import RETRY_EXIT_CODE_HELP, ExitCode
from plivo_async.cli.export.checks import is_device
from plivo_async.cli.export.failed_file import failure_in
from plivo_async.cli.export.kept_options import (
    KeptOptions,
    UnusableOptionsError,
    options_path,
    read_options,
)
from plivo_async.cli.export.options import ExportOptions, default_failed_path
from plivo_async.cli.export.reruns import export_command, retry_command
from plivo_async.cli.export.run import run_export
from plivo_async.cli.export.run_options import run_options
from plivo_async.cli.output import counted, report

# They exclude each other, so one of them on the command line replaces whichever is kept.
_SERVERS = {"fake", "try_fake", "base_url"}


@click.command(epilog=RETRY_EXIT_CODE_HELP)
@click.argument("output", type=click.Path())
@click.option(
    "--failed",
    type=click.Path(),
    help="The failed file, if the export had this option.  [default: OUTPUT.failed]",
)
@click.option(
    "--all",
    "retries_all",
    is_flag=True,
    help="Retry every failed call, even one that will probably fail again, such as a 404.",
)
@run_options
@connection_options
@click.pass_context
def retry(
    context: click.Context,
    /,
    options: ConnectionOptions,
    output: str,
    failed: str | None,
    retries_all: bool,
    **given: Any,
) -> ExitCode:
    """Fetch the failed calls of an export again.

    It retries the calls in OUTPUT.failed that may succeed now, for example after a timeout, a 5xx or refused
    credentials. Their records go into the same OUTPUT, and their lines leave OUTPUT.failed.

    It uses the options of the export, which are kept in OUTPUT.failed.options, except for those on the
    command line. The credentials come from the environment, and so does a proxy or a Redis server with a
    password.

    \b
    Examples:
      plivo-async retry calls.ndjson
      plivo-async retry --all calls.ndjson
      plivo-async retry --rate 20 --failed bad.ndjson calls.ndjson
    """
    path = Path(output)
    if not path.name or output == "-" or is_device(path) or failed == "":
        raise click.UsageError("retry needs the output of an export, and its failed file, by name")
    failed_path = default_failed_path(path) if failed is None else Path(failed)
    calls, count = _calls_to_retry(path, failed_path, retries_all=retries_all)
    if not count:
        report(f"{path} has no failed calls")
        return ExitCode.OK
    kept = _kept_options(path, failed_path)
    connection, run = _with_kept(context, options, given, kept)
    if calls:
        report(f"retrying {len(calls):,} of {counted(count, 'failed call')} with {kept}")
    else:
        again = retry_command(path, failed_path, retries_all=True)
        report(f"none of {counted(count, 'failed call')} may succeed now; to retry all the same: {again}")
    export = ExportOptions(call_uuids=calls, output=output, failed=failed, resume=True, is_retry=True, **run)
    return run_export(connection, export, context.obj)


def _calls_to_retry(output: Path, failed: Path, *, retries_all: bool) -> tuple[tuple[str, ...], int]:
    """Return the calls to retry, and the number of failures in the file.

    Raises:
        UsageError: The output is a failed file.
        ClickException: The failed file cannot be read, or there is neither file.
    """
    found: dict[str, bool] = {}
    others = 0
    try:
        with failed.open("rb") as file:
            for line in file:
                failure = failure_in(line)
                if failure is None:
                    others += bool(line.strip())
                    continue
                call_uuid = str(failure["call_uuid"])
                # Other credentials may be set now.
                may_succeed = retries_all or failure.get("retryable") is True or failure["status"] == 401
                # A row of a list may have no call UUID to ask for, but a body to keep.
                found[call_uuid] = found.get(call_uuid, False) or (may_succeed and call_uuid != "")
    except FileNotFoundError:
        inner = output.with_name(output.name.removesuffix(".failed"))
        if inner != output:
            again = retry_command(inner, output)
            raise click.UsageError(f"{output} is not the output but the failed file: {again}") from None
        if not os.path.lexists(output):
            raise click.ClickException(f"neither {output} nor {failed} exists") from None
    except OSError as error:
        raise click.ClickException(f"cannot read {failed}: {error.strerror}") from None
    if others:
        report(f"ignored {counted(others, 'line')} of {failed} without a complete failure of an export")
    return tuple(call_uuid for call_uuid, is_chosen in found.items() if is_chosen), len(found)


def _kept_options(output: Path, failed: Path) -> KeptOptions:
    path = options_path(failed)
    try:
        kept = read_options(path)
        reason = f"{path} is missing"
    except UnusableOptionsError as error:
        kept, reason = None, error.message
    except OSError as error:
        kept, reason = None, f"cannot read {path}: {error.strerror}"
    if kept is not None:
        return kept
    again = export_command(output, failed)
    raise click.ClickException(
        f"{reason}, so the options of the export are unknown: add them, for example --base-url, to: {again}"
    )


def _with_kept(
    context: click.Context, connection: ConnectionOptions, given: dict[str, Any], kept: KeptOptions
) -> tuple[ConnectionOptions, dict[str, Any]]:
    """Return the options, where those on the command line override the kept ones.

    The environment may have changed since the export, so a kept option overrides its variable.

    Raises:
        ClickException: A kept option has no usable value, or the proxy is not kept because of its password.
    """
    options = [option for option in context.command.params if isinstance(option, click.Option)]
    on_line = {
        option.name
        for option in options
        if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    }
    if on_line & _SERVERS:
        on_line |= _SERVERS
    values: dict[str, Any] = (
        {} if on_line & _SERVERS else {"fake": False, "try_fake": False, "base_url": None}
    )
    for option in options:
        name = option.opts[-1]
        value = kept.values.get(name)
        if value is not None and option.name not in on_line:
            try:
                values[str(option.name)] = option.process_value(context, value)
            except click.BadParameter as error:
                raise click.ClickException(
                    f"the option {name} kept from the export: {error.message}"
                ) from None
    names = fields_dict(ConnectionOptions).keys()
    connection = evolve(connection, **{name: values[name] for name in values.keys() & names})
    run = {**given, **{name: values[name] for name in values.keys() - names}}
    for name, thing, found in (
        ("--proxy", "proxy", connection.proxy),
        ("--limiter", "limiter", run["limiter"]),
    ):
        if name in kept.values and not found:
            raise click.ClickException(
                f"the export used a {thing} with a password, which is not kept: "
                f"name it with {name} or PLIVO_ASYNC_{thing.upper()}"
            )
    file_format, safe_csv = kept.values.get("--format"), kept.values.get("--safe-csv") is True
    return connection, {**run, "file_format": file_format, "safe_csv": safe_csv}
