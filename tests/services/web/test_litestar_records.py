"""Records in the responses of Litestar, as docs/how-to/litestar.md describes it."""

from __future__ import annotations

import json
from typing import Any

from litestar import get
from litestar.testing import create_test_client
from pydantic import BaseModel

from plivo_async import CallDetailRecord

TEXT = '{"call_uuid":"c1","total_amount":"0.01200","hangup_source":"Robot","share":0.1000000000000000000001}'
RECORD = CallDetailRecord.from_json(TEXT)


class Bill(BaseModel):
    call: CallDetailRecord


@get("/dict")
async def as_dict() -> dict[str, Any]:
    return RECORD.to_dict()


@get("/model")
async def in_model() -> Bill:
    return Bill(call=RECORD)


@get("/record")
async def as_record() -> CallDetailRecord:
    return RECORD


def test_to_dict_and_a_model_of_pydantic_have_every_digit_and_key() -> None:
    exact = json.loads(TEXT) | {"share": "0.1000000000000000000001"}
    with create_test_client([as_dict, in_model]) as browser:
        assert browser.get("/dict").json() == exact
        assert browser.get("/model").json() == {"call": exact}


def test_litestar_cannot_write_a_record_by_itself_even_with_an_encoder() -> None:
    encoders: dict[Any, Any] = {CallDetailRecord: CallDetailRecord.to_dict}
    with create_test_client([as_record], type_encoders=encoders) as browser:
        assert browser.get("/record").status_code == 500
