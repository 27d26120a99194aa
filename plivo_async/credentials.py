"""The account and its token, from arguments or the environment, checked."""

from __future__ import annotations

import os
import re
from typing import Any

from attrs import field, frozen

from plivo_async.errors import ConfigurationError
from plivo_async.secret import Secret

_AUTH_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_AUTH_TOKEN = re.compile(r"[!-~]{1,256}")


@frozen
class Credentials:
    """An account or subaccount and its token, which the repr leaves out."""

    auth_id: str
    auth_token: str = field(repr=False)


def find_credentials(auth_id: str | None, auth_token: Secret) -> Credentials:
    """Return the given credentials, else those in PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN.

    Raises:
        ConfigurationError: One is missing, or has characters that credentials cannot have (RFC 7617).
    """
    found = Credentials(_found(auth_id, "PLIVO_AUTH_ID"), _found(auth_token.value, "PLIVO_AUTH_TOKEN"))
    problem = _problem("auth_id", found.auth_id, _AUTH_ID, "1 to 128 characters of A-Z a-z 0-9 _ -") or (
        _problem("auth_token", found.auth_token, _AUTH_TOKEN, "1 to 256 printable ASCII characters, no space")
    )
    # Raised here, where no local holds the token.
    if problem is not None:
        raise ConfigurationError(problem)
    # The checked text: a subclass of str may become another in a URL.
    return Credentials(str.__str__(found.auth_id), str.__str__(found.auth_token))


def _found(value: Any, variable: str) -> Any:
    return os.environ.get(variable) if value is None else value


def _problem(name: str, value: Any, characters: re.Pattern[str], rule: str) -> str | None:
    if value is None:
        return f"no {name}: pass it, or set PLIVO_{name.upper()}"
    if not isinstance(value, str):
        return f"{name} must be a str, not {type(value).__name__}"
    return None if characters.fullmatch(value) else f"{name} must be {rule}"
