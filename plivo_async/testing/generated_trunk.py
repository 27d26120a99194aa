"""Plausible SIP-trunk calls from a seed, made of plausible calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from plivo_async.testing.generated import GeneratedCalls

# Other seeds than those of `generate`, because no call is in both stores.
_SEEDS_BEFORE = 2**32
# The code, name and source of an answered call, and of one that was not.
_ANSWERED = ((3000, "normal_hangup", "carrier"), (3010, "normal_hangup", "customer"))
_UNANSWERED = ((4410, "user_busy", "carrier"), (4550, "user_cancelled", "customer"))


class GeneratedTrunkCalls:
    """The SIP-trunk calls of a seed: as GeneratedCalls, in the form of the trunk's records."""

    def __init__(self, size: int, seed: int, since: datetime | None, until: datetime | None) -> None:
        self.seed = seed
        self._calls = GeneratedCalls(size, seed + _SEEDS_BEFORE, since=since, until=until)
        self.call_uuids = self._calls.call_uuids

    def index(self, call_uuid: str) -> int | None:
        """Return the index of one of the calls in `call_uuids`, None for any other call UUID."""
        return self._calls.index(call_uuid)

    def ended(self, index: int) -> int:
        """Return when the call at an index of `call_uuids` ended, in seconds since 1970."""
        return self._calls.ended(index)

    def record(self, call_uuid: str) -> dict[str, Any] | None:
        """Return the record of one of the calls in its JSON form, None for any other call UUID."""
        call = self._calls.record(call_uuid)
        if call is None:
            return None
        variant = int(call_uuid[:2], 16)
        is_answered = call["answer_time"] is not None
        code, cause, source = (_ANSWERED if is_answered else _UNANSWERED)[variant % 2]
        is_secure = variant % 3 == 0
        return {
            "call_uuid": call_uuid,
            "call_id": f"{call_uuid[:8]}@192.0.2.20",
            "from_number": _number(call["from_number"]),
            "to_number": _number(call["to_number"]),
            "call_direction": call["call_direction"],
            "initiation_time": _utc(call["initiation_time"]),
            "answer_time": _utc(call["answer_time"]),
            "end_time": _utc(call["end_time"]),
            "call_duration": call["call_duration"],
            "bill_duration": call["billed_duration"],
            "billed_duration": call["billed_duration"],
            "hangup_cause_code": code,
            "hangup_cause_name": cause,
            "hangup_source": source,
            "total_rate": call["total_rate"],
            "total_amount": call["total_amount"],
            "trunk_domain": "example.zt.plivo.com",
            "from_country": "US",
            "to_country": "US",
            "transport_protocol": "tls" if is_secure else "udp",
            "srtp": is_secure,
            "secure_trunking": is_secure,
            "secure_trunking_rate": "0.00000",
            "stir_verification": str(call["stir_verification"]).lower(),
            "attestation_indicator": call["Stir_attestation"] or "null",
            "cnam_lookup": False,
            "cnam_lookup_rate": "0.00000",
        }


def _number(text: str) -> str:
    # A trunk's records have numbers with the plus, and no endpoints.
    digits = text.removeprefix("+")
    return f"+{digits}" if digits.isdecimal() else "+12025550199"


def _utc(text: str | None) -> str | None:
    if text is None:
        return None
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None).isoformat(" ")
