"""The JSON form of each kind of record: its keys, their other spellings, and how exact its values are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import field, frozen

from plivo_async.record.live_call import LiveCall
from plivo_async.record.model import CallDetailRecord
from plivo_async.record.recording import Recording
from plivo_async.record.trunk_call import TrunkCallDetailRecord, TrunkCallInsights, TrunkCallParty

_OWN = ("extra", "wire_keys", "wire_values")
_NO_NAMES: Mapping[str, Any] = {}


@frozen(kw_only=True, eq=False)
class RecordForm:
    """The JSON form of one kind of record.

    Attributes:
        kind: The class of the record.
        noun: The record in a message.
        name: The field that is never None, and identifies the record; None if there is none.
        keys: The documented key of each field that is spelled otherwise.
        spellings: Other spellings, seen in samples, of documented keys, with the documented ones.
        descriptive: Fields that nothing is computed from. A value of an odd type is no reason to lose the
            record.
        folded: Fields whose enumeration is compared without regard to letter case.
        is_utc: Whether times have no offset, because they are UTC.
        nulls: The texts that mean None, by field.
        fields: The field of each documented key.
    """

    kind: type[Any]
    noun: str
    name: str | None = "call_uuid"
    keys: Mapping[str, str] = _NO_NAMES
    spellings: Mapping[str, str] = _NO_NAMES
    descriptive: frozenset[str]
    folded: frozenset[str] = frozenset()
    is_utc: bool = False
    nulls: Mapping[str, tuple[str, ...]] = _NO_NAMES
    fields: Mapping[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        names = [name for name in attrs.fields_dict(self.kind) if name not in _OWN]
        object.__setattr__(self, "fields", {self.keys.get(name, name): name for name in names})


CALL = RecordForm(
    kind=CallDetailRecord,
    noun="call detail record",
    keys={"stir_attestation": "Stir_attestation"},
    spellings={"stir_attestation": "Stir_attestation", "call_status": "call_state"},
    descriptive=frozenset(
        {
            "api_id",
            "call_state",
            "cnam_lookup",
            "hangup_cause_name",
            "hangup_source",
            "resource_uri",
            "source_ip",
            "stir_attestation",
            "stir_verification",
            "voice_network_group",
        }
    ),
)
TRUNK_CALL = RecordForm(
    kind=TrunkCallDetailRecord,
    noun="record of a SIP-trunk call",
    descriptive=frozenset(
        {
            "api_id",
            "attestation_indicator",
            "call_id",
            "cnam_lookup",
            "from_country",
            "hangup_cause_name",
            "hangup_source",
            "secure_trunking",
            "srtp",
            "stir_verification",
            "to_country",
            "transport_protocol",
            "trunk_domain",
        }
    ),
    folded=frozenset({"stir_verification"}),
    is_utc=True,
    nulls={"attestation_indicator": ("null",), "stir_verification": ("null",)},
)
TRUNK_PARTY = RecordForm(
    kind=TrunkCallParty,
    noun="party of a SIP-trunk call",
    name=None,
    descriptive=frozenset({"carrier", "number", "region"}),
)
_MEASURES = ("rtt", "jitter", "packet_loss", "post_dial_delay", "plivo_quality_score")
TRUNK_INSIGHTS = RecordForm(
    kind=TrunkCallInsights,
    noun="record of the insights of a SIP-trunk call",
    keys={"caller": "from", "callee": "to"},
    descriptive=frozenset({"api_id", "caller", "callee", "hangup_cause", "hangup_source"}),
    nulls=dict.fromkeys(_MEASURES, ("", "null")),
)
RECORDING = RecordForm(
    kind=Recording,
    noun="recording",
    name="recording_id",
    descriptive=frozenset(
        {
            "api_id",
            "conference_name",
            "conference_uuid",
            "mpc_name",
            "mpc_uuid",
            "recording_format",
            "recording_type",
            "resource_uri",
        }
    ),
)
LIVE_CALL = RecordForm(
    kind=LiveCall,
    noun="live call",
    keys={"from_number": "from", "to_number": "to", "call_direction": "direction"},
    spellings={"Stir_attestation": "stir_attestation"},
    descriptive=frozenset(
        {"api_id", "call_status", "caller_name", "request_uuid", "stir_attestation", "stir_verification"}
    ),
    is_utc=True,
)
FORMS: Mapping[type[Any], RecordForm] = {
    form.kind: form for form in (CALL, TRUNK_CALL, TRUNK_PARTY, TRUNK_INSIGHTS, RECORDING, LIVE_CALL)
}
