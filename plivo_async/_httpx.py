"""The only module that imports httpx; every other one imports it from here. httpx2 has `httpx2_client`."""

from __future__ import annotations

import httpx

__all__ = ["httpx"]
