"""The enumerations of SIP-trunk calls. They are open: an unknown value is not an error."""

from __future__ import annotations

from plivo_async.exported import exported
from plivo_async.record.enums import OpenCode, OpenText


@exported
class TrunkHangupSource(OpenText):
    """The party that ended a SIP-trunk call.

    An unknown text becomes a value that is equal to the text, with `is_known` False.

    Attributes:
        is_known (bool): Whether Plivo documents the value.
    """

    CUSTOMER = "customer"
    CARRIER = "carrier"
    ZENTRUNK = "zentrunk"


@exported
class TrunkHangupCause(OpenCode):
    """Why a SIP-trunk call ended, from Plivo's list of Zentrunk hangup codes.

    The numbers of `HangupCause` have other meanings: 3000 is a normal hangup here, and No Answer there. An
    unknown code becomes a value that is equal to its int, with `is_known` False.
    https://www.plivo.com/docs/sip-trunking/troubleshooting/zentrunk-hangup-codes

    Attributes:
        description: Plivo's name of the code, which several codes share; empty for an unknown code.
        is_known (bool): Whether Plivo documents the code.
    """

    NORMAL_HANGUP_BY_CARRIER = 3000, "normal_hangup"
    NORMAL_HANGUP_BY_CUSTOMER = 3010, "normal_hangup"
    RTP_TIMEOUT = 3020, "rtp_timeout"
    OUT_OF_CREDITS_DURING_CALL = 3030, "insufficient_plivo_credits"
    ABNORMAL_HANGUP_DUE_TO_REINVITE = 3040, "abnormal_hangup_due_to_reinvite"
    BAD_REQUEST = 4000, "bad_request"
    UNAUTHORIZED_BY_CARRIER = 4010, "unauthorized_by_carrier"
    UNAUTHORIZED = 4020, "unauthorized"
    OUT_OF_CREDITS = 4030, "insufficient_plivo_credits"
    FORBIDDEN_BY_CARRIER = 4040, "forbidden"
    BLACKLISTED_FOR_VERIFICATION = 4050, "blacklisted_for_verification"
    FORBIDDEN_BY_CUSTOMER = 4060, "forbidden"
    TRUNK_NOT_FOUND = 4070, "trunk_not_found"
    ROUTE_NOT_FOUND = 4080, "route_not_found"
    DESTINATION_NOT_FOUND = 4090, "destination_not_found"
    PREFIX_NOT_SUPPORTED = 4100, "prefix_not_supported"
    SECURE_TRUNKING_DISABLED = 4110, "secure_trunking_disabled"
    DESTINATION_INVALID = 4120, "destination_invalid"
    CALLER_ID_NOT_NUMERIC = 4130, "incorrect_callerid_non_numeric"
    CALLER_ID_TOO_SHORT = 4140, "incorrect_callerid_too_short"
    PROXY_AUTHENTICATION_REQUIRED = 4150, "proxy_authentication_required"
    REQUEST_TIMEOUT_AT_CARRIER = 4160, "request_timeout_carrier"
    REQUEST_TIMEOUT_AT_CUSTOMER = 4170, "request_timeout_customer"
    UNKNOWN_CALLER_ID = 4190, "unknown_caller_id"
    DNO_CALLER_ID = 4200, "dno_caller_id"
    UNSUPPORTED_MEDIA_TYPE = 4220, "unsupported_media_type"
    UNSUPPORTED_URI_SCHEME = 4230, "unsupported_uri_scheme"
    SESSION_INTERVAL_TOO_SMALL = 4270, "session_interval_too_small"
    URI_NOT_FOUND = 4310, "uri_not_found"
    URI_INVALID = 4320, "uri_invalid"
    ZENTRUNK_TEMPORARILY_UNAVAILABLE = 4330, "temporary_unavailable"
    CARRIER_TEMPORARILY_UNAVAILABLE = 4340, "temporary_unavailable"
    CUSTOMER_TEMPORARILY_UNAVAILABLE = 4350, "temporary_unavailable"
    CALL_DOES_NOT_EXIST = 4360, "call_does_not_exist"
    LOOP_DETECTED = 4370, "loop_detected"
    TOO_MANY_HOPS = 4380, "too_many_hops"
    USER_BUSY = 4410, "user_busy"
    CARRIER_CANCELLED = 4420, "carrier_cancelled"
    SDP_NOT_ACCEPTABLE = 4430, "sdp_not_acceptable_here"
    REQUEST_TERMINATED = 4440, "request_terminated"
    REQUEST_PENDING = 4500, "request_pending"
    SECURITY_AGREEMENT_REQUIRED = 4520, "security_agreement_required"
    FORBIDDEN_BY_ZENTRUNK = 4540, "forbidden"
    USER_CANCELLED = 4550, "user_cancelled"
    BARRED_COUNTRY = 4560, "barred_country"
    BARRED_NUMBER = 4570, "barred_number"
    INVALID_SIP_PACKET = 4580, "invalid_sip_packet"
    DOMESTIC_ANCHORED_TERMS_NOT_MET = 4590, "domestic_anchored_terms_not_met"
    REQUEST_URI_NOT_ACCEPTABLE = 4610, "ruri_not_acceptable_here"
    CODEC_NOT_ACCEPTABLE = 4620, "codec_not_acceptable_here"
    SDP_NOT_ACCEPTABLE_TO_CARRIER = 4630, "sdp_not_acceptable_here_by_carrier"
    SDP_NOT_ACCEPTABLE_TO_CUSTOMER = 4640, "sdp_not_acceptable_here_by_user"
    NO_MORE_DESTINATIONS = 5000, "service_unavailable_no_more_destinations"
    PORT_LIMIT_REACHED = 5010, "port_limit_reached"
    NOT_IMPLEMENTED = 5020, "not_implemented"
    NOT_IMPLEMENTED_AT_CARRIER = 5030, "not_implemented_at_carrier"
    NOT_IMPLEMENTED_AT_CUSTOMER = 5040, "not_implemented_at_user"
    CPS_LIMIT_REACHED = 5180, "cps_limit_reached"
    CONCURRENT_CALL_LIMIT_EXCEEDED = 5190, "concurrent_call_limit_exceeded"
    SERVER_TIMEOUT = 5200, "server_timeout"
    INTERRUPTED_BY_CUSTOMER_4XX = 5220, "service_interrupted_by_customer"
    INTERRUPTED_BY_CUSTOMER_5XX_6XX = 5230, "service_interrupted_by_customer"
    INTERRUPTED_BY_NO_MEDIA = 5240, "service_interrupted_by_nomedia"
    INTERNAL_ERROR = 5250, "internal_error"
    INTERNAL_ERROR_ROUTING = 5260, "internal_error_routing"
    INTERNAL_ERROR_MEDIA_SERVICE = 5270, "internal_error_media_service"
    INTERNAL_ERROR_TRUNK = 5290, "internal_error_trunk"
    BAD_GATEWAY = 5300, "bad_gateway"
    INTERRUPTED_BY_CARRIER_4XX = 5310, "service_interrupted_by_carrier_4xx"
    INTERRUPTED_BY_CARRIER_5XX_6XX = 5320, "service_interrupted_by_carrier_5xx_6xx"
    SERVER_TIMEOUT_AT_CARRIER = 5330, "server_timeout"
    SERVER_TIMEOUT_AT_CUSTOMER = 5340, "server_timeout"
    SERVICE_UNAVAILABLE_BY_CARRIER = 5350, "service_unavailable_by_carrier"
    SERVICE_UNAVAILABLE_BY_CUSTOMER = 5360, "service_unavailable_by_user"
    BUSY_EVERYWHERE = 6000, "busy_everywhere"
    DOES_NOT_EXIST_ANYWHERE = 6020, "does_not_exist_anywhere"
    ANSWER_TIMEOUT = 6030, "alloted_timeout"
    DECLINED_BY_CARRIER = 6040, "declined_from_carrier"
    NOT_ACCEPTABLE = 6070, "not_acceptable"
