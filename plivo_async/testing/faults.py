"""What a fake Plivo can be told to answer instead of the record: values for scripts and random faults."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import Attribute, field, frozen

from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.record.strict_json import write_json
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
    """This status and body, `delay` seconds late.

    status: 200 to 999.
    body: bytes as they are, text as UTF-8, a mapping as JSON; None for an error as Plivo words it, and with
    200 for whatever would be served.
    headers: more headers, or others, such as `{"Retry-After": "2"}`.

    Raises: ConfigurationError.
    """

    status: int = field(validator=_check_status)
    body: bytes | None = field(default=None, converter=_bytes, repr=reprlib.repr)
    headers: Mapping[str, str] = field(factory=dict[str, str], kw_only=True, hash=False)
    delay: float = field(default=0.0, kw_only=True, validator=_check_seconds)


@exported
@frozen
class Drop:
    """The connection is lost after so many bytes of the body; None: before any byte of an answer.

    On a socket of `FakePlivo.serve()` the connection is closed there. In process there is none to close:
    the app raises `httpx.ReadError`, and nothing of the answer arrives. Another ASGI server meets that
    exception after the head and `after` bytes (None: 0), where uvicorn closes the connection; before the
    head it cannot be made to, for ASGI has no message that says so.

    Raises: ConfigurationError.
    """

    after: int | None = field(default=None, validator=_check_after)
    delay: float = field(default=0.0, kw_only=True, validator=_check_seconds)


# A status alone stands for a StubResponse with it.
Fault: TypeAlias = int | StubResponse | Drop


def as_fault(fault: Fault) -> StubResponse | Drop:
    """The fault, a StubResponse where only its status is given.

    Raises: ConfigurationError.
    """
    if isinstance(fault, StubResponse | Drop):
        return fault
    return StubResponse(fault)


def _as_faults(faults: Iterable[Fault]) -> tuple[StubResponse | Drop, ...]:
    return tuple(map(as_fault, faults))


@exported
@frozen(kw_only=True)
class RandomFaults:
    """A fault instead of the record now and then: the same ones for the same seed and order of requests.

    rate: the share of requests that fail, 0 to 1.
    faults: of which one is drawn each time.

    Raises: ConfigurationError.
    """

    rate: float = field(validator=_check_rate)
    seed: int = 0
    faults: Sequence[StubResponse | Drop] = field(default=_as_faults((500, 503, 429)), converter=_as_faults)

    def __attrs_post_init__(self) -> None:
        if not self.faults:
            raise ConfigurationError("faults must hold at least one")
