"""A test CA, and server contexts with good and bad certificates."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

_NOW = datetime.now(UTC)
_DAY = timedelta(days=1)


class Authority:
    """A CA and the file that its certificate is in."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def server(
        self,
        name: str = "127.0.0.1",
        *,
        starts: datetime = _NOW - _DAY,
        ends: datetime = _NOW + _DAY,
    ) -> ssl.SSLContext:
        """A server with a certificate of this CA."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(name, not_before=starts, not_after=ends).configure_cert(context)
        return context

    def client(self) -> ssl.SSLContext:
        """A client that trusts this CA."""
        return ssl.create_default_context(cafile=self.file)

    def bad_server(self, fault: str) -> ssl.SSLContext:
        if fault == "expired":
            return self.server(starts=_NOW - 2 * _DAY, ends=_NOW - _DAY)
        if fault == "not yet valid":
            return self.server(starts=_NOW + _DAY, ends=_NOW + 2 * _DAY)
        if fault == "for another host":
            return self.server("elsewhere.example")
        if fault == "of an unknown CA":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
            return context
        assert fault == "self-signed"
        key_file = self._folder / "self-signed.pem"
        lone = trustme.CA()
        key_file.write_bytes(lone.private_key_pem.bytes() + lone.cert_pem.bytes())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(key_file)
        return context


BAD_CERTIFICATES = ["expired", "not yet valid", "for another host", "of an unknown CA", "self-signed"]
