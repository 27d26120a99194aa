from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from plivo_async.errors import ConfigurationError
from plivo_async.transport.tls import check_verify, ssl_context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


def trusted(context: ssl.SSLContext) -> list[bytes]:
    return context.get_ca_certs(binary_form=True)


def der(authority: trustme.CA) -> bytes:
    return ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())


def negotiated(client: ssl.SSLContext, server: ssl.SSLContext) -> str | None:
    """The protocol that a server selects from those that a client offers (ALPN)."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (ours, theirs):
        # The server selects one on the first message of the client.
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return theirs.selected_alpn_protocol()


class TestCheck:
    @pytest.mark.parametrize("verify", [True, False, "ca.pem", Path("ca.pem"), ssl.create_default_context()])
    def test_accepts_a_bool_a_path_or_a_context_and_reads_no_file(self, verify: Any) -> None:
        assert check_verify(verify) is verify

    @pytest.mark.parametrize("verify", [None, "", 1, 0, b"ca.pem", [], object(), ssl.SSLContext])
    def test_refuses_anything_else(self, verify: Any) -> None:
        with pytest.raises(ConfigurationError, match="verify must be a bool, the path of a CA file, or "):
            check_verify(verify)


class TestContext:
    def test_true_checks_certificate_and_host_name(self) -> None:
        context = ssl_context(True)
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert len(trusted(context)) > 50

    def test_false_checks_nothing(self) -> None:
        context = ssl_context(False)
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)

    def test_one_context_is_shared(self) -> None:
        assert ssl_context(True) is ssl_context(True)
        assert ssl_context(False) is not ssl_context(True)

    def test_a_context_is_used_unchanged(self) -> None:
        context = ssl.create_default_context()
        assert ssl_context(context) is context

    @pytest.mark.parametrize("verify", [True, False, "a CA file"])
    def test_only_http11_is_offered(self, verify: Any, ca_file: Path, authority: trustme.CA) -> None:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(server)
        server.set_alpn_protocols(["h2", "http/1.1"])
        context = ssl_context(ca_file if verify == "a CA file" else verify)

        assert negotiated(context, server) == "http/1.1"

    @pytest.mark.parametrize("kind", [str, Path])
    def test_the_cas_in_a_file_are_trusted(self, kind: type, ca_file: Path, authority: trustme.CA) -> None:
        context = ssl_context(kind(ca_file))
        assert trusted(context) == [der(authority)]
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)

    def test_ssl_cert_file_is_trusted(
        self, ca_file: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        before = ssl_context(True)
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
        assert trusted(ssl_context(True)) == [der(authority)]
        monkeypatch.delenv("SSL_CERT_FILE")
        assert ssl_context(True) is before

    def test_the_error_names_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"verify: the CA file '.*/nothing\.pem' cannot be read"):
            ssl_context(tmp_path / "nothing.pem")

    def test_the_error_names_a_file_without_certificate(self, tmp_path: Path) -> None:
        file = tmp_path / "empty.pem"
        file.write_text("no certificate")
        with pytest.raises(ConfigurationError, match=r"empty\.pem' cannot be read"):
            ssl_context(file)

    @pytest.mark.parametrize("path", [".", "a\0b"])
    def test_the_error_names_a_path_that_is_no_file(self, path: str) -> None:
        with pytest.raises(ConfigurationError, match="cannot be read"):
            ssl_context(path)

    def test_the_error_names_the_variable_of_an_unreadable_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "empty.pem"
        file.write_text("no certificate")
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE or SSL_CERT_DIR cannot be used"):
            ssl_context(True)
