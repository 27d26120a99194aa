"""The connection options that get and export share, and the client that they describe."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict, TypeVar, Unpack

import click
from attrs import evolve, fields, frozen
from click.core import ParameterSource

from plivo_async.base_url import ALLOW_HTTP_VARIABLE, BASE_URL_VARIABLE, DEFAULT_BASE_URL
from plivo_async.cli.ca_file import CAFile, ca_file_option
from plivo_async.cli.output import logging_to_stderr, report
from plivo_async.client import AsyncClient
from plivo_async.options import DEFAULT_DEADLINE_SECONDS, DEFAULT_TIMEOUT, RequestOptions
from plivo_async.rate_limit import RateLimiter

R = TypeVar("R")

_VARIABLES = ("PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN")

_OPTIONS = (
    click.option(
        "--fake", is_flag=True, help="Use the built-in fake Plivo. It needs no account and no network."
    ),
    click.option(
        "--try",
        "try_fake",
        is_flag=True,
        help="Use Plivo if credentials are set in the environment, else the built-in fake.",
    ),
    click.option(
        "--base-url",
        metavar="URL",
        envvar="PLIVO_ASYNC_BASE_URL",
        show_envvar=True,
        help=f"The URL of the API.  [default: {DEFAULT_BASE_URL}]",
    ),
    click.option(
        "--allow-http",
        is_flag=True,
        help="Permit a plain http:// URL beyond loopback, for a fake in another container. It sends the "
        "credentials unencrypted.  "
        f"[env var: {ALLOW_HTTP_VARIABLE}]",
    ),
    click.option(
        "--proxy",
        metavar="URL",
        envvar="PLIVO_ASYNC_PROXY",
        show_envvar=True,
        help="The URL of an HTTP proxy. If it has a password, use the variable.  "
        "[default: HTTPS_PROXY or ALL_PROXY]",
    ),
    ca_file_option,
    click.option(
        "--timeout",
        envvar="PLIVO_ASYNC_TIMEOUT",
        show_envvar=True,
        type=float,
        metavar="SECONDS",
        help="Seconds for connecting, and for each read and write of one attempt.  "
        f"[default: {DEFAULT_TIMEOUT.read:g}; {DEFAULT_TIMEOUT.connect:g} for connecting]",
    ),
    click.option(
        "--deadline",
        envvar="PLIVO_ASYNC_DEADLINE",
        show_envvar=True,
        type=float,
        metavar="SECONDS",
        help=f"Seconds for one call, with its retries and waits.  [default: {DEFAULT_DEADLINE_SECONDS:g}]",
    ),
    click.option(
        "-v", "--verbose", count=True, help="Log retries and pauses to stderr; -vv logs each request too."
    ),
)


@frozen(kw_only=True)
class ConnectionOptions:
    """Connection options of the command line. None means the client's default; times are in seconds."""

    fake: bool = False
    try_fake: bool = False
    base_url: str | None = None
    allow_http: bool = False
    proxy: str | None = None
    ca_file: CAFile | None = None
    timeout: float | None = None
    deadline: float | None = None
    verbose: int = 0

    def request_options(self) -> RequestOptions:
        """The given options that are request options of a client."""
        options = RequestOptions()
        if self.timeout is not None:
            options["timeout"] = self.timeout
        if self.deadline is not None:
            options["deadline"] = self.deadline
        return options


_OPTION_NAMES = [attribute.name for attribute in fields(ConnectionOptions)]


@frozen
class CliClient:
    """A client for a command.

    Attributes:
        sample_ids: Call UUIDs to use if the user gives none; only the built-in fake has any.
    """

    client: AsyncClient
    sample_ids: tuple[str, ...] = ()

    @property
    def is_fake(self) -> bool:
        """Whether it uses the built-in fake."""
        return bool(self.sample_ids)


def connection_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add the connection options to a click command, which receives them as the argument `options`."""

    @functools.wraps(command)
    def with_options(**given: Any) -> R:
        options = ConnectionOptions(**{name: given.pop(name) for name in _OPTION_NAMES})
        return command(options=_without_overridden(options), **given)

    wrapped: Callable[..., R] = with_options
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _without_overridden(options: ConnectionOptions) -> ConnectionOptions:
    # The command line overrides the environment, also if the two options are mutually exclusive.
    source = click.get_current_context().get_parameter_source("base_url")
    if (options.fake or options.try_fake) and source is ParameterSource.ENVIRONMENT:
        return evolve(options, base_url=None)
    return options


def uses_fake(options: ConnectionOptions, environ: Mapping[str, str]) -> bool:
    """Whether the command uses the built-in fake in place of Plivo.

    Raises:
        UsageError: Two options are mutually exclusive.
        ClickException: Credentials are missing.
    """
    if options.fake and options.try_fake:
        raise click.UsageError("--fake and --try are mutually exclusive")
    if options.base_url is not None and (options.fake or options.try_fake):
        raise click.UsageError("--base-url cannot be combined with --fake or --try")
    # CI sets a variable whose secret is missing to an empty string.
    missing = [name for name in _VARIABLES if not environ.get(name)]
    if options.fake or (options.try_fake and len(missing) == len(_VARIABLES)):
        return True
    if missing:
        raise click.ClickException(
            f"no credentials: set {' and '.join(missing)} in the environment, "
            "or add --fake to use the built-in fake Plivo"
        )
    return False


class CliClientOptions(TypedDict, total=False):
    """Client options that a command sets itself."""

    rate_limit: RateLimiter | None
    max_connections: int


@contextmanager
def open_client(
    options: ConnectionOptions, **more: Unpack[CliClientOptions]
) -> Generator[CliClient, None, None]:
    """Open the client that the options and the environment describe; the fake runs until the block ends.

    Raises:
        ClickException: Options are mutually exclusive, or credentials are missing.
        ConfigurationError: An option has a value that the client refuses.
    """
    with logging_to_stderr(options.verbose):
        if uses_fake(options, os.environ):
            with _open_fake_client(options, more) as cli_client:
                yield cli_client
            return
        base_url = options.base_url
        if base_url is None:
            # `--try` left the variable out, in case it uses the built-in fake.
            base_url = os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL
        client = AsyncClient(
            base_url=base_url,
            # Without the option the client reads the environment.
            allow_http=options.allow_http or None,
            proxy=options.proxy,
            verify=True if options.ca_file is None else options.ca_file.context,
            **options.request_options(),
            **more,
        )
        if options.try_fake:
            report(f"credentials found in {' and '.join(_VARIABLES)}: using {base_url}")
        yield CliClient(client)


@contextmanager
def _open_fake_client(options: ConnectionOptions, more: CliClientOptions) -> Generator[CliClient, None, None]:
    # Imported late: only the fake needs it.
    from plivo_async.testing import FakePlivo

    fake = FakePlivo()
    with fake.serve() as url:
        reason = "" if options.fake else "no credentials set: "
        report(f"{reason}using the built-in fake Plivo at {url}")
        client = AsyncClient(
            fake.auth_id,
            fake.auth_token,
            base_url=url,
            trust_env=False,
            **options.request_options(),
            **more,
        )
        yield CliClient(client, sample_ids=tuple(fake.call_uuids[:1]))
