"""The faults of a fake Plivo: values for scripts and random faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import Attribute, field, frozen

from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.record.strict_json import write_json
from plivo_async.text import short_repr
from plivo_async.validation import finite_number, whole_number


def _bytes(body: bytes | str | Mapping[str, Any] | None) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else write_json(body)).encode("utf-8")


def _check_seconds(_: object, attribute: Attribute[float], value: float) -> None:
    finite_number(attribute.name, value, least=0.0)


def _check_status(_: object, attribute: Attribute[int], value: int) -> None:
    if whole_number(attribute.name, value, least=200) > 999:
        raise ConfigurationError(f"{attribute.name} must be from 200 to 999, not {value!r}")


def _check_after(_: object, attribute: Attribute[int | None], value: int | None) -> None:
    if value is not None:
        whole_number(attribute.name, value, least=0)


def _check_rate(_: object, attribute: Attribute[float], value: float) -> None:
    if finite_number(attribute.name, value, least=0.0) > 1.0:
        raise ConfigurationError(f"{attribute.name} must be from 0 to 1, not {value!r}")


@exported
@frozen
class StubResponse:
    """A response instead of the usual one.

    Args:
        status: The status, 200 to 999.
        body: Bytes are sent unchanged, text as UTF-8, a mapping as JSON. None means an error in Plivo's
            wording, or with status 200 the usual body.
        headers: Headers to add or replace, such as `{"Retry-After": "2"}`.
        delay: Seconds before the response, 0 or more.

    Raises:
        ConfigurationError: The status or the delay is out of range.
    """

    status: int = field(validator=_check_status)
    body: bytes | None = field(default=None, converter=_bytes, repr=short_repr)
    headers: Mapping[str, str] = field(factory=dict[str, str], kw_only=True, hash=False)
    delay: float = field(default=0.0, kw_only=True, validator=_check_seconds)


@exported
@frozen
class Drop:
    """A connection that is lost during the response.

    `FakePlivo.serve()` closes the connection. In process there is no connection: the app raises
    `httpx.ReadError`, and no part of the response arrives. Another ASGI server gets this exception after the
    head and `after` bytes of the body. It cannot close the connection before the head, because ASGI has no
    message for that.

    Args:
        after: Bytes of the body that are sent first, 0 or more; None for no response at all.
        delay: Seconds before the response, 0 or more.

    Raises:
        ConfigurationError: `after` or `delay` is negative.
    """

    after: int | None = field(default=None, validator=_check_after)
    delay: float = field(default=0.0, kw_only=True, validator=_check_seconds)


# A status alone means a StubResponse with that status.
Fault: TypeAlias = int | StubResponse | Drop


def as_fault(fault: Fault) -> StubResponse | Drop:
    """Return the fault; a status becomes a StubResponse.

    Raises:
        ConfigurationError: The fault is none of the three, or its status is out of range.
    """
    if isinstance(fault, StubResponse | Drop):
        return fault
    return StubResponse(fault)


def _as_faults(faults: Iterable[Fault]) -> tuple[StubResponse | Drop, ...]:
    return tuple(map(as_fault, faults))


@exported
@frozen(kw_only=True)
class RandomFaults:
    """Faults in a share of the responses, the same ones for the same seed and order of requests.

    Args:
        rate: The share of requests that fail, 0 to 1.
        seed: The seed of the random choice.
        faults: The faults to choose from, at least one.

    Raises:
        ConfigurationError: The rate is out of range, or there are no faults.
    """

    rate: float = field(validator=_check_rate)
    seed: int = 0
    faults: Sequence[StubResponse | Drop] = field(default=_as_faults((500, 503, 429)), converter=_as_faults)

    def __attrs_post_init__(self) -> None:
        if not self.faults:
            raise ConfigurationError("faults must have at least one")
