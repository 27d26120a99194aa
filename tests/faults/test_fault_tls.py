"""TLS: trusted certificates, failed handshakes and broken connections."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from plivo_async import (
    ConfigurationError,
    DecodeError,
    NetworkError,
    PlivoError,
    RequestTimeoutError,
    RetryPolicy,
    TLSError,
)
from tests.faults.certificates import BAD_CERTIFICATES, Authority
from tests.faults.fault_server import Clock, FaultServer, Step, Wire
from tests.faults.leaks import leaks_of
from tests.faults.responses_on_the_wire import CALL_UUID, RECORD, good, head, reply, sends
from tests.faults.serving import client_of, serving

SOON = RetryPolicy(backoff_base=0.001)
bad_certificates = pytest.mark.parametrize("fault", BAD_CERTIFICATES)


@pytest.fixture(scope="session")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server()


async def test_a_ca_file_is_trusted(clock: Clock, tls: ssl.SSLContext, authority: Authority) -> None:
    async with serving(clock, good, tls=tls, verify=authority.file) as (_, client):
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID


async def test_a_ca_file_may_be_a_str(clock: Clock, tls: ssl.SSLContext, authority: Authority) -> None:
    async with serving(clock, good, tls=tls, verify=str(authority.file)) as (_, client):
        await client.calls.get(CALL_UUID)


async def test_an_ssl_context_is_used(clock: Clock, tls: ssl.SSLContext, authority: Authority) -> None:
    async with serving(clock, good, tls=tls, verify=authority.client()) as (_, client):
        await client.calls.get(CALL_UUID)


async def test_ssl_cert_file_is_trusted_by_default(
    clock: Clock, tls: ssl.SSLContext, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with serving(clock, good, tls=tls) as (_, client):
        await client.calls.get(CALL_UUID)


@bad_certificates
async def test_any_certificate_is_accepted_without_verification(
    fault: str, clock: Clock, authority: Authority
) -> None:
    async with serving(clock, good, tls=authority.bad_server(fault), verify=False) as (_, client):
        await client.calls.get(CALL_UUID)


async def test_a_tls_connection_is_reused(clock: Clock, tls: ssl.SSLContext, authority: Authority) -> None:
    async with serving(clock, good, tls=tls, verify=authority.file) as (server, client):
        for _ in range(3):
            await client.calls.get(CALL_UUID)
        assert server.connections == 1


@bad_certificates
async def test_a_bad_certificate_costs_one_handshake(fault: str, clock: Clock, authority: Authority) -> None:
    async with serving(clock, good, tls=authority.bad_server(fault), verify=authority.file, retry=SOON) as (
        server,
        client,
    ):
        with pytest.raises(TLSError, match="certificate") as caught:
            await client.calls.get(CALL_UUID)
        error = caught.value
        assert (error.attempts, error.retryable, error.status) == (1, False, None)
        assert isinstance(error.__cause__, ssl.SSLCertVerificationError)
        assert (server.connections, server.requests) == (1, [])
    assert leaks_of(error) == []


async def test_the_default_does_not_trust_a_test_ca(clock: Clock, tls: ssl.SSLContext) -> None:
    async with serving(clock, good, tls=tls, retry=SOON) as (server, client):
        with pytest.raises(TLSError):
            await client.calls.get(CALL_UUID)
        assert server.connections == 1


async def test_a_missing_ca_file_is_reported_before_any_traffic(clock: Clock, authority: Authority) -> None:
    missing = authority.file.with_name("missing.pem")
    async with serving(clock, good, tls=authority.server(), verify=missing) as (server, client):
        with pytest.raises(ConfigurationError, match=r"missing\.pem"):
            await client.calls.get(CALL_UUID)
        assert server.connections == 0


async def stall_at_once(wire: Wire) -> None:
    await wire.unread()
    await wire.stall()


async def fin_at_once(wire: Wire) -> None:
    await wire.unread()
    await wire.fin()


async def reset_at_once(wire: Wire) -> None:
    await wire.unread()
    await wire.reset()


async def speak_plainly(wire: Wire) -> None:
    await wire.unread()
    await wire.send(reply(b"<h1>The plain HTTP request was sent to HTTPS port</h1>", status=b"400 Bad"))
    await wire.fin()


HANDSHAKE_FAULTS: dict[str, tuple[Step, type[PlivoError]]] = {
    "a stall": (stall_at_once, RequestTimeoutError),
    "fin": (fin_at_once, NetworkError),
    "reset": (reset_at_once, NetworkError),
    "plain text": (speak_plainly, NetworkError),
}
handshake_faults = pytest.mark.parametrize("name", HANDSHAKE_FAULTS)


@handshake_faults
async def test_a_failed_handshake_is_retried(name: str, clock: Clock, authority: Authority) -> None:
    act, error = HANDSHAKE_FAULTS[name]
    async with FaultServer(clock, act) as server:
        client = client_of(
            server, base_url=f"https://127.0.0.1:{server.port}", verify=authority.file, retry=SOON
        )
        async with client:
            with pytest.raises(PlivoError) as caught:
                await client.calls.get(CALL_UUID)
        await server.idle()
        assert type(caught.value) is error
        assert (caught.value.attempts, server.connections) == (3, 3)
    assert leaks_of(caught.value) == []


@handshake_faults
async def test_a_handshake_may_be_cancelled(name: str, clock: Clock, authority: Authority) -> None:
    clock.step = 0.0
    act, _ = HANDSHAKE_FAULTS[name]
    async with FaultServer(clock, act) as server:
        client = client_of(server, base_url=f"https://127.0.0.1:{server.port}", verify=authority.file)
        async with client:
            call = asyncio.create_task(client.calls.get(CALL_UUID))
            await server.asked.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        await server.idle()
        assert server.connections == 1


async def test_a_stalled_handshake_ends_at_the_connect_timeout(clock: Clock, authority: Authority) -> None:
    async with FaultServer(clock, stall_at_once) as server:
        client = client_of(
            server, base_url=f"https://127.0.0.1:{server.port}", verify=authority.file, retry=None
        )
        async with client:
            started = clock()
            with pytest.raises(RequestTimeoutError, match="connect timeout"):
                await client.calls.get(CALL_UUID)
            # The connect timeout is 5 s, the read timeout 10 s.
            assert 5.0 <= clock() - started < 10.0


async def cut(wire: Wire) -> None:
    """End the connection without the close_notify of TLS, as an attacker would."""
    await asyncio.sleep(0)
    wire.socket.write_eof()
    await wire.stall()


async def test_a_truncated_body_with_length_is_a_failed_attempt(
    clock: Clock, tls: ssl.SSLContext, authority: Authority
) -> None:
    data = head(b"Content-Length: %d" % len(RECORD)) + RECORD[:200]
    async with serving(clock, sends(data, cut), tls=tls, verify=authority.file, retry=SOON) as (
        server,
        client,
    ):
        with pytest.raises(NetworkError) as caught:
            await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, server.connections) == (3, 3)


async def test_a_truncated_body_without_length_is_no_record(
    clock: Clock, tls: ssl.SSLContext, authority: Authority
) -> None:
    async with serving(clock, sends(head() + RECORD[:200], cut), tls=tls, verify=authority.file) as (
        _,
        client,
    ):
        with pytest.raises((NetworkError, DecodeError)):
            await client.calls.get(CALL_UUID)


@pytest.mark.parametrize("end", [Wire.fin, Wire.reset, cut])
async def test_a_tls_connection_closed_on_reuse_costs_no_attempt(
    end: Step, clock: Clock, tls: ssl.SSLContext, authority: Authority
) -> None:
    async with serving(clock, good, sends(b"", end), good, tls=tls, verify=authority.file, retry=None) as (
        server,
        client,
    ):
        await client.calls.get(CALL_UUID)
        record = await client.calls.get(CALL_UUID)
        assert record.call_uuid == CALL_UUID
        assert (len(server.requests), server.connections) == (3, 2)


async def test_a_required_client_certificate_is_a_network_error(clock: Clock, authority: Authority) -> None:
    strict = authority.server()
    strict.verify_mode = ssl.CERT_REQUIRED
    strict.load_verify_locations(authority.file)
    async with serving(clock, good, tls=strict, verify=authority.file, retry=SOON) as (server, client):
        with pytest.raises(NetworkError) as caught:
            await client.calls.get(CALL_UUID)
        assert (caught.value.attempts, server.requests) == (3, [])
