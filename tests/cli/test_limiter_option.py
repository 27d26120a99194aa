"""`--limiter`: a rate limit that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import fakeredis
import pytest
from redis.asyncio import Redis

from plivo_async.cli.app import run
from plivo_async.cli.export.kept_options import options_path, read_options
from plivo_async.cli.export.reruns import without_passwords
from plivo_async.cli.limiter_option import has_password
from plivo_async.testing import FakePlivo, StubResponse

URL = "redis://127.0.0.1:6379/0"
SECRET_URL = "redis://:s3cr3t@127.0.0.1:6379/0"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> fakeredis.FakeServer:
    """A Redis server that every URL leads to."""
    server = fakeredis.FakeServer()
    from_url: Any = lambda url, **options: fakeredis.FakeAsyncRedis(server=server)  # noqa: E731
    monkeypatch.setattr(Redis, "from_url", from_url)
    return server


def keys(server: fakeredis.FakeServer) -> set[str]:
    found = fakeredis.FakeRedis(server=server).keys("*")
    return {str(key, "ascii") for key in found if isinstance(key, bytes)}


def test_export_list_and_sync_share_the_limit_of_the_account(
    served: FakePlivo, folder: Path, server: fakeredis.FakeServer
) -> None:
    [call_uuid, *_] = served.call_uuids
    assert run(["export", "-q", "--limiter", URL, "-o", "calls.ndjson", call_uuid]) == 0
    assert keys(server) == {f"plivo_async:{{{served.auth_id}}}:{name}" for name in ("permits", "state")}
    assert run(["list", "--limiter", URL, "--limiter-account", "MAIN", "--limit", "1", "-o", "json"]) == 0
    assert "plivo_async:{MAIN}:permits" in keys(server)
    assert run(["sync", "-q", "--limiter", URL, "--limiter-account", "OTHER", "calls.db"]) == 0
    assert "plivo_async:{OTHER}:permits" in keys(server)


def test_the_built_in_fake_has_an_account_of_its_own(server: fakeredis.FakeServer) -> None:
    assert run(["list", "--fake", "--limiter", URL, "--limit", "1", "-o", "json"]) == 0
    assert "plivo_async:{fake}:permits" in keys(server)


@pytest.mark.parametrize(
    ("auth_id", "arguments", "message"),
    [
        ("MAXXX", ["--rate", "none", "--limiter", URL], "--limiter needs a limit"),
        ("SAXXX", ["--limiter", URL], "name the main account with --limiter-account"),
        ("MAXXX", ["--limiter", "http://:s3cr3t@h"], "must be a URL: redis://, rediss:// or unix://"),
    ],
)
def test_options_that_cannot_be_used_together_are_refused(
    auth_id: str,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PLIVO_AUTH_ID", auth_id)
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "x")
    assert run(["export", *arguments, "x"]) == 1
    error = " ".join(capsys.readouterr().err.split())
    assert message in error
    assert "s3cr3t" not in error


def test_without_redis_py_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "plivo_async.redis", None)
    assert run(["export", "--fake", "--limiter", URL]) == 1
    assert 'pip install "plivo-async[redis]"' in capsys.readouterr().err


def test_a_redis_server_that_is_gone_ends_the_command_after_its_patience(
    served: FakePlivo, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The port is reserved, and nobody listens there.
    gone = "redis://127.0.0.1:1/0"
    assert run(["export", "-q", "--max-wait", "1", "--limiter", gone, "-o", "calls.ndjson", "x"]) == 3
    assert "the rate limiter's Redis cannot be used: ConnectionError" in capsys.readouterr().err
    assert served.requests == ()


def test_retry_shares_it_too_but_its_password_is_not_kept(
    served: FakePlivo,
    folder: Path,
    server: fakeredis.FakeServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = options_path(folder / "calls.ndjson.failed")
    account = ["--limiter-account", "MAIN"]
    for url in (URL, SECRET_URL):
        assert (
            run(["export", "-q", "--overwrite", "-o", "calls.ndjson", "--limiter", url, *account, "a/b"]) == 6
        )
        kept = read_options(options)
        assert kept is not None
        assert kept.arguments()[-4 if url == URL else -2 :] == [*["--limiter", URL] * (url == URL), *account]
    assert "s3cr3t" not in options.read_text()

    assert run(["retry", "-q", "--all", "calls.ndjson"]) == 1
    assert "a limiter with a password, which is not kept: name it with --limiter" in capsys.readouterr().err
    monkeypatch.setenv("PLIVO_ASYNC_LIMITER", SECRET_URL)
    assert run(["retry", "-q", "--all", "calls.ndjson"]) == 6


def test_the_command_that_continues_has_no_password(
    served: FakePlivo, folder: Path, server: fakeredis.FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    served.script([StubResponse(status=401)])
    proxy = "http://me:s3cr3t@127.0.0.1:9"
    call_uuids = served.call_uuids[:2]
    arguments = ["-q", "-o", "calls.ndjson", "--limiter", SECRET_URL, *call_uuids]
    assert run(["export", *arguments]) == 2
    error = capsys.readouterr().err
    assert "s3cr3t" not in error
    [line] = [line for line in error.splitlines() if "to continue:" in line]
    assert line.endswith(f"-o calls.ndjson {' '.join(call_uuids)}, with the same --limiter")
    assert without_passwords(["export", f"--proxy={proxy}", "--limiter", URL, "x=y"]) == (
        ["export", "--limiter", URL, "x=y"],
        ["--proxy"],
    )


def test_a_password_in_any_part_of_a_url_is_found() -> None:
    assert has_password("redis://h?password=x")
    assert has_password("redis://[")
    assert not has_password("redis://h/0?protocol=3")
