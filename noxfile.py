"""What the project is held to: `nox` runs it all, `nox --list` says what there is."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13"]
ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
# The record that the built-in fake serves first.
SAMPLE = "5607532d-5037-4066-befc-a8b40218dd4f"

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.sessions = ["tests", "lowest", "lint", "types", "docs", "build"]


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PYPROJECT, name))


def floors() -> list[str]:
    """Every requirement that a user's installation can have, at the lowest version it allows."""
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"], *extras["testing"], *extras["cli"]]
    foreign = [text for text in requirements if not text.startswith(f"{project['name']}[")]
    pinned = [re.match(r"([A-Za-z0-9._-]+)>=([0-9.]+)(?=$|,)", text) for text in foreign]
    if not all(pinned):
        raise ValueError(f"a requirement without a floor, one of {foreign}")
    return [f"{match[1]}=={match[2]}" for match in pinned if match]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The test suite; on the first Python with branch coverage of 100 %, which takes twice as long."""
    session.install("-e", ".[dev]")
    if session.python != PYTHONS[0] or session.posargs:
        session.run("pytest", *session.posargs)
        return
    session.env["COVERAGE_FILE"] = str(Path(session.create_tmp()) / "coverage")
    session.run("coverage", "run", "-m", "pytest")
    session.run("coverage", "report")


@nox.session(python=PYTHONS[0])
def e2e(session: nox.Session) -> None:
    """The installed command alone: piped, in a pseudo-terminal, killed, on full disks; and the recipes."""
    session.install("-e", ".[dev]")
    session.run("pytest", "tests/e2e", *session.posargs)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The test suite on the lowest versions that pyproject.toml allows."""
    session.install("-e", ".[dev]", *floors())
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: rules and format."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy and pyright, both strict: the package, tests/typing, the documentation's examples."""
    session.install("-e", ".[dev]", *group("types"))
    session.run("mypy")
    # Pyright looks for packages where the python on PATH has them.
    session.run("pyright")
    examples = Path(session.create_tmp()).resolve() / "examples"
    session.run("python", "-m", "tests.docs.doc_examples", str(examples))
    session.run("mypy", "--config-file", "pyproject.toml", str(examples))


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation; whatever Sphinx warns of is an error."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "-n", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def build(session: nox.Session) -> None:
    """Wheel and sdist: built, checked, installed each in an environment of its own, and run there."""
    session.install(*group("build"))
    dist = Path(session.create_tmp()).resolve() / "dist"
    for old in dist.glob("*"):
        old.unlink()
    session.run("python", "-m", "build", "--outdir", str(dist), str(ROOT))
    packages = sorted(dist.iterdir())
    session.run("twine", "check", "--strict", *map(str, packages))
    for package in packages:
        # Away from the sources, so that what runs is what was installed.
        session.chdir(dist)
        environment = dist.parent / f"installed{package.suffix}"
        session.run("python", "-m", "venv", "--clear", str(environment))
        bin_dir = environment / ("Scripts" if sys.platform == "win32" else "bin")
        session.run(str(bin_dir / "python"), "-m", "pip", "install", f"{package}[cli]", external=True)
        printed = session.run(
            str(bin_dir / "plivo-async"),
            "get",
            "--try",
            SAMPLE,
            env={"PLIVO_AUTH_ID": None, "PLIVO_AUTH_TOKEN": None},
            external=True,
            silent=True,
        )
        if not isinstance(printed, str) or SAMPLE not in printed:
            session.error(f"{package.name}: installed, it does not print the record")
        session.log(f"{package.name} prints {printed}")


@nox.session
def bench(session: nox.Session) -> None:
    """One call and many, next to other clients; for a machine that does nothing else."""
    session.install("-e", ".", "-r", "tests/benchmarks/requirements.txt")
    session.run("python", "-m", "tests.benchmarks.one_call", *session.posargs)
    session.run("python", "-m", "tests.benchmarks.bulk", *session.posargs)


@nox.session
def bench_export(session: nox.Session) -> None:
    """What an export costs next to `get_many` alone, and what 50 kills at random moments lose."""
    session.install("-e", ".[cli]")
    session.run("python", "-m", "tests.benchmarks.export_cost")
    session.run("python", "-m", "tests.benchmarks.export_kills")
