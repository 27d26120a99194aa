"""The containers of the page on the fake: what their files say is what the command and the client accept."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import yaml

from plivo_async import AsyncClient
from plivo_async.cli.fake import fake
from plivo_async.testing import FakePlivo
from tests.docs.doc_examples import ROOT

PAGE = (ROOT / "docs/how-to/fake-in-containers.md").read_text()
COMPOSE, WORKFLOW = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
[DOCKERFILE] = re.findall(r"```dockerfile\n(.*?)```", PAGE, re.DOTALL)


def settings_of(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        assert isinstance(value, str), f"{name} is no text in YAML"
        monkeypatch.setenv(name, value)


def options_of(words: list[str]) -> dict[str, Any]:
    with fake.make_context("fake", words[words.index("fake") + 1 :]) as context:
        return context.params


def test_the_app_of_the_compose_file_reaches_the_fake_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    services = COMPOSE["services"]
    [command] = re.findall(r"exec (plivo-async fake .*)$", shlex.split(services["fake-plivo"]["command"])[2])
    options = options_of(command.split())

    settings_of(services["app"]["environment"], monkeypatch)
    client = AsyncClient()

    assert repr(client).startswith(f"<AsyncClient http://fake-plivo:{options['port']}/")
    assert options["host"] == "0.0.0.0"
    assert str(options["port"]) in services["fake-plivo"]["healthcheck"]["test"]
    assert services["app"]["depends_on"].keys() <= services.keys()


def test_the_workflow_reaches_the_port_of_the_image_without_an_opt_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = WORKFLOW["jobs"]["test"]
    [command] = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    options = options_of(yaml.safe_load(command))
    monkeypatch.delenv("PLIVO_ASYNC_ALLOW_HTTP", raising=False)

    settings_of(job["env"], monkeypatch)
    client = AsyncClient()

    assert job["services"]["fake-plivo"]["ports"] == [f"{options['port']}:{options['port']}"]
    assert repr(client).startswith(f"<AsyncClient http://127.0.0.1:{options['port']}/")


def test_the_credentials_are_those_of_the_fake() -> None:
    fake_plivo = FakePlivo()
    for environment in (COMPOSE["services"]["app"]["environment"], WORKFLOW["jobs"]["test"]["env"]):
        assert environment["PLIVO_AUTH_ID"] == fake_plivo.auth_id
        assert environment["PLIVO_AUTH_TOKEN"] == fake_plivo.auth_token
