"""The enumerations of a call detail record. They are open: an unknown value is not an error."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Any, Self

from plivo_async.exported import exported


class OpenText(StrEnum):
    """An enumeration that may grow: an unknown string becomes a value equal to it, with `is_known` False."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # Not kept among the members, because a server could invent any number of values.
        unknown = str.__new__(cls, value)
        unknown._name_ = unknown._value_ = str(value)
        return unknown

    @property
    def is_known(self) -> bool:
        """Whether Plivo documents this value."""
        return self._value_ in type(self)._value2member_map_

    def __repr__(self) -> str:
        return super().__repr__() if self.is_known else f"<{type(self).__name__} unknown: {self._value_!r}>"

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        # By value, because some Python versions pickle members by name and an unknown value has no name.
        return type(self), (self._value_,)


class OpenCode(IntEnum):
    """An enumeration of codes that may grow: an unknown int becomes a value equal to it, not `is_known`."""

    _value_: int
    description: str

    def __new__(cls, code: int, description: str = "") -> Self:
        member = int.__new__(cls, code)
        member._value_ = code
        member.description = description
        return member

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        unknown = int.__new__(cls, value)
        unknown._name_, unknown._value_, unknown.description = f"CODE_{value}", int(value), ""
        return unknown

    @property
    def is_known(self) -> bool:
        """Whether Plivo documents this code."""
        return self._value_ in type(self)._value2member_map_

    def __repr__(self) -> str:
        return super().__repr__() if self.is_known else f"<{type(self).__name__} unknown: {self._value_}>"

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self._value_,)


@exported
class CallDirection(OpenText):
    """The direction of a call, as seen from the account.

    An unknown text becomes a value that is equal to the text, with `is_known` False.

    Attributes:
        is_known (bool): Whether Plivo documents the value.
    """

    INBOUND = "inbound"
    OUTBOUND = "outbound"


@exported
class HangupSource(OpenText):
    """The party that ended the call, from Plivo's list of hangup causes and sources.

    An unknown text becomes a value that is equal to the text, with `is_known` False.

    Attributes:
        is_known (bool): Whether Plivo documents the value.
    """

    CALLER = "Caller"
    CALLEE = "Callee"
    PLIVO = "Plivo"
    API_REQUEST = "API Request"
    ANSWER_XML = "Answer XML"
    ERROR = "Error"
    CARRIER = "Carrier"
    UNKNOWN = "Unknown"


@exported
class StirVerification(OpenText):
    """The STIR/SHAKEN verdict on the caller's number (RFC 8224).

    An unknown text becomes a value that is equal to the text, with `is_known` False.

    Attributes:
        is_known (bool): Whether Plivo documents the value.
    """

    VERIFIED = "Verified"
    NOT_VERIFIED = "Not Verified"
    NOT_APPLICABLE = "Not Applicable"


@exported
class StirAttestation(OpenText):
    """The STIR/SHAKEN attestation level (RFC 8588): A full, B partial, C gateway. NONE is the empty text.

    An unknown text becomes a value that is equal to the text, with `is_known` False.

    Attributes:
        is_known (bool): Whether Plivo documents the value.
    """

    A = "A"
    B = "B"
    C = "C"
    NONE = ""


@exported
class HangupCause(OpenCode):
    """Why a call ended, from Plivo's list of hangup causes and sources.

    Compare codes, because the spelling of the names has changed over the years. An unknown code becomes a
    value that is equal to its int, with `is_known` False.

    Attributes:
        description: Plivo's text for the code; empty for an unknown code.
        is_known (bool): Whether Plivo documents the code.
    """

    UNKNOWN = 0, "Unknown"
    CANCELED = 1000, "Canceled"
    CANCELED_OUT_OF_CREDITS = 1010, "Canceled (Out Of Credits)"
    CANCELED_SIMULTANEOUS_DIAL_LIMIT_REACHED = 1020, "Canceled (Simultaneous dial limit reached)"
    INVALID_DESTINATION_ADDRESS = 2000, "Invalid Destination Address"
    DESTINATION_OUT_OF_SERVICE = 2010, "Destination Out Of Service"
    ENDPOINT_NOT_REGISTERED = 2020, "Endpoint Not Registered"
    DESTINATION_COUNTRY_BARRED = 2030, "Destination Country Barred"
    DESTINATION_NUMBER_BARRED = 2040, "Destination Number Barred"
    DESTINATION_PREFIX_BARRED = 2050, "Destination Prefix Barred"
    LOOP_DETECTED = 2060, "Loop Detected"
    VIOLATES_MEDIA_ANCHORING = 2070, "Violates Media Anchoring"
    NO_ANSWER = 3000, "No Answer"
    BUSY_LINE = 3010, "Busy Line"
    REJECTED = 3020, "Rejected"
    UNKNOWN_CALLER_ID = 3030, "Unknown Caller ID"
    FORBIDDEN = 3040, "Forbidden"
    UNALLOCATED_NUMBER = 3050, "Unallocated number"
    REQUEST_TIMEOUT = 3070, "Request timeout"
    INTERNAL_SERVER_ERROR_FROM_CARRIER = 3080, "Internal server error from carrier"
    NETWORK_CONGESTION_FROM_CARRIER = 3090, "Network congestion from carrier"
    BUSY_EVERYWHERE = 3100, "Busy everywhere"
    DECLINED = 3110, "Declined"
    USER_DOES_NOT_EXIST_ANYWHERE = 3120, "User does not exist anywhere"
    SPAM_BLOCK = 3130, "Spam block"
    DNO_CALLER_ID = 3140, "DNO Caller ID"
    NORMAL_HANGUP = 4000, "Normal Hangup"
    END_OF_XML_INSTRUCTIONS = 4010, "End Of XML Instructions"
    MULTIPARTY_CALL_ENDED = 4020, "Multiparty Call Ended"
    KICKED_OUT_OF_MULTIPARTY_CALL = 4030, "Kicked Out Of Multiparty Call"
    NETWORK_ERROR = 5000, "Network Error"
    INTERNAL_ERROR = 5010, "Internal Error"
    ROUTING_ERROR = 5020, "Routing Error"
    CONCURRENCY_LIMIT_BREACHED = 5030, "Concurrency Limit Breached"
    SCHEDULED_HANGUP = 6000, "Scheduled Hangup"
    RING_TIMEOUT_REACHED = 6010, "Ring Timeout Reached"
    MEDIA_TIMEOUT = 6020, "Media Timeout"
    ERROR_REACHING_ANSWER_URL = 7011, "Error Reaching Answer URL"
    ERROR_REACHING_ACTION_URL = 7012, "Error Reaching Action URL"
    ERROR_REACHING_TRANSFER_URL = 7013, "Error Reaching Transfer URL"
    ERROR_REACHING_REDIRECT_URL = 7014, "Error Reaching Redirect URL"
    INVALID_ACTION_URL = 7022, "Invalid Action URL"
    INVALID_TRANSFER_URL = 7023, "Invalid Transfer URL"
    INVALID_REDIRECT_URL = 7024, "Invalid Redirect URL"
    INVALID_METHOD_FOR_ACTION_URL = 7032, "Invalid Method For Action URL"
    INVALID_METHOD_FOR_TRANSFER_URL = 7033, "Invalid Method For Transfer URL"
    INVALID_METHOD_FOR_REDIRECT_URL = 7034, "Invalid Method For Redirect URL"
    INVALID_ANSWER_XML = 8011, "Invalid Answer XML"
    INVALID_ACTION_XML = 8012, "Invalid Action XML"
    INVALID_TRANSFER_XML = 8013, "Invalid Transfer XML"
    INVALID_REDIRECT_XML = 8014, "Invalid Redirect XML"
    LOST_RACE = 9000, "Lost Race"
    MACHINE_DETECTED = 9100, "Machine Detected"
    CONFIRM_KEY_CHALLENGE_FAILED = 9110, "Confirm Key Challenge Failed"
