"""Callbacks with the signatures of Plivo, for the tests of a service that receives them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, cast, final
from urllib.parse import urlencode

from attrs import field, frozen

from plivo_async.credentials import find_credentials
from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.record.model import CallDetailRecord, FrozenMapping
from plivo_async.secret import Secret
from plivo_async.testing.documented import DOCUMENTED_AUTH_ID
from plivo_async.testing.store import as_mapping
from plivo_async.text import short_repr
from plivo_async.webhooks.pairs import decode_pairs
from plivo_async.webhooks.signature import VERSIONS, signature_of, signed_messages
from plivo_async.webhooks.urls import split_url

_NAMES = {
    "call_uuid": "CallUUID",
    "parent_call_uuid": "ParentCallUUID",
    "call_direction": "Direction",
    "from_number": "From",
    "to_number": "To",
    "call_duration": "Duration",
    "billed_duration": "BillDuration",
    "total_rate": "BillRate",
    "total_amount": "TotalCost",
    "hangup_cause_code": "HangupCauseCode",
    "hangup_cause_name": "HangupCauseName",
    "hangup_source": "HangupSource",
    "stir_verification": "STIRVerification",
    "Stir_attestation": "STIRAttestation",
}
_TIMES = {"initiation_time": "StartTime", "answer_time": "AnswerTime", "end_time": "EndTime"}


@exported
@final
@frozen(kw_only=True)
class SignedCallback:
    """A request as Plivo sends it. Send it with the client of your tests.

    For example::

        await browser.request(
            callback.method, callback.url, headers=callback.headers, content=callback.body
        )

    Attributes:
        method: `POST` or `GET`.
        url: The URL without its fragment, in which Plivo reads options. With GET its query has the form.
        headers: The content type, and the signatures of versions 3 and 2.
        body: The form in bytes; empty with GET.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(converter=FrozenMapping, hash=False)
    body: bytes = b""


@exported
def signed_hangup(
    call: CallDetailRecord | Mapping[str, Any],
    url: str,
    *,
    auth_token: str,
    main_auth_token: str | None = None,
    method: Literal["POST", "GET"] = "POST",
) -> SignedCallback:
    """Return the callback that Plivo would send after a call, with its signatures.

    Args:
        call: The record of the call, or a mapping in its JSON form. Or the form itself: a mapping with the
            key `CallUUID`, of texts or lists of texts.
        url: The URL of your service.
        auth_token: The auth token of the account of the call.
        main_auth_token: The auth token of its main account; None if it is the main account.
        method: The `hangup_method` of the call, POST or GET.

    Returns:
        The request. Nothing is sent.

    Raises:
        ConfigurationError: `call` is neither a record nor a mapping, `url` is not a URL, or a token or the
            method cannot be used.
        ValueError: A time in the record cannot be read.
    """
    tokens = Secret({"": auth_token, "-Ma": auth_token if main_auth_token is None else main_auth_token})
    # A traceback can show the locals of this frame.
    del auth_token, main_auth_token
    for name, token in tokens.value.items():
        tokens.value[name] = Secret(token)
        del token
        find_credentials(DOCUMENTED_AUTH_ID, tokens.value[name])
    if method not in ("POST", "GET"):
        raise ConfigurationError(f"method must be 'POST' or 'GET', not {short_repr(method)}")
    is_form = isinstance(call, Mapping) and "CallUUID" in call
    fields = cast("Mapping[str, Any]", call) if is_form else hangup_fields(as_mapping(call))
    form = urlencode(fields, doseq=True)
    split_url("url", url)
    url = url.partition("#")[0]
    if method == "GET":
        url, form = f"{url}{'&' if '?' in url else '?'}{form}", ""
    nonce = str(secrets.randbelow(10**20)).zfill(20)
    headers = _signatures(url, form.encode(), nonce, tokens)
    if form:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return SignedCallback(method=method, url=url, headers=headers, body=form.encode())


def hangup_fields(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the form of the callback for a record in its JSON form, in the order of its keys."""
    fields = {"Event": "Hangup", "AnswerTime": ""}
    for key, name in _NAMES.items():
        if record.get(key) is not None:
            fields[name] = str(record[key])
    for key, name in _TIMES.items():
        if record.get(key) is not None:
            time = datetime.fromisoformat(record[key])
            fields[name] = time.replace(tzinfo=None).isoformat(" ", "seconds")
            if name == "StartTime":
                began = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
                fields["SessionStart"] = began.replace(tzinfo=None).isoformat(" ", "microseconds")
    if fields.get("Direction") == "outbound":
        fields["RequestUUID"] = fields["CallUUID"]
    account = str(record.get("resource_uri")).split("/")[3:4]
    fields.update(zip(["ParentAuthID"], account, strict=False))
    is_answered = bool(fields["AnswerTime"])
    fields["CallStatus"] = "completed" if is_answered else "no-answer"
    fields["HangupCause"] = "NORMAL_CLEARING" if is_answered else "NO_ANSWER"
    return dict(sorted(fields.items()))


def _signatures(url: str, form: bytes, nonce: str, tokens: Secret) -> dict[str, str]:
    parts, pairs = split_url("url", url), decode_pairs(form)
    headers: dict[str, str] = {}
    for version in VERSIONS:
        message = signed_messages(parts, pairs, nonce.encode(), version)[0]
        for name, token in tokens.value.items():
            signature = signature_of(message, token.value.encode())
            headers[f"X-Plivo-Signature{name}-{version.upper()}"] = signature.decode()
        headers[f"X-Plivo-Signature-{version.upper()}-Nonce"] = nonce
    return headers
