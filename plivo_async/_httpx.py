"""The one door for httpx: every other module imports it from here. `httpx2_client` is the one for httpx2."""

from __future__ import annotations

import httpx

__all__ = ["httpx"]
