"""Calls in progress and queued calls: their lists, and what a single one is fetched with."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Literal, cast

from plivo_async.errors import DecodeError
from plivo_async.options import Options
from plivo_async.record.converter import decode_json
from plivo_async.record.live_call import LiveCall
from plivo_async.reply import Reply
from plivo_async.requester import Requester
from plivo_async.resources.single_record import RecordSpec
from plivo_async.server_message import server_message

LIVE_CALL = RecordSpec(
    path="Call/{}/",
    kind=LiveCall,
    noun="live call",
    params={"status": "live"},
    operation="calls.get_live",
    not_found="the call is not in progress: it has ended, is queued, or never was",
)
QUEUED_CALL = RecordSpec(
    path="Call/{}/",
    kind=LiveCall,
    noun="live call",
    params={"status": "queued"},
    operation="calls.get_queued",
    not_found="the call is not queued: it is in progress, has ended, or never was",
)


def fetch_call_uuids(
    requester: Requester, status: Literal["live", "queued"], options: Options, lane: object
) -> Awaitable[tuple[str, ...]]:
    """Return the fetch of the call UUIDs of the calls with a status, to be awaited.

    Raises:
        PlivoError: Of the type that fits.
    """
    return requester.request(
        *("GET", "Call/", options),
        lane=lane,
        params={"status": status},
        decode=decode_json,
        operation=f"calls.{status}",
        read=_call_uuids,
    )


def _call_uuids(reply: Reply) -> tuple[str, ...] | DecodeError:
    value = reply.value(decode_json)
    if reply.response.status_code != 200 or not isinstance(value, dict):
        return _no_list(reply)
    calls: Any = cast("dict[str, Any]", value).get("calls")
    if not isinstance(calls, list):
        return _no_list(reply)
    names = cast("list[object]", calls)
    texts = tuple(name for name in names if isinstance(name, str) and name)
    return texts if len(texts) == len(names) else _no_list(reply)


def _no_list(reply: Reply) -> DecodeError:
    body = reply.redactor.body(reply.response.content)
    text, api_id = server_message(body)
    return DecodeError(
        f"the body is not a list of call UUIDs: '{text or ''}'",
        status=reply.response.status_code,
        api_id=api_id,
        attempts=reply.attempts,
        body=body,
    )
