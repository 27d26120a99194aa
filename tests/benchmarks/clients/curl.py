"""curl: one command with all URLs, without options, or with `--retry 2` when CURL_RETRY is set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def run(url: str, auth_id: str, token: str, action: str, *arguments: str) -> dict[str, Any]:
    """Do what the arguments ask for."""
    result: dict[str, Any] = {"records": 0, "ids": [], "errors": [], "amount": None}
    base = f"{url}/v1/Account/{auth_id}/Call/"
    options = ["--silent", "--show-error", "--fail", "--user", f"{auth_id}:{token}"]
    if os.environ.get("CURL_RETRY"):
        options += ["--retry", "2"]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if action == "list":
            offset = 0
            while True:
                page = f"{base}?limit=20&offset={offset}"
                ended = subprocess.run(["curl", *options, page], capture_output=True, text=True, check=False)
                if ended.returncode:
                    result["errors"] = ended.stderr.splitlines()[:1]
                    break
                rows = [row["call_uuid"] for row in json.loads(ended.stdout)["objects"]]
                if not rows:
                    break
                result["ids"] += rows
                offset += 20
            result["records"] = len(result["ids"])
        else:
            count, *ids = arguments
            command = ["curl", *options]
            for number in range(int(count)):
                command += [f"{base}{ids[number % len(ids)]}/", "--output", f"{folder}/{number}"]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            for number in range(int(count)):
                body_file = Path(folder, str(number))
                text = body_file.read_text() if body_file.exists() else ""
                if '"call_uuid"' in text:
                    result["records"] += 1
                    result["amount"] = "text" if '"total_amount": "' in text else "JSON"
            errors = [line for line in ended.stderr.splitlines() if line.startswith("curl:")]
            result["errors"] = errors
            if not errors and result["records"] < int(count):
                result["errors"] = [f"no error; exit {ended.returncode}, the body as received"]
    return result | {"seconds": time.perf_counter() - started}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(*sys.argv[1:])) + "\n")
