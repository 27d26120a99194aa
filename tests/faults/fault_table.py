"""All faults."""

from __future__ import annotations

from tests.faults.fault import Ends
from tests.faults.faults_in_responses import BAD_BODIES, BAD_STATUSES, DAMAGED_BODIES, FINAL_STATUSES
from tests.faults.faults_on_the_wire import CONNECTION_FAULTS, FRAMING_FAULTS, SLOW_FAULTS

FAULTS = [
    *CONNECTION_FAULTS,
    *FRAMING_FAULTS,
    *SLOW_FAULTS,
    *BAD_STATUSES,
    *FINAL_STATUSES,
    *DAMAGED_BODIES,
    *BAD_BODIES,
]
RETRIED = [fault for fault in FAULTS if fault.ends is Ends.AFTER_RETRIES]
