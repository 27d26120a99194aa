"""The official SDK for Python, as shipped; only its address is changed."""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def run(url: str, auth_id: str, token: str, action: str, *arguments: str) -> dict[str, Any]:
    """Do what the arguments ask for."""
    import plivo
    from plivo.rest import client as sdk

    for name in (
        "PLIVO_API_BASE_URI",
        "API_VOICE_BASE_URI",
        "API_VOICE_BASE_URI_FALLBACK_1",
        "API_VOICE_BASE_URI_FALLBACK_2",
    ):
        setattr(sdk, name, f"{url}/v1/Account")
    client: Any = plivo.RestClient(auth_id, token)
    result: dict[str, Any] = {"records": 0, "ids": [], "errors": [], "amount": None}
    started = time.perf_counter()
    if action == "list":
        try:
            for call in client.calls:
                result["ids"].append(call.call_uuid)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises is the result
            result["errors"].append(type(error).__name__)
        result["records"] = len(result["ids"])
    else:
        count, *ids = arguments
        for number in range(int(count)):
            try:
                record = client.calls.get(ids[number % len(ids)])
            except Exception as error:  # noqa: BLE001 - whatever the SDK raises is the result
                result["errors"].append(type(error).__name__)
                continue
            if getattr(record, "call_uuid", None) is None:
                result["errors"].append(f"no error; returns {record!r}")
                continue
            result["records"] += 1
            result["amount"] = repr(record.total_amount)
    return result | {"seconds": time.perf_counter() - started}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(*sys.argv[1:])) + "\n")
