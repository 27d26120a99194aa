"""Records in pydantic and FastAPI: their schema, and the JSON that goes out."""

from __future__ import annotations

import inspect
import json
import sys
from decimal import Decimal
from typing import Annotated, Any
from unittest.mock import create_autospec

import pytest
from fastapi import Body, FastAPI
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from pydantic import BaseModel, TypeAdapter, ValidationError

from plivo_async import CallDetailRecord, LiveCall, Recording, TrunkCallDetailRecord, TrunkCallInsights
from plivo_async.record.record_form import FORMS
from plivo_async.testing.documented import DOCUMENTED_CALL
from tests.record.samples import INSIGHTS, TRUNK_CALL

DOCUMENTED_STIR = {"stir_verification": "Verified", "attestation_indicator": None}
MEASURES = ("rtt", "jitter", "packet_loss", "post_dial_delay", "plivo_quality_score")
ODD: dict[str, Any] = {
    **DOCUMENTED_CALL,
    "hangup_source": "Somebody",
    "hangup_cause_code": 4711,
    "source_ip": ["192.0.2.1"],
    "new": {"share": 0.25, "rows": [1, None, "x"]},
}
RECORDS = [
    CallDetailRecord.from_json(json.dumps({**DOCUMENTED_CALL})),
    CallDetailRecord.from_json(json.dumps(ODD)),
    TrunkCallDetailRecord.from_json(json.dumps(TRUNK_CALL | DOCUMENTED_STIR)),
    TrunkCallInsights.from_json(json.dumps(INSIGHTS | dict.fromkeys(MEASURES, "1.50"))),
    LiveCall.from_json('{"call_uuid": "c1", "from": "+12025550100", "session_start": "2026-11-27 16:27:40"}'),
    Recording.from_json('{"recording_id": "r1", "recording_start_ms": "1416335914183.12340"}'),
]


def service(record: Any) -> TestClient:
    app = FastAPI()
    kind: Any = type(record)

    @app.get("/one", response_model=kind)
    # FastAPI writes this one by another path.
    @app.get("/by-hand", response_model=kind, response_class=JSONResponse)
    async def one() -> Any:
        return record

    @app.get("/many", response_model=list[kind])
    async def many() -> Any:
        return [record]

    return TestClient(app)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_fastapi_returns_the_json_of_to_json(record: Any) -> None:
    with service(record) as browser:
        assert browser.get("/one").json() == json.loads(record.to_json())
        assert browser.get("/by-hand").json() == json.loads(record.to_json())
        assert browser.get("/many").json() == [json.loads(record.to_json())]


@pytest.mark.parametrize("kind", FORMS, ids=lambda kind: kind.__name__)
def test_the_schema_has_a_described_property_for_each_documented_key(kind: Any) -> None:
    schema = TypeAdapter(kind).json_schema()

    assert schema["properties"].keys() == FORMS[kind].fields.keys()
    assert schema["title"] == kind.__name__
    assert all(value["description"] for value in schema["properties"].values())
    assert "None" not in json.dumps(schema["properties"])
    # Unknown keys are kept.
    assert schema["additionalProperties"] is True


def test_a_record_is_a_component_of_the_openapi_document() -> None:
    with service(RECORDS[0]) as browser:
        document = browser.get("/openapi.json").json()

    reference = {"$ref": "#/components/schemas/CallDetailRecord"}
    response = document["paths"]["/one"]["get"]["responses"]["200"]
    assert response["content"]["application/json"]["schema"] == reference
    schema = document["components"]["schemas"]["CallDetailRecord"]
    assert schema["required"] == ["call_uuid"]
    assert schema["description"] == "One call that has ended."


def test_the_schema_has_amounts_as_text_times_with_an_offset_and_open_enumerations() -> None:
    properties = TypeAdapter(CallDetailRecord).json_schema(mode="serialization")["properties"]
    of = {name: value.get("anyOf", [value]) for name, value in properties.items()}

    null = {"type": "null"}
    assert of["call_uuid"] == [properties["call_uuid"]]
    assert of["total_amount"] == [{"type": "string", "format": "decimal", "examples": ["0.01667"]}, null]
    assert of["end_time"] == [{"type": "string", "examples": ["2022-10-12 21:57:47+05:30"]}, null]
    assert of["billed_duration"] == [{"type": "integer"}, null]
    assert of["call_direction"] == [{"type": "string", "examples": ["inbound", "outbound"]}, null]
    assert of["hangup_cause_code"][0]["type"] == "integer"
    assert 4000 in of["hangup_cause_code"][0]["examples"]
    assert of["cnam_lookup"] == [{"type": "string"}, {"type": "boolean"}, null]


def test_the_times_of_a_trunk_call_have_no_offset_in_the_schema() -> None:
    properties = TypeAdapter(TrunkCallDetailRecord).json_schema()["properties"]

    assert properties["end_time"]["anyOf"][0] == {"type": "string", "examples": ["2022-10-12 21:57:47"]}


def test_the_schema_of_insights_contains_that_of_the_parties() -> None:
    caller = TypeAdapter(TrunkCallInsights).json_schema()["properties"]["from"]["anyOf"][0]

    assert caller == TypeAdapter(TrunkCallInsights).json_schema()["properties"]["to"]["anyOf"][0]
    assert caller["properties"].keys() == {"number", "carrier", "region"}
    assert "required" not in caller


class Invoice(BaseModel):
    call: CallDetailRecord


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_where_any_value_may_be_goes_out_too(record: Any) -> None:
    anything: TypeAdapter[Any] = TypeAdapter(dict[str, Any])

    assert anything.dump_python({"calls": [record]})["calls"][0] is record
    assert json.loads(anything.dump_json({"calls": [record]})) == {"calls": [json.loads(record.to_json())]}


def test_without_pydantic_each_attribute_of_a_record_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `inspect.getmembers` and `unittest.mock.create_autospec` do."""
    monkeypatch.delitem(sys.modules, "plivo_async.record.pydantic_schema")
    monkeypatch.setitem(sys.modules, "pydantic_core", None)

    create_autospec(CallDetailRecord)
    assert "to_json" in dict(inspect.getmembers(RECORDS[0]))


@pytest.mark.parametrize("record", RECORDS[:2], ids=["documented", "odd"])
def test_a_record_in_a_model_survives_json(record: Any) -> None:
    invoice = Invoice(call=record)

    assert invoice.call is record
    assert invoice.model_dump()["call"] is record
    assert invoice.model_dump(mode="json") == {"call": json.loads(record.to_json())}
    assert Invoice.model_validate_json(invoice.model_dump_json()).call.to_json() == record.to_json()


def test_a_value_that_was_sent_in_another_form_goes_out_in_the_form_of_the_schema() -> None:
    recording = Recording.from_json('{"recording_id": "r1", "recording_start_ms": 1416335914183.12340}')
    insights = TrunkCallInsights.from_json('{"call_uuid": "c1", "rtt": 12.5, "from": {"number": 15551234}}')
    trunk_call = TrunkCallDetailRecord.from_json('{"call_uuid": "c1", "attestation_indicator": "null"}')

    assert TypeAdapter(Recording).dump_python(recording, mode="json") == {
        "recording_id": "r1",
        "recording_start_ms": "1416335914183.12340",
    }
    assert TypeAdapter(TrunkCallInsights).dump_python(insights, mode="json") == {
        "call_uuid": "c1",
        "rtt": "12.5",
        "from": {"number": "15551234"},
    }
    assert TypeAdapter(TrunkCallDetailRecord).dump_python(trunk_call, mode="json") == {
        "call_uuid": "c1",
        "attestation_indicator": None,
    }


@pytest.mark.parametrize("value", [{}, {"call_uuid": "c1", "total_amount": "much"}, "c1", None, RECORDS[2]])
def test_another_value_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        Invoice(call=value)


def test_a_body_that_is_no_record_is_a_422_with_the_reason() -> None:
    app = FastAPI()

    @app.post("/")
    async def read(record: Annotated[CallDetailRecord, Body()]) -> str:
        return record.call_uuid

    with TestClient(app) as browser:
        assert browser.post("/", json={"call_uuid": "c1"}).json() == "c1"
        response = browser.post("/", json={"call_uuid": "c1", "billed_duration": "x"})

    assert response.status_code == 422
    assert "billed_duration: expected a whole number" in response.json()["detail"][0]["msg"]


def test_a_number_that_a_float_would_change_goes_out_as_text() -> None:
    digits = "0.100000000000000000000000001"
    record = CallDetailRecord.from_json(
        f'{{"call_uuid": "c1", "share": {digits}, "third": 2.50, "e": 1e400}}'
    )
    with service(record) as browser:
        sent = browser.get("/one").json()

    assert Decimal(sent["share"]) == Decimal(digits)
    assert sent["third"] == 2.5
    assert sent["e"] == "1E+400"


def test_half_of_a_character_does_not_make_a_record_unreadable() -> None:
    record = CallDetailRecord.from_json(r'{"call_uuid": "c1", "name": "\ud83d", "\ud83d": "\ud83d\ude00"}')
    with service(record) as browser:
        assert browser.get("/one").json() == {"call_uuid": "c1", "name": "\ufffd", "\ufffd": "😀"}
