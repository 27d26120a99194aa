from __future__ import annotations

import click
import pytest

from plivo_async.cli.client import ConnectionOptions, uses_fake

_BOTH = {"PLIVO_AUTH_ID": "MA1", "PLIVO_AUTH_TOKEN": "t"}
_INCOMPLETE = [{"PLIVO_AUTH_ID": "MA1"}, {"PLIVO_AUTH_TOKEN": "t"}, {**_BOTH, "PLIVO_AUTH_TOKEN": ""}]


def test_credentials_in_the_environment_select_plivo() -> None:
    assert not uses_fake(ConnectionOptions(), _BOTH)


@pytest.mark.parametrize("environ", [{}, _BOTH])
def test_fake_selects_the_fake_in_any_environment(environ: dict[str, str]) -> None:
    assert uses_fake(ConnectionOptions(fake=True), environ)


def test_try_selects_plivo_with_credentials() -> None:
    assert not uses_fake(ConnectionOptions(try_fake=True), _BOTH)


@pytest.mark.parametrize("environ", [{}, {"PLIVO_AUTH_ID": "", "PLIVO_AUTH_TOKEN": ""}])
def test_try_selects_the_fake_without_credentials(environ: dict[str, str]) -> None:
    assert uses_fake(ConnectionOptions(try_fake=True), environ)


@pytest.mark.parametrize("environ", _INCOMPLETE)
@pytest.mark.parametrize("try_fake", [False, True])
def test_a_missing_half_of_the_credentials_is_an_error_even_with_try(
    environ: dict[str, str], try_fake: bool
) -> None:
    with pytest.raises(click.ClickException) as caught:
        uses_fake(ConnectionOptions(try_fake=try_fake), environ)

    missing = "PLIVO_AUTH_TOKEN" if environ.get("PLIVO_AUTH_ID") else "PLIVO_AUTH_ID"
    assert caught.value.message.startswith(f"no credentials: set {missing} in")


def test_without_credentials_the_message_names_the_variables_and_the_fake() -> None:
    with pytest.raises(click.ClickException, match="set PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN .* --fake"):
        uses_fake(ConnectionOptions(), {})


@pytest.mark.parametrize(
    "options",
    [
        ConnectionOptions(fake=True, try_fake=True),
        ConnectionOptions(fake=True, base_url="https://plivo.example"),
        ConnectionOptions(try_fake=True, base_url="https://plivo.example"),
    ],
)
def test_contradictory_options_are_a_usage_error(options: ConnectionOptions) -> None:
    with pytest.raises(click.UsageError):
        uses_fake(options, _BOTH)


def test_only_given_options_reach_the_client() -> None:
    assert ConnectionOptions(deadline=2.0).request_options() == {"deadline": 2.0}
    assert ConnectionOptions(timeout=1.0).request_options() == {"timeout": 1.0}
