"""The room `record` can be used, tested and understood without HTTP."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import plivo_async.record

MODULES = [module.name for module in pkgutil.iter_modules(plivo_async.record.__path__, "plivo_async.record.")]
GROUND = {"_version", "errors", "exported", "record", "server_message", "text"}
SCRIPT = """
import sys, importlib
importlib.import_module(sys.argv[1])
print(*sorted(sys.modules))
"""


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_record_imports_only_ground_modules_and_no_http(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, module], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = done.stdout.split()
    assert module in loaded
    assert {"httpx", "h11", "httpcore", "anyio", "asyncio", "ssl"}.isdisjoint(loaded)
    own = {name.split(".")[1] for name in loaded if name.startswith("plivo_async.")}
    assert own <= GROUND
