"""The services of the pages: each can be tested twice in a row, and fails clearly without its lifespan."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from plivo_async.testing import FakePlivo
from tests.docs.doc_examples import PythonExample, pages, python_examples

SERVICES = [
    example
    for page in pages()
    for example in python_examples(page)
    if "FastAPI(lifespan=" in example.block.text and "@app.get(" in example.block.text
]


@pytest.fixture
def app_of(
    tmp_path: Path, fake_plivo: FakePlivo, fake_plivo_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[PythonExample], Any]:
    monkeypatch.setenv("PLIVO_AUTH_ID", fake_plivo.auth_id)
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", fake_plivo.auth_token)
    monkeypatch.setenv("PLIVO_ASYNC_BASE_URL", fake_plivo_url)
    monkeypatch.syspath_prepend(tmp_path)

    def saved(example: PythonExample) -> Any:
        name = example.save(tmp_path).stem
        monkeypatch.delitem(sys.modules, name, raising=False)
        module = importlib.import_module(name)
        monkeypatch.delitem(sys.modules, name)
        return module

    return lambda example: saved(example).app


def path_of(app: Any, call_uuid: str) -> str:
    [path] = [path for path, methods in app.openapi()["paths"].items() if "get" in methods]
    return str(path.format(call_uuid=call_uuid))


@pytest.mark.parametrize("example", SERVICES, ids=lambda example: example.block.where)
def test_a_service_serves_two_test_clients_in_a_row(
    example: PythonExample, app_of: Callable[[PythonExample], Any], fake_plivo: FakePlivo
) -> None:
    app = app_of(example)
    for _ in range(2):
        with TestClient(app) as browser:
            assert browser.get(path_of(app, fake_plivo.call_uuids[0])).status_code == 200


@pytest.mark.parametrize("example", SERVICES, ids=lambda example: example.block.where)
def test_a_service_without_its_lifespan_names_what_it_lacks(
    example: PythonExample, app_of: Callable[[PythonExample], Any]
) -> None:
    app = app_of(example)
    for _ in range(2):
        with pytest.raises(AttributeError, match="no attribute 'plivo'"):
            TestClient(app).get(path_of(app, "c1"))


def test_every_page_on_services_has_one() -> None:
    assert {example.block.page.stem for example in SERVICES} >= {"web-api", "web-service", "testing-services"}
