"""The signatures of Plivo's callbacks, versions 3 and 2. Pure."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterable
from typing import Literal, TypeAlias

from plivo_async.errors import ConfigurationError, SignatureError
from plivo_async.exported import exported
from plivo_async.secret import Secret
from plivo_async.text import short_repr
from plivo_async.webhooks.pairs import (
    Form,
    Headers,
    NotTextError,
    Pairs,
    as_bytes,
    decode_pairs,
    form_pairs,
    given_items,
    header_pairs,
    header_value,
)
from plivo_async.webhooks.urls import URLParts, split_url

Version: TypeAlias = Literal["v3", "v2"]
VERSIONS: tuple[Version, ...] = ("v3", "v2")
_HEADER = "X-Plivo-Signature"


@exported
def verify(
    method: str,
    url: str,
    headers: Headers,
    body: Form = b"",
    *,
    auth_token: str | Iterable[str],
    version: Version = "v3",
) -> None:
    """Check that Plivo sent a request to this URL, and that nobody changed its query or its form.

    It raises, and returns nothing, because a boolean can be forgotten. Answer a `SignatureError` with 403.

    For example::

        verify("POST", url, request.headers, await request.body(), auth_token=token)

    A request has signatures for the account (`X-Plivo-Signature-V3`) and for its main account
    (`X-Plivo-Signature-Ma-V3`). Each of them is compared with each token, in constant time. So the token of
    the main account fits the callbacks of its subaccounts too. The owner of a token can sign callbacks: pass
    only tokens whose owners may sign for this URL.

    The signature has no time, so somebody who saw a request can send it again: be idempotent. The scheme
    joins the keys and values of a form without separators, so it does not fix where a value ends. Read what
    a call cost from its record.

    Args:
        method: The method, such as `POST`. A WebSocket upgrade is a GET.
        url: The whole URL that Plivo called, with its query. Behind a proxy this is the public URL, from
            `public_url`. Pass case, port and escapes unchanged. `ws://` counts as `http://`. A fragment and a
            user are ignored, and a path of `/` is the same as none.
        headers: The headers: a mapping or pairs, of text or bytes. The headers of every common framework fit
            unchanged, and so does a WSGI environment. Names may have any letter case.
        body: The body of a POST: its bytes or text as received. A parsed form fits too, with one or several
            values for a key, if blank values were kept and all escapes were UTF-8. Bound its size yourself:
            the time is proportional to it. A GET has no body; its form is in the query.
        auth_token: The token of the account. Or several, while the token is changed or for subaccounts.
        version: The version of the scheme. "v2" signs neither query nor form, so it only proves that Plivo
            called this URL.

    Raises:
        SignatureError: The request is not from Plivo, or not to this URL; `reason` has the case.
        ConfigurationError: An argument cannot be used: no whole URL, an empty token, an unknown version.
    """
    tokens = Secret(auth_token)
    # A traceback can show the locals of this frame.
    del auth_token
    _check_settings(tokens, method, version)
    parts = split_url("url", url)
    signatures, nonce = _signatures(header_pairs(headers), version)
    if method.upper() == "GET" and not _is_empty(body):
        raise SignatureError("the request is a GET with a body, which is not signed", reason="unsigned_body")
    form = [] if version == "v2" else _signed_form(body)
    messages = signed_messages(parts, form or [], nonce, version)
    if not _fits(tokens, messages, signatures) or form is None:
        raise SignatureError(
            f"no signature fits {short_repr(str(parts), 200)}: Plivo signs the URL that it calls, with the "
            "token of the account of the call",
            reason="no_match",
        )


def signed_messages(parts: URLParts, form: Pairs, nonce: bytes, version: Version) -> list[bytes]:
    """Return what Plivo may have signed, the URL as it is first.

    The user in a URL, and a path of `/`, may have been left out.
    """
    tail = nonce if version == "v2" else _tail(_as_sent(parts.query), form) + b"." + nonce
    authorities = dict.fromkeys((parts.authority, parts.authority.rpartition("@")[2]))
    paths = [parts.path]
    if parts.path in ("", "/"):
        paths.append("/" if not parts.path else "")
    return [
        _as_sent(f"{parts.scheme}://{authority}{path}") + tail for authority in authorities for path in paths
    ]


def signature_of(message: bytes, key: bytes) -> bytes:
    """Return the signature of a message in base64: HMAC-SHA256 (RFC 2104)."""
    return b64encode(hmac.digest(key, message, "sha256"))


def _tail(query: bytes, form: Pairs) -> bytes:
    in_query = sorted(decode_pairs(query))
    # UTF-8 sorts as the code points do.
    query_text = b"&".join(key + b"=" + value for key, value in in_query)
    form_text = b"".join(key + value for key, value in sorted(form))
    mark = b"?" if in_query or form else b""
    return mark + query_text + (b"." if in_query and form else b"") + form_text


def _fits(tokens: Secret, messages: list[bytes], signatures: list[bytes]) -> bool:
    is_match = False
    for key in tokens.value:
        for message in messages:
            expected = signature_of(message, key)
            for signature in signatures:
                # Without a short cut: the time must not depend on which of them fits.
                is_match |= hmac.compare_digest(expected, signature)
    return is_match


def _check_settings(tokens: Secret, method: object, version: object) -> None:
    problem = _keys(tokens)
    if problem is not None:
        raise ConfigurationError(problem)
    if version not in VERSIONS:
        raise ConfigurationError(f"version must be 'v3' or 'v2', not {short_repr(version)}")
    if not isinstance(method, str):
        raise ConfigurationError(f"method must be a str, not {short_repr(method)}")


def _keys(tokens: Secret) -> str | None:
    """Replace the tokens by their bytes; return the problem, if there is one."""
    try:
        tokens.value = [tokens.value] if isinstance(tokens.value, str) else [*tokens.value]
    except TypeError:
        return f"auth_token must be a str or several, not {type(tokens.value).__name__}"
    if not tokens.value:
        return "auth_token must be a token or several, not none"
    for index, token in enumerate(tokens.value):
        # With an empty key anybody could sign.
        if not isinstance(token, str) or not token or not all("!" <= one <= "~" for one in token):
            return "auth_token must be printable ASCII characters, at least one, no space"
        tokens.value[index] = token.encode("ascii")
    return None


def _signatures(headers: Pairs, version: Version) -> tuple[list[bytes], bytes]:
    name = f"{_HEADER}-{version.upper()}"
    both = header_value(headers, name), header_value(headers, f"{_HEADER}-Ma-{version.upper()}")
    signatures = [one for one in map(bytes.strip, b",".join(both).split(b",")) if one]
    if not signatures:
        raise SignatureError(f"the request has no signature: no header {name}", reason="no_signature")
    nonce = header_value(headers, f"{name}-Nonce").strip()
    if not nonce:
        raise SignatureError(f"the request has no header {name}-Nonce", reason="no_nonce")
    return signatures, nonce


def _signed_form(body: Form) -> Pairs | None:
    """Return the pairs of the form; None if Plivo cannot have sent it."""
    # Plivo writes each `=`. A key without one has the signature of another form: `a&b` that of `a=b`.
    if any(item and b"=" not in item for item in (as_bytes(body) or b"").split(b"&")):
        return None
    try:
        return form_pairs(body)
    except NotTextError:
        return None


def _is_empty(body: Form) -> bool:
    text = as_bytes(body)
    return not (given_items("the form", body) if text is None else text)


def _as_sent(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
