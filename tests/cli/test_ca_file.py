"""The option --ca-file, with TLS servers on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from plivo_async.cli.app import commands, run
from plivo_async.cli.export.kept_options import read_options
from tests.faults.certificates import Authority, CompanyAuthority
from tests.faults.responses_on_the_wire import CALL_UUID
from tests.faults.serving import AUTH_ID, TOKEN
from tests.faults.threaded_server import serving_in_threads


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIVO_AUTH_ID", AUTH_ID)
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_without_it_the_error_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving_in_threads(Authority(tmp_path).server()) as server:
        assert run(["get", "--base-url", server.url, CALL_UUID]) == 3
    error = capsys.readouterr().err
    assert "TLSError" in error
    assert "with --ca-file of the command" in error
    assert error.count("\n") == 1


def test_its_cas_are_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    authority = Authority(tmp_path)
    with serving_in_threads(authority.server()) as server:
        assert run(["get", "--base-url", server.url, "--ca-file", str(authority.file), CALL_UUID]) == 0
    assert CALL_UUID in capsys.readouterr().out


def test_a_ca_that_python_313_refuses_is_trusted(tmp_path: Path) -> None:
    company = CompanyAuthority(tmp_path, "key usage")
    with serving_in_threads(company.server()) as server:
        assert run(["get", "--base-url", server.url, "--ca-file", str(company.file), CALL_UUID]) == 0


def test_a_retry_uses_it_again_in_any_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(folder)
    with serving_in_threads(authority.server()) as server:
        connection = ["--base-url", server.url, "--ca-file", authority.file.name]
        # An id that is no call UUID fails without a request, and so does the id of another call.
        assert run(["export", "-q", *connection, "-o", "calls.ndjson", CALL_UUID, "other-call"]) == 6
        kept = read_options(Path("calls.ndjson.failed.options"))
        assert kept is not None
        assert kept.values["--ca-file"] == str(authority.file)

        monkeypatch.chdir("/")
        asked = server.accepted
        assert run(["retry", "-q", "--all", str(folder / "calls.ndjson")]) == 6
        assert server.accepted > asked


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read company.pem: No such file or directory"),
        (b"", "company.pem has no certificate in PEM form"),
        (b"0\x82\x01\x0a\x02\x82\x01\x01", "company.pem has no certificate in PEM form"),
    ],
)
def test_a_file_without_a_ca_is_refused_before_anything_is_done(
    content: bytes | None, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        Path("company.pem").write_bytes(content)
    assert run(["export", "--ca-file", "company.pem", "-o", "calls.ndjson", CALL_UUID]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not Path("calls.ndjson").exists()


def test_an_empty_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Such as that of an unset variable in a shell: Python would trust its own CAs."""
    assert run(["get", "--ca-file", "", CALL_UUID]) == 1
    assert "--ca-file': the name of the file is empty" in capsys.readouterr().err


def test_every_command_that_asks_the_api_has_it() -> None:
    having = {
        name
        for name, command in commands.commands.items()
        for option in command.params
        if "--base-url" in option.opts
    }
    assert having == {
        name
        for name, command in commands.commands.items()
        for option in command.params
        if "--ca-file" in option.opts
    }
    assert {"get", "list", "export", "retry", "sync"} <= having
