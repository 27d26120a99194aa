from __future__ import annotations

import click
import pytest

from plivo_async.cli.client import ConnectionOptions, uses_fake

_BOTH = {"PLIVO_AUTH_ID": "MA1", "PLIVO_AUTH_TOKEN": "t"}
_INCOMPLETE = [{"PLIVO_AUTH_ID": "MA1"}, {"PLIVO_AUTH_TOKEN": "t"}, {**_BOTH, "PLIVO_AUTH_TOKEN": ""}]


def test_credentials_in_the_environment_ask_plivo() -> None:
    assert not uses_fake(ConnectionOptions(), _BOTH)


@pytest.mark.parametrize("environ", [{}, _BOTH])
def test_fake_asks_the_fake_whatever_the_environment_says(environ: dict[str, str]) -> None:
    assert uses_fake(ConnectionOptions(fake=True), environ)


def test_try_asks_plivo_where_credentials_are_set() -> None:
    assert not uses_fake(ConnectionOptions(try_fake=True), _BOTH)


@pytest.mark.parametrize("environ", [{}, {"PLIVO_AUTH_ID": "", "PLIVO_AUTH_TOKEN": ""}])
def test_try_asks_the_fake_where_no_credentials_are_set(environ: dict[str, str]) -> None:
    assert uses_fake(ConnectionOptions(try_fake=True), environ)


@pytest.mark.parametrize("environ", _INCOMPLETE)
@pytest.mark.parametrize("try_fake", [False, True])
def test_half_of_the_credentials_is_a_mistake_that_even_try_reports(
    environ: dict[str, str], try_fake: bool
) -> None:
    with pytest.raises(click.ClickException) as caught:
        uses_fake(ConnectionOptions(try_fake=try_fake), environ)

    missing = "PLIVO_AUTH_TOKEN" if environ.get("PLIVO_AUTH_ID") else "PLIVO_AUTH_ID"
    assert caught.value.message.startswith(f"no credentials: set {missing} in")


def test_without_credentials_the_message_says_what_to_set_and_offers_the_fake() -> None:
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
def test_options_that_contradict_each_other_are_a_usage_error(options: ConnectionOptions) -> None:
    with pytest.raises(click.UsageError):
        uses_fake(options, _BOTH)


def test_only_options_that_were_given_reach_the_client() -> None:
    assert ConnectionOptions(deadline=2.0).request_options() == {"deadline": 2.0}
    assert ConnectionOptions(timeout=1.0).request_options() == {"timeout": 1.0}
