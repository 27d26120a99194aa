"""The options that every command which asks Plivo takes, and the client that they stand for."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, TypedDict, TypeVar, Unpack

import click
from attrs import evolve, fields, frozen
from click.core import ParameterSource

from plivo_async.base_url import DEFAULT_BASE_URL
from plivo_async.cli.output import logging_to_stderr, report
from plivo_async.client import AsyncClient
from plivo_async.options import DEFAULT_DEADLINE, DEFAULT_TIMEOUT, RequestOptions
from plivo_async.rate_limit import RateLimiter

R = TypeVar("R")

_VARIABLES = ("PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN")

_OPTIONS = (
    click.option(
        "--fake", is_flag=True, help="Ask the built-in fake Plivo; needs no account and no network."
    ),
    click.option(
        "--try",
        "try_fake",
        is_flag=True,
        help="Ask Plivo if credentials are set in the environment, else the built-in fake.",
    ),
    click.option(
        "--base-url",
        metavar="URL",
        envvar="PLIVO_ASYNC_BASE_URL",
        show_envvar=True,
        help=f"Where the API is.  [default: {DEFAULT_BASE_URL}]",
    ),
    click.option(
        "--proxy",
        metavar="URL",
        envvar="PLIVO_ASYNC_PROXY",
        show_envvar=True,
        help="An HTTP proxy.  [default: HTTPS_PROXY or ALL_PROXY]",
    ),
    click.option(
        "--timeout",
        envvar="PLIVO_ASYNC_TIMEOUT",
        show_envvar=True,
        type=float,
        metavar="SECONDS",
        help="For each read and write of one attempt, and to connect.  "
        f"[default: {DEFAULT_TIMEOUT.read:g}, to connect {DEFAULT_TIMEOUT.connect:g}]",
    ),
    click.option(
        "--deadline",
        envvar="PLIVO_ASYNC_DEADLINE",
        show_envvar=True,
        type=float,
        metavar="SECONDS",
        help=f"For one call as a whole, retries and their waits included.  [default: {DEFAULT_DEADLINE:g}]",
    ),
    click.option("-v", "--verbose", is_flag=True, help="Log retries and the like to stderr."),
)


@frozen(kw_only=True)
class ConnectionOptions:
    """What the command line says about whom to ask, and how patiently. None: the client's default."""

    fake: bool = False
    try_fake: bool = False
    base_url: str | None = None
    proxy: str | None = None
    timeout: float | None = None
    deadline: float | None = None
    verbose: bool = False

    def request_options(self) -> RequestOptions:
        """Those of them that a client takes as RequestOptions."""
        options = RequestOptions()
        if self.timeout is not None:
            options["timeout"] = self.timeout
        if self.deadline is not None:
            options["deadline"] = self.deadline
        return options


_OPTION_NAMES = [attribute.name for attribute in fields(ConnectionOptions)]


@frozen
class CliClient:
    """A client, and the calls that can be asked for where the user names none: only the fake has any."""

    client: AsyncClient
    sample_ids: tuple[str, ...] = ()


def connection_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a click command these options; it gets them as one argument, `options`."""

    @functools.wraps(command)
    def with_options(**given: Any) -> R:
        options = ConnectionOptions(**{name: given.pop(name) for name in _OPTION_NAMES})
        return command(options=_without_overruled(options), **given)

    wrapped: Callable[..., R] = with_options
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _without_overruled(options: ConnectionOptions) -> ConnectionOptions:
    # The command line goes before the environment, also where an option rules another one out.
    source = click.get_current_context().get_parameter_source("base_url")
    if (options.fake or options.try_fake) and source is ParameterSource.ENVIRONMENT:
        return evolve(options, base_url=None)
    return options


def asks_fake(options: ConnectionOptions, environ: Mapping[str, str]) -> bool:
    """Whether the built-in fake answers, and not Plivo.

    Raises: UsageError for options that exclude each other, ClickException for credentials that are missing.
    """
    if options.fake and options.try_fake:
        raise click.UsageError("--fake and --try exclude each other")
    if options.base_url is not None and (options.fake or options.try_fake):
        raise click.UsageError("--base-url says whom to ask: --fake and --try do not go with it")
    # A variable that is set but empty is what a secret missing in CI looks like.
    missing = [name for name in _VARIABLES if not environ.get(name)]
    if options.fake or (options.try_fake and len(missing) == len(_VARIABLES)):
        return True
    if missing:
        raise click.ClickException(
            f"no credentials: set {' and '.join(missing)} in the environment, "
            "or add --fake to ask the built-in fake Plivo"
        )
    return False


class CliClientOptions(TypedDict, total=False):
    """What a command may set of its client besides."""

    rate_limit: RateLimiter | None
    max_connections: int


@contextmanager
def open_client(
    options: ConnectionOptions, **more: Unpack[CliClientOptions]
) -> Generator[CliClient, None, None]:
    """The session that the options and the environment ask for; a fake lives as long as it does.

    Raises: ClickException, ConfigurationError.
    """
    with logging_to_stderr(options.verbose):
        if asks_fake(options, os.environ):
            with _fake_client(options, more) as session:
                yield session
            return
        base_url = options.base_url or DEFAULT_BASE_URL
        client = AsyncClient(base_url=base_url, proxy=options.proxy, **options.request_options(), **more)
        if options.try_fake:
            report(f"credentials found in {' and '.join(_VARIABLES)}: asking {base_url}")
        yield CliClient(client)


@contextmanager
def _fake_client(options: ConnectionOptions, more: CliClientOptions) -> Generator[CliClient, None, None]:
    # Here, because it is of no use to those who ask Plivo.
    from plivo_async.testing import FakePlivo

    fake = FakePlivo()
    with fake.serve() as url:
        reason = "" if options.fake else "no credentials set: "
        report(f"{reason}asking the built-in fake Plivo on {url}")
        client = AsyncClient(
            fake.auth_id,
            fake.auth_token,
            base_url=url,
            trust_env=False,
            **options.request_options(),
            **more,
        )
        yield CliClient(client, sample_ids=tuple(fake.call_uuids[:1]))
