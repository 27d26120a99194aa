"""CAs of companies: of a proxy that inspects TLS, of the system, and those that Python 3.13 refuses."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

import pytest
import truststore
import uvloop

from plivo_async import AsyncClient, TLSError
from tests.faults.certificates import Authority, CompanyAuthority
from tests.faults.fault_server import Clock
from tests.faults.responses_on_the_wire import CALL_UUID, good
from tests.faults.serving import AUTH_ID, TOKEN, serving
from tests.faults.threaded_server import serving_in_threads

LACKING = ["key usage", "subject key identifier", "critical constraints", "authority key identifier"]
lacking = pytest.mark.parametrize("lacks", LACKING)


def strict(file: Path) -> ssl.SSLContext:
    """What `ssl.create_default_context` returns since Python 3.13."""
    context = ssl.create_default_context(cafile=file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.mark.parametrize("fault", ["of an unknown CA", "self-signed"])
async def test_the_error_for_an_unknown_ca_has_each_way_to_name_it(
    fault: str, clock: Clock, authority: Authority
) -> None:
    async with serving(clock, good, tls=authority.bad_server(fault), verify=authority.file) as (_, client):
        with pytest.raises(TLSError, match=r"SSL_CERT_FILE, in verify= of the client, or with --ca-file"):
            await client.calls.get(CALL_UUID)


@pytest.mark.parametrize("fault", ["expired", "for another host"])
async def test_the_error_for_another_fault_names_no_file(
    fault: str, clock: Clock, authority: Authority
) -> None:
    async with serving(clock, good, tls=authority.bad_server(fault), verify=authority.file) as (_, client):
        with pytest.raises(TLSError) as caught:
            await client.calls.get(CALL_UUID)
    assert "SSL_CERT_FILE" not in str(caught.value)


@lacking
async def test_a_ca_that_breaks_a_rule_is_refused_by_a_strict_context(
    lacks: str, clock: Clock, tmp_path: Path
) -> None:
    company = CompanyAuthority(tmp_path, lacks)
    async with serving(clock, good, tls=company.server(), verify=strict(company.file)) as (_, client):
        with pytest.raises(
            TLSError, match=r"Python 3\.13 insists.*without ssl\.VERIFY_X509_STRICT.*--ca-file"
        ):
            await client.calls.get(CALL_UUID)


@lacking
async def test_a_ca_that_breaks_a_rule_is_trusted_by_a_context_without_the_flag(
    lacks: str, clock: Clock, tmp_path: Path
) -> None:
    company = CompanyAuthority(tmp_path, lacks)
    context = strict(company.file)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    async with serving(clock, good, tls=company.server(), verify=context) as (_, client):
        await client.calls.get(CALL_UUID)


@pytest.mark.parametrize("by", ["verify", "SSL_CERT_FILE"])
async def test_python_decides_whether_a_file_is_checked_strictly(
    by: str, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = CompanyAuthority(tmp_path, "key usage")
    if by == "SSL_CERT_FILE":
        monkeypatch.setenv("SSL_CERT_FILE", str(company.file))
    verify = company.file if by == "verify" else True
    async with serving(clock, good, tls=company.server(), verify=verify) as (_, client):
        if sys.version_info >= (3, 13):
            with pytest.raises(TLSError, match="VERIFY_X509_STRICT"):
                await client.calls.get(CALL_UUID)
        else:
            await client.calls.get(CALL_UUID)


class TestTheTrustStoreOfTheSystem:
    @lacking
    async def test_is_used_through_truststore(
        self, lacks: str, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        company = CompanyAuthority(tmp_path, lacks)
        # The variable stands in for the folder of the system.
        monkeypatch.setenv("SSL_CERT_FILE", str(company.file))
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with serving(clock, good, tls=company.server(), verify=context) as (_, client):
            await client.calls.get(CALL_UUID)

    async def test_does_not_trust_others(self, clock: Clock, tmp_path: Path) -> None:
        company = CompanyAuthority(tmp_path, "key usage")
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with serving(clock, good, tls=company.server(), verify=context) as (_, client):
            with pytest.raises(TLSError, match="SSL_CERT_FILE"):
                await client.calls.get(CALL_UUID)

    def test_is_used_on_uvloop_too(self, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

        async def call() -> str:
            async with AsyncClient(AUTH_ID, TOKEN, base_url=server.url, verify=context) as client:
                return (await client.calls.get(CALL_UUID)).call_uuid

        with serving_in_threads(authority.server()) as server:
            assert uvloop.run(call()) == CALL_UUID
