"""A test CA, and server contexts with good and bad certificates."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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


class CompanyAuthority:
    """A CA as companies have them: without something that RFC 5280 demands, and Python 3.13 with it.

    Args:
        folder: For its files.
        lacks: "key usage", "subject key identifier", "critical constraints" or "authority key identifier".
    """

    def __init__(self, folder: Path, lacks: str) -> None:
        self._folder = folder
        self.file = folder / "company.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A Company")])
        builder = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=lacks != "critical constraints"
        )
        if lacks != "key usage":
            signs = dict.fromkeys(("key_cert_sign", "crl_sign", "digital_signature"), True)
            others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
            neither = dict.fromkeys((*others, "encipher_only", "decipher_only"), False)
            builder = builder.add_extension(x509.KeyUsage(**signs, **neither), critical=True)
        if lacks != "subject key identifier":
            identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
            builder = builder.add_extension(identifier, critical=False)
        self._names_issuer = lacks != "authority key identifier"
        certificate = builder.sign(self._key, hashes.SHA256())
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            self._name, subject, key.public_key(), x509.random_serial_number(), _NOW - _DAY, _NOW + _DAY
        )

    def server(self, address: str = "127.0.0.1") -> ssl.SSLContext:
        """A server with a certificate of this CA."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A Server")])
        builder = self._builder(subject, key).add_extension(names, critical=False)
        if self._names_issuer:
            issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
            builder = builder.add_extension(issuer, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        chain = self._folder / "server.pem"
        chain.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context
