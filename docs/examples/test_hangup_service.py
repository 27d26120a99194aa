# test_hangup_service.py
"""Tests of the hang-up service, without Plivo: pytest test_hangup_service.py."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import attrs
import pytest
from fastapi.testclient import TestClient
from hangup_service import app

from plivo_async.testing import FakePlivo, SignedCallback

URL = "https://app.example.com/plivo/hangup"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "calls.db"


@pytest.fixture
def browser(
    fake_plivo: FakePlivo, fake_plivo_url: str, database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    monkeypatch.setenv("PLIVO_AUTH_ID", fake_plivo.auth_id)
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", fake_plivo.auth_token)
    monkeypatch.setenv("PLIVO_ASYNC_BASE_URL", fake_plivo_url)
    monkeypatch.setenv("PUBLIC_URL", "https://app.example.com")
    monkeypatch.setenv("DATABASE", str(database))
    with TestClient(app) as browser:
        yield browser


@pytest.fixture
def callback(fake_plivo: FakePlivo) -> SignedCallback:
    return fake_plivo.signed_hangup(fake_plivo.call_uuids[0], URL)


def status_of(browser: TestClient, callback: SignedCallback) -> int:
    response = browser.post("/plivo/hangup", headers=callback.headers, content=callback.body)
    return response.status_code


def saved(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [call_uuid for (call_uuid,) in connection.execute("SELECT call_uuid FROM calls")]


def test_a_call_is_saved_once_before_the_response(
    browser: TestClient, callback: SignedCallback, database: Path, fake_plivo: FakePlivo
) -> None:
    assert [status_of(browser, callback), status_of(browser, callback)] == [204, 204]
    assert saved(database) == fake_plivo.call_uuids


def test_a_forged_callback_is_refused(browser: TestClient, callback: SignedCallback, database: Path) -> None:
    forged = attrs.evolve(callback, body=callback.body.replace(b"TotalCost=0", b"TotalCost=9"))
    assert status_of(browser, forged) == 403
    assert saved(database) == []
