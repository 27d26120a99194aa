"""The virtual environments of readers: one base for all pages, and a cheap one on top of it for each page."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.docs.doc_examples import ROOT, readme_install

_INSTALL_PATIENCE_SECONDS = 600.0
# The settings of whoever runs the tests, which a reader does not have.
_NOT_OF_A_READER = re.compile(
    r"(PLIVO_|PYTEST_|PYTHON|COV_|COVERAGE_|TTY_)\w*"
    r"|VIRTUAL_ENV\w*|NO_COLOR|FORCE_COLOR|CLICOLOR\w*|CI|GITHUB_\w+|COLUMNS|LINES|TERM"
)


def environ_of_a_reader() -> dict[str, str]:
    """The variables of a new terminal."""
    kept = {name: value for name, value in os.environ.items() if not _NOT_OF_A_READER.fullmatch(name)}
    here = str(Path(sys.executable).parent)
    kept["PATH"] = os.pathsep.join(part for part in kept["PATH"].split(os.pathsep) if part != here)
    # A terminal without colours and without a cursor that moves: what is printed stays.
    return {**kept, "TERM": "dumb", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def base_environment(cache: Path) -> Path:
    """Return the environment of a reader who ran the README's install command in this clone; make it once.

    Args:
        cache: A folder that keeps it for the next run.
    """
    pyproject = (ROOT / "pyproject.toml").read_bytes()
    key = hashlib.sha256(b"\0".join([pyproject, sys.version.encode(), os.fsencode(ROOT)])).hexdigest()[:16]
    base = cache / f"base-{key}"
    complete = base / "complete"
    with locked(cache / "lock"):
        if not complete.exists():
            for old in cache.glob("base-*"):
                shutil.rmtree(old)
            _install(base)
            complete.touch()
    return base


def _install(base: Path) -> None:
    venv.create(base, with_pip=True, symlinks=True)
    done = subprocess.run(
        ["bash", "-c", f"source {base}/bin/activate && {readme_install()}"],
        check=False,
        cwd=ROOT,
        env=environ_of_a_reader(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_INSTALL_PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout


def environment_above(base: Path, folder: Path) -> Path:
    """Make an environment that has what the base has; what is installed in it leaves the base as it is."""
    venv.create(folder, with_pip=False, symlinks=True)
    packages = _packages(base)
    # `addsitedir`, because the base has files of this kind too: that of the editable package.
    (_packages(folder) / "base.pth").write_text(f"import site; site.addsitedir({str(packages)!r})\n")
    python = f"#!{base}/bin/python"
    for script in (base / "bin").iterdir():
        if script.is_symlink() or script.suffix or not (text := _text(script)).startswith(python):
            continue
        copy = folder / "bin" / script.name
        copy.write_text(text.replace(python, f"#!{folder}/bin/python", 1))
        copy.chmod(0o755)
    return folder


def _packages(environment: Path) -> Path:
    [found] = environment.glob("lib/python*/site-packages")
    return found


def _text(script: Path) -> str:
    return script.read_bytes().decode("utf-8", "replace")


@contextmanager
def locked(path: Path) -> Generator[None, None, None]:
    """Hold a lock that all processes of this machine respect."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
