"""The call detail record in Plivo's documentation, and its account."""

from __future__ import annotations

from plivo_async.record.model import FrozenMapping

DOCUMENTED_AUTH_ID = "MA2025RK4E639VJFZAGV"

# Exactly as in https://www.plivo.com/docs/voice/api/call#retrieve-a-call-detail-record.
DOCUMENTED_CALL = FrozenMapping(
    {
        "answer_time": "2022-10-12 21:57:47+05:30",
        "api_id": "52cd2e1d-2bfd-11ec-a7bd-0242ac110005",
        "bill_duration": 1,
        "billed_duration": 1,
        "call_direction": "outbound",
        "call_duration": 1,
        "call_state": "ANSWER",
        "call_uuid": "5607532d-5037-4066-befc-a8b40218dd4f",
        "conference_uuid": None,
        "end_time": "2022-10-12 21:57:47+05:30",
        "from_number": "+12025551111",
        "hangup_cause_code": 8011,
        "hangup_cause_name": "Invalid Answer XML",
        "hangup_source": "Error",
        "initiation_time": "2022-10-12 21:57:40+05:30",
        "parent_call_uuid": None,
        "resource_uri": f"/v1/Account/{DOCUMENTED_AUTH_ID}/Call/5607532d-5037-4066-befc-a8b40218dd4f/",
        "stir_verification": "Not Applicable",
        "to_number": "sip:sam9461399937766203278@phone.plivo.com",
        "total_amount": "0.01667",
        "total_rate": "1.00000",
        "Stir_attestation": "A",
        "voice_network_group": "",
        "source_ip": "92.168.0.1",
    }
)
