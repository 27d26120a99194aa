"""Plausible calls from a seed. A record is made when it is requested."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from typing import Any, TypeVar, final

from attrs import field, frozen

from plivo_async.errors import ConfigurationError
from plivo_async.exported import exported
from plivo_async.record.enums import HangupCause
from plivo_async.testing.documented import DOCUMENTED_AUTH_ID
from plivo_async.validation import whole_number

T = TypeVar("T")

# 2025-03-31 23:59:59 UTC: fixed, because a seed gives the same records on every day.
_NEWEST_SECONDS = 1743465599
# A million calls fill 81 of the 90 days that Plivo keeps.
_SPACING_SECONDS = 7
# A prime, by which neighbours end at different places of their slots.
_SCATTER = 2_654_435_761
# In every sixth pair of neighbours the first call dials the second, its B leg.
_BRIDGE_EVERY = 6
_BRIDGE_END_SECONDS = 13
_ZONES = tuple(timezone(timedelta(minutes=minutes)) for minutes in (330, 0, 240, -420))
# The rate per minute in hundred-thousandths, and the billing increment in seconds.
_TARIFFS = ((300, 60), (550, 60), (850, 60), (1000, 1), (3570, 15), (14600, 1))

_Outcome = tuple[HangupCause, str]
_BY_CALLER: _Outcome = (HangupCause.NORMAL_HANGUP, "Caller")
_BY_CALLEE: _Outcome = (HangupCause.NORMAL_HANGUP, "Callee")
# Each is drawn as often as it is listed.
_ANSWERED: tuple[_Outcome, ...] = (
    *[_BY_CALLER] * 9,
    *[_BY_CALLEE] * 9,
    *[(HangupCause.END_OF_XML_INSTRUCTIONS, "Plivo")] * 3,
    (HangupCause.NORMAL_HANGUP, "API Request"),
    (HangupCause.NORMAL_HANGUP, "Answer XML"),
    (HangupCause.INVALID_ANSWER_XML, "Error"),
    (HangupCause.ERROR_REACHING_ANSWER_URL, "Error"),
    (HangupCause.MACHINE_DETECTED, "Plivo"),
    (HangupCause.SCHEDULED_HANGUP, "Plivo"),
)
_UNANSWERED: tuple[_Outcome, ...] = (
    *[(HangupCause.NO_ANSWER, "Carrier")] * 3,
    *[(HangupCause.BUSY_LINE, "Callee")] * 3,
    *[(HangupCause.CANCELED, "Caller")] * 2,
    (HangupCause.REJECTED, "Callee"),
    (HangupCause.RING_TIMEOUT_REACHED, "Plivo"),
    (HangupCause.UNALLOCATED_NUMBER, "Carrier"),
    (HangupCause.INVALID_DESTINATION_ADDRESS, "Plivo"),
    (HangupCause.DESTINATION_OUT_OF_SERVICE, "Carrier"),
    (HangupCause.INTERNAL_SERVER_ERROR_FROM_CARRIER, "Carrier"),
    (HangupCause.SPAM_BLOCK, "Carrier"),
    (HangupCause.UNKNOWN, "Unknown"),
)


class _Draws:
    """Draws numbers from a seed, the same on every Python; `random` promises that for floats only."""

    def __init__(self, purpose: str, seed: int, index: int) -> None:
        self._bits = int.from_bytes(blake2b(f"{purpose} {seed} {index}".encode()).digest(), "big")

    def below(self, count: int) -> int:
        self._bits, drawn = divmod(self._bits, count)
        return drawn

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]


@frozen
class _Leg:
    """One call: when it was dialled (seconds since 1970), how long it rang and talked (seconds), its end."""

    started: int
    ring: int
    talk: int
    outcome: _Outcome

    @property
    def is_answered(self) -> bool:
        return self.talk > 0


@exported
@final
@frozen
class GeneratedCalls:
    """The calls of a seed: their call UUIDs, newest first, and their records.

    Records are made when they are requested. The same seed gives the same calls on every day and machine, and
    a larger size only adds older calls. With `since` and `until` they are the same calls, at other times.

    Args:
        size: The number of calls, 0 or more.
        seed: A whole number, 0 or more.
        auth_id: The auth id of the account of the calls.
        since: The begin of the span in which the calls end, an aware time. None, together with `until`, for
            fixed times in 2025.
        until: The end of this span, an aware time that is not part of it; None as for `since`.

    Attributes:
        call_uuids: The call UUIDs, newest call first.

    Raises:
        ConfigurationError: A size or seed is not a whole number, or is negative. Only one of `since` and
            `until` is given, one is naive, or they are not at least a second apart.
    """

    size: int
    seed: int = 0
    auth_id: str = field(default=DOCUMENTED_AUTH_ID, kw_only=True)
    since: datetime | None = field(default=None, kw_only=True)
    until: datetime | None = field(default=None, kw_only=True)
    call_uuids: tuple[str, ...] = field(init=False, eq=False, repr=False)
    _newest: int = field(init=False, eq=False, repr=False)
    _span: int | None = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        whole_number("size", self.size, least=0)
        whole_number("seed", self.seed, least=0)
        newest, span = _newest_and_span(self.since, self.until)
        object.__setattr__(self, "_newest", newest)
        object.__setattr__(self, "_span", span)
        object.__setattr__(self, "call_uuids", tuple(map(self._call_uuid, range(self.size))))

    def ended(self, index: int) -> int:
        """Return when a call ended, in seconds since 1970.

        Args:
            index: The index of the call in `call_uuids`.
        """
        if self._span is None:
            draws = _Draws("leg", self.seed, index)
            return self._newest - index * _SPACING_SECONDS - draws.below(_SPACING_SECONDS)
        own = self._slot(index, self._span)
        if not _is_b_leg(index):
            return own
        return max(own, self._slot(index - 1, self._span) - 1 - index % _BRIDGE_END_SECONDS)

    def _slot(self, index: int, span: int) -> int:
        # The span has a slot for each call, and the call ends somewhere in it.
        begin = index * span // self.size
        width = (index + 1) * span // self.size - begin
        return self._newest - begin - ((index * _SCATTER + self.seed) % width if width else 0)

    def record(self, call_uuid: str) -> dict[str, Any] | None:
        """Return the record of a call in its JSON form; None if it is not one of these calls.

        Args:
            call_uuid: The call UUID.
        """
        index = self.index(call_uuid)
        return None if index is None else self._record(index)

    def index(self, call_uuid: str) -> int | None:
        """Return the index of a call in `call_uuids`; None if it is not one of these calls.

        Args:
            call_uuid: The call UUID.
        """
        try:
            index = int(call_uuid[24:], 16)
        except ValueError:
            return None
        return index if call_uuid in self.call_uuids[index : index + 1] else None

    def _call_uuid(self, index: int) -> str:
        # It contains the index, so that a record needs no table of the calls.
        digits = blake2b(f"call_uuid {self.seed} {index}".encode(), digest_size=9).hexdigest()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-8{digits[15:18]}-{index:012x}"

    def _leg(self, index: int) -> _Leg:
        draws = _Draws("leg", self.seed, index)
        fixed = self._newest - index * _SPACING_SECONDS - draws.below(_SPACING_SECONDS)
        ended = fixed if self._span is None else self.ended(index)
        ring = 2 + draws.below(9)
        if _is_bridged(index):
            outcome = draws.pick((_BY_CALLER, _BY_CALLEE))
            if _is_b_leg(index):
                # It ends at most 13 s before its parent, which talks for at least 45 s.
                parent = self._leg(index - 1)
                started = parent.started + parent.ring + 1 + draws.below(3)
                return _Leg(started, ring, ended - started - ring, outcome)
            talk = 45 + draws.below(900)
        elif draws.below(4) == 0:
            ring = 5 + draws.below(55)
            return _Leg(ended - ring, ring, 0, draws.pick(_UNANSWERED))
        else:
            outcome = draws.pick(_ANSWERED)
            talk = 1 + draws.below(draws.pick((20, 120, 600, 3600)))
        return _Leg(ended - talk - ring, ring, talk, outcome)

    def _record(self, index: int) -> dict[str, Any]:
        draws = _Draws("record", self.seed, index)
        leg = self._leg(index)
        zone = _ZONES[self.seed % len(_ZONES)]
        cause, source = leg.outcome
        is_outbound = _is_b_leg(index) or draws.below(2) == 0
        rate, increment = draws.pick(_TARIFFS)
        billed = -(-leg.talk // increment) * increment
        ours, theirs = f"+1202555{100 + draws.below(100):04}", _foreign_number(draws)
        verification = "Not Applicable" if is_outbound else draws.pick(("Verified", "Not Verified"))
        call_uuid = self.call_uuids[index]
        return {
            "answer_time": _time(leg.started + leg.ring, zone) if leg.is_answered else None,
            "api_id": _uuid(draws),
            "bill_duration": leg.talk,
            "billed_duration": billed,
            "call_direction": "outbound" if is_outbound else "inbound",
            "call_duration": leg.talk,
            "call_state": "ANSWER" if leg.is_answered else None,
            "call_uuid": call_uuid,
            "conference_uuid": _uuid(draws) if leg.is_answered and draws.below(20) == 0 else None,
            "end_time": _time(leg.started + leg.ring + leg.talk, zone),
            "from_number": ours if is_outbound else theirs,
            "hangup_cause_code": int(cause),
            "hangup_cause_name": cause.description,
            "hangup_source": source,
            "initiation_time": _time(leg.started, zone),
            "parent_call_uuid": self.call_uuids[index - 1] if _is_b_leg(index) else None,
            "resource_uri": f"/v1/Account/{self.auth_id}/Call/{call_uuid}/",
            "stir_verification": verification,
            "to_number": theirs if is_outbound else ours,
            # Rounded half up: a minute has 60 seconds, half of which is 30.
            "total_amount": _money((rate * billed + 30) // 60),
            "total_rate": _money(rate),
            "Stir_attestation": "" if verification == "Not Verified" else draws.pick(("A", "B", "C")),
            "voice_network_group": "",
            "source_ip": f"203.0.113.{1 + draws.below(254)}" if draws.below(4) else "",
            "cnam_lookup": "disabled",
        }


def _newest_and_span(since: datetime | None, until: datetime | None) -> tuple[int, int | None]:
    """Return the last second in which a call may end, and the seconds of the span; None for fixed times."""
    if since is None and until is None:
        return _NEWEST_SECONDS, None
    if since is None or until is None or since.tzinfo is None or until.tzinfo is None:
        raise ConfigurationError("since and until must both be aware datetimes, or both be None")
    newest, oldest = math.ceil(until.timestamp()) - 1, math.ceil(since.timestamp())
    if newest < oldest:
        raise ConfigurationError("until must be at least a second after since")
    return newest, newest - oldest + 1


def _is_bridged(index: int) -> bool:
    return index // 2 % _BRIDGE_EVERY == _BRIDGE_EVERY - 1


def _is_b_leg(index: int) -> bool:
    return index % 2 == 1 and _is_bridged(index)


def _foreign_number(draws: _Draws) -> str:
    # Numbers reserved for fiction, with and without the plus, and endpoints.
    kind = draws.below(10)
    if kind == 0:
        return f"sip:agent{draws.below(1000)}@phone.plivo.com"
    number = f"442079460{draws.below(1000):03}" if kind % 2 else f"1415555{100 + draws.below(100):04}"
    return f"+{number}" if kind < 6 else number


def _uuid(draws: _Draws) -> str:
    digits = f"{draws.below(16**18):018x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-8{digits[15:]}-0242ac110005"


def _time(seconds: int, zone: timezone) -> str:
    return datetime.fromtimestamp(seconds, zone).isoformat(" ")


def _money(hundred_thousandths: int) -> str:
    whole, rest = divmod(hundred_thousandths, 100_000)
    return f"{whole}.{rest:05}"
