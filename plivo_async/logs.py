"""The log records of the package. Each has the same extra fields, None where one is not known."""

from __future__ import annotations

import logging
from typing import Any


def log_call(
    logger: logging.Logger,
    level: int,
    call_uuid: str | None,
    message: str,
    *facts: object,
    attempt: int | None = None,
    status: int | None = None,
    wait: float | None = None,
    **more: object,
) -> None:
    """Log what happens to a call, if the level is enabled. Only what is passed here is logged.

    Args:
        logger: The logger.
        level: The level of the record.
        call_uuid: The call UUID; None for a call without one.
        message: With placeholders.
        *facts: For the placeholders.
        attempt: The number of the request.
        status: The status of a response.
        wait: Seconds.
        **more: Further extra fields.
    """
    if not logger.isEnabledFor(level):
        return
    extra: dict[str, Any] = {
        "call_uuid": call_uuid,
        "attempt": attempt,
        "status": status,
        "wait": wait,
    }
    if call_uuid is not None:
        message, facts = f"{message} (call %s)", (*facts, call_uuid)
    logger.log(level, message, *facts, extra={**extra, **more})
