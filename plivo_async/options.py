"""The options of a client and of one call, checked before anything is sent."""

from __future__ import annotations

import os
import re
from typing import Any, TypedDict

import httpx
from attrs import evolve, field, frozen

from plivo_async.checks import (
    brief,
    can_be_reached,
    instance_of,
    is_loopback,
    parse_url,
    positive_number,
    whole_number,
)
from plivo_async.errors import ConfigurationError
from plivo_async.middleware.retry_policy import NO_RETRY, RetryPolicy

DEFAULT_BASE_URL = "https://api.plivo.com"
DEFAULT_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
DEFAULT_DEADLINE = 60.0
DEFAULT_MAX_BODY = 4 * 1024 * 1024

_AUTH_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_AUTH_TOKEN = re.compile(r"[!-~]{1,256}")
_BASE_URL = re.compile(r"[!-~]{1,2048}")


class RequestOptions(TypedDict, total=False):
    """Options that a client sets for all calls, and a call for itself.

    timeout: seconds for each of connect, read and write of one attempt, or an `httpx.Timeout`.
    deadline: seconds for the whole call, waits and retries and body included; None for no deadline.
    retry: a RetryPolicy; None for one attempt only.
    max_body: bytes that an answer may have, after decompression.
    """

    timeout: float | httpx.Timeout
    deadline: float | None
    retry: RetryPolicy | None
    max_body: int


def _timeout(value: float | httpx.Timeout) -> httpx.Timeout:
    if not isinstance(value, httpx.Timeout):
        return httpx.Timeout(positive_number("timeout", value))
    for name, seconds in value.as_dict().items():
        if seconds is not None:
            positive_number(f"timeout.{name}", seconds)
    return value


def _deadline(value: float | None) -> float | None:
    return None if value is None else positive_number("deadline", value)


def _retry(value: RetryPolicy | None) -> RetryPolicy:
    return NO_RETRY if value is None else instance_of("retry", value, RetryPolicy)


def _max_body(value: int) -> int:
    return whole_number("max_body", value, least=1)


# Without a repr: a traceback that shows locals asks for it in the midst of a failed construction too.
@frozen(kw_only=True, repr=False)
class Options:
    """RequestOptions, all of them set and checked.

    Raises: ConfigurationError.
    """

    timeout: httpx.Timeout = field(default=DEFAULT_TIMEOUT, converter=_timeout)
    deadline: float | None = field(default=DEFAULT_DEADLINE, converter=_deadline)
    retry: RetryPolicy = field(factory=RetryPolicy, converter=_retry)
    max_body: int = field(default=DEFAULT_MAX_BODY, converter=_max_body)

    def changed(self, changes: RequestOptions) -> Options:
        """These options with some of them replaced."""
        if not changes:
            return self
        unknown = changes.keys() - RequestOptions.__annotations__.keys()
        if unknown:
            known = ", ".join(RequestOptions.__annotations__)
            raise TypeError(f"no such option of a call: {', '.join(sorted(unknown))}; there are {known}")
        return evolve(self, **changes)

    def attempt_timeouts(self) -> dict[str, float | None]:
        """What httpx calls the timeout extension; the deadline alone bounds a wait for a connection."""
        return {**self.timeout.as_dict(), "pool": None}


class Secret:
    """A value that no repr shows: frames hold one in place of the token, because tracebacks show frames."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Secret(...)"


@frozen
class Credentials:
    """An account or subaccount and its token; the token is not shown."""

    auth_id: str
    auth_token: str = field(repr=False)


def find_credentials(auth_id: str | None, auth_token: Secret) -> Credentials:
    """The credentials given, else those in PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN.

    Raises: ConfigurationError for what is missing, or has characters that credentials cannot have (RFC 7617).
    """
    found = Credentials(_found(auth_id, "PLIVO_AUTH_ID"), _found(auth_token.value, "PLIVO_AUTH_TOKEN"))
    problem = _problem("auth_id", found.auth_id, _AUTH_ID, "1 to 128 characters of A-Z a-z 0-9 _ -") or (
        _problem("auth_token", found.auth_token, _AUTH_TOKEN, "1 to 256 printable ASCII characters, no space")
    )
    # Raised here, where no local holds the token.
    if problem is not None:
        raise ConfigurationError(problem)
    # What was checked, whatever a subclass of str makes of itself in a URL.
    return Credentials(str.__str__(found.auth_id), str.__str__(found.auth_token))


def _found(value: Any, variable: str) -> Any:
    return os.environ.get(variable) if value is None else value


def _problem(name: str, value: Any, characters: re.Pattern[str], rule: str) -> str | None:
    if value is None:
        return f"no {name}: pass it, or set PLIVO_{name.upper()}"
    if not isinstance(value, str):
        return f"{name} must be a str, not {type(value).__name__}"
    return None if characters.fullmatch(value) else f"{name} must be {rule}"


def check_base_url(value: object) -> httpx.URL:
    """The host root that every path is appended to: https, or http on loopback.

    Raises: ConfigurationError for another scheme, or userinfo, query, fragment, white space.
    """
    rule = "base_url must be an https:// URL (http:// on loopback only)"
    if not isinstance(value, str) or not _BASE_URL.fullmatch(value):
        raise ConfigurationError(f"{rule}, printable ASCII")
    # Before anything of it is repeated in a message: a password may be in it.
    if any(mark in value for mark in "@?#"):
        raise ConfigurationError(f"{rule}, without user name, query or fragment")
    url, problem = parse_url(value)
    if url is None:
        raise ConfigurationError(f"{rule}: {brief(problem)}")
    if not can_be_reached(url) or not (url.scheme == "https" or (url.scheme == "http" and is_loopback(url))):
        raise ConfigurationError(f"{rule}, not {brief(value)}")
    if any(segment in (".", "..") for segment in url.path.split("/")):
        raise ConfigurationError(f"{rule}, with a path free of '.' and '..'")
    if url.path.rstrip("/").endswith("/v1"):
        raise ConfigurationError(f"{rule}, without the version: leave out /v1")
    return url
