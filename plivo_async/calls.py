"""CallsResource: the call detail records (CDRs) of an account's calls."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Unpack

from plivo_async.answers import status_error
from plivo_async.checks import brief
from plivo_async.context import RequestContext
from plivo_async.converter import decode_record
from plivo_async.errors import InvalidCallUUIDError, RecordMismatchError
from plivo_async.models import CallDetailRecord
from plivo_async.options import RequestOptions

if TYPE_CHECKING:
    from plivo_async.client import AsyncClient

_CALL_UUID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class CallsResource:
    """`client.calls`."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def get(self, call_uuid: str | uuid.UUID, **options: Unpack[RequestOptions]) -> CallDetailRecord:
        """The record of one call that has ended.

        https://www.plivo.com/docs/voice/api/call#retrieve-a-call-detail-record

        Raises: InvalidCallUUIDError before any traffic; NotFoundError while no record exists; DecodeError or
        RecordMismatchError for an answer that is not this call's record; any other PlivoError.
        """
        asked = check_call_uuid(call_uuid)
        response = await self._client.request("GET", f"Call/{asked}/", **options)
        attempts = RequestContext.of(response.request).attempts
        if response.status_code != 200:
            raise status_error(response, attempts)
        record = decode_record(response.content, self._client.converter, status=200, attempts=attempts)
        if record.call_uuid.lower() != asked.lower():
            raise RecordMismatchError(
                f"asked for call {asked}, answered with the record of call {record.call_uuid[:128]!r}",
                status=response.status_code,
                api_id=record.api_id,
                attempts=attempts,
                body=response.content,
            )
        return record

    def __repr__(self) -> str:
        return f"{self._client!r}.calls"


def check_call_uuid(value: object) -> str:
    """The call UUID as text, fit to be a path segment.

    Raises: InvalidCallUUIDError.
    """
    text = str(value) if isinstance(value, uuid.UUID) else value
    if isinstance(text, str) and _CALL_UUID.fullmatch(text):
        return text
    raise InvalidCallUUIDError(
        f"call_uuid must be a uuid.UUID or 1 to 128 characters of A-Z a-z 0-9 _ -, not {brief(text)}"
    )
