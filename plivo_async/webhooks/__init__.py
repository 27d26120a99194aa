"""Callbacks from Plivo: their signatures, and the one that reports a hang-up.

It knows no web framework, does no I/O, and does not import httpx.
"""

from __future__ import annotations

from plivo_async.webhooks.hangup_event import CallStatus, HangupEvent
from plivo_async.webhooks.signature import verify
from plivo_async.webhooks.urls import forwarded_url, public_url

__all__ = ["CallStatus", "HangupEvent", "forwarded_url", "public_url", "verify"]
