"""The checks of the project. `nox` runs those that a change must pass, `nox --list` shows all of them."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import nox

PYTHONS = ["3.11", "3.12", "3.13"]
ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
# A worker of pytest-xdist for each core.
PARALLEL = ["-n", "auto"]
# The tests that fail if a file is missing in the wheel.
TESTS_OF_WHEEL = ["tests/cli", "tests/record", "tests/testing", "tests/test_package.py"]
# The first record of the built-in fake.
SAMPLE = "5607532d-5037-4066-befc-a8b40218dd4f"

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.sessions = ["tests", "lowest", "lint", "types", "site", "build", "e2e", "services", "pasted"]


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PYPROJECT, name))


def floors() -> list[str]:
    """Pin every requirement of the package and of its users' extras to the lowest version it allows."""
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"]
    requirements = [
        *project["dependencies"],
        *extras["testing"],
        *extras["cli"],
        *extras["otel"],
        *extras["redis"],
    ]
    foreign = [text for text in requirements if not text.startswith(f"{project['name']}[")]
    pinned = [re.match(r"([A-Za-z0-9._-]+)>=([0-9.]+)(?=$|,)", text) for text in foreign]
    if not all(pinned):
        raise ValueError(f"one of these requirements has no lowest version: {foreign}")
    return [f"{match[1]}=={match[2]}" for match in pinned if match]


def project_without_package(folder: Path) -> Path:
    """Copy the project, all but the package: its tests can import an installed one only."""
    not_sources = (".git", ".nox", ".venv", "__pycache__", "_build", "build", "dist")
    ignored = shutil.ignore_patterns("plivo_async", *not_sources)
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(ROOT, folder, ignore=ignored))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the test suite. On the last Python with branch coverage, which must be 100 %."""
    session.install("-e", ".[dev]")
    if session.python != PYTHONS[-1] or session.posargs:
        session.run("pytest", *(session.posargs or PARALLEL))
        return
    session.env["COVERAGE_FILE"] = str(Path(session.create_tmp()).resolve() / "coverage")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *PARALLEL)
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report")


@nox.session(python=PYTHONS[0])
def e2e(session: nox.Session) -> None:
    """Run the installed command: piped, in a terminal, killed. Also the recipes of the pages."""
    session.run("bash", ".ci/servers", external=True)
    session.install("-e", ".[dev]", *group("recipes"))
    session.run("pytest", *PARALLEL, *(session.posargs or ["tests/e2e"]))


@nox.session(python=PYTHONS[0])
def pasted(session: nox.Session) -> None:
    """Paste every block of README and docs into a terminal, as a reader does, and compare what it prints."""
    session.run("bash", ".ci/servers", external=True)
    session.install("attrs", "markdown-it-py>=3.0", "pytest>=9.0", "pytest-xdist>=3.6")
    # One of the workers has the pages with fixed ports.
    session.run("pytest", "-n", "2", "--dist", "loadgroup", *(session.posargs or ["tests/pasted"]))


@nox.session(python=PYTHONS[0])
def services(session: nox.Session) -> None:
    """Run the package in other programs: web frameworks, job queues, Redis, tracing, mocks."""
    session.run("bash", ".ci/servers", external=True)
    session.install("-e", ".[dev]", *group("services"))
    # They wait for servers most of the time.
    session.run("pytest", "-n", "4", *(session.posargs or ["tests/services"]))


@nox.session(python=PYTHONS[1])
def lowest(session: nox.Session) -> None:
    """Run the test suite on the lowest versions that pyproject.toml allows."""
    session.install("-e", ".[dev]", *floors())
    session.run("pytest", *(session.posargs or PARALLEL))


@nox.session(python=PYTHONS[0])
def random(session: nox.Session) -> None:
    """Run the test suite in random order. `nox -s random -- --randomly-seed=N` repeats a run."""
    session.install("-e", ".[dev]", "pytest-randomly")
    session.run("pytest", *PARALLEL, *session.posargs)


@nox.session(python=PYTHONS[-1])
def devmode(session: nox.Session) -> None:
    """Run the test suite in Python's development mode: more checks at run time."""
    session.install("-e", ".[dev]")
    session.run("pytest", *(session.posargs or PARALLEL), env={"PYTHONDEVMODE": "1"})


@nox.session(python=PYTHONS[1:])
@nox.parametrize("style", ["eager", "anyio"])
def loops(session: nox.Session, style: str) -> None:
    """Run the asynchronous tests under eager tasks, and inside task groups of anyio."""
    session.install("-e", ".[dev]")
    tests = ["tests/resources", "tests/middleware", "tests/transport", "tests/test_client.py"]
    session.run("pytest", f"--loop-style={style}", *PARALLEL, *(session.posargs or tests))


@nox.session(python=PYTHONS[0])
def mutation(session: nox.Session) -> None:
    """Change single expressions of the package at random, and list the changes that break no test."""
    session.install("-e", ".[dev]")
    session.run("python", "-m", "tests.mutation", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check rules and format (ruff), spelling (codespell) and pyproject.toml."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")
    session.run("validate-pyproject", "pyproject.toml")


@nox.session
def types(session: nox.Session) -> None:
    """Check types with mypy and pyright, both strict: the package, the tests, the examples of the pages."""
    session.install("-e", ".[dev]", *group("recipes"), *group("services"), *group("site"), *group("types"))
    session.run("mypy")
    # Pyright finds packages through the `python` on PATH.
    session.run("pyright")
    examples = Path(session.create_tmp()).resolve() / "examples"
    session.run("python", "-m", "tests.docs.doc_examples", str(examples))
    session.run("mypy", "--config-file", "pyproject.toml", str(examples))


def build_site(session: nox.Session) -> None:
    html = "docs/_build/html"
    # `-E`: a build of some pages drops the search words of the others.
    session.run("sphinx-build", "-E", "-W", "-n", "--keep-going", "-b", "html", "docs", html)
    session.run("python", "docs/links.py", html)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation and check its links. A warning of Sphinx is an error."""
    session.install("-e", ".[cli,otel,redis,testing]", *group("docs"))
    build_site(session)


@nox.session
def site(session: nox.Session) -> None:
    """Build the documentation like `docs`, then use it in a browser, wide and narrow, light and dark."""
    session.run("bash", ".ci/browser", external=True)
    session.install("-e", ".[cli,otel,redis,testing]", *group("docs"), *group("site"))
    build_site(session)
    session.run("pytest", "--confcutdir=tests/site", *(session.posargs or ["tests/site"]))


@nox.session
def build(session: nox.Session) -> None:
    """Build wheel and sdist into dist/, check both, install each in a new environment and run it there."""
    session.install(*group("build"))
    tmp = Path(session.create_tmp()).resolve()
    dist = ROOT / "dist"
    for old in dist.glob("*"):
        old.unlink()
    session.run("python", "-m", "build", "--outdir", str(dist), str(ROOT))
    packages = sorted(dist.iterdir())
    session.run("twine", "check", "--strict", *map(str, packages))
    for package in packages:
        # Away from the sources, so that the installed package is imported.
        session.chdir(tmp)
        environment = tmp / f"installed{package.suffix}"
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
            session.error(f"{package.name}: the installed command does not print the record")
        session.log(f"{package.name} prints {printed}")
        if package.suffix == ".whl":
            session.run(str(bin_dir / "python"), "-m", "pip", "install", f"{package}[dev]", external=True)
            session.chdir(project_without_package(tmp / "tests_of_wheel"))
            session.run(str(bin_dir / "python"), "-m", "pytest", *PARALLEL, *TESTS_OF_WHEEL, external=True)


@nox.session
def release_check(session: nox.Session) -> None:
    """Check that a tag (`-- v1.2.3`) fits the version, the changelog and a clean checkout, then build."""
    version = re.search(r'"(.+)"', (ROOT / "plivo_async" / "_version.py").read_text())
    tag = "".join(session.posargs)
    if version is None or tag != f"v{version[1]}":
        session.error(f"the tag is {tag!r}, the version is {version and version[1]!r}")
    heading = rf"^## \[{re.escape(version[1])}\] - [0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$"
    if not re.search(heading, (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE):
        session.error(f"CHANGELOG.md has no section of {version[1]} with a date")
    changes = session.run("git", "status", "--porcelain", external=True, silent=True)
    if changes:
        session.error(f"the checkout is not clean:\n{changes}")
    session.notify("build")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure one call and many, next to other clients. Needs a machine that does nothing else."""
    session.install("-e", ".", "-r", "tests/benchmarks/requirements.txt")
    session.run("python", "-m", "tests.benchmarks.one_call", *session.posargs)
    # The only option that both have.
    session.run("python", "-m", "tests.benchmarks.bulk", *{"--quick"}.intersection(session.posargs))


@nox.session(python=PYTHONS)
@nox.parametrize("style", ["plain", "uvloop", "eager", "anyio"])
def soak(session: nox.Session, style: str) -> None:
    """Give up random operations on a faulty server for 300 s, and count what they leave behind."""
    if style == "eager" and session.python == PYTHONS[0]:
        session.skip("Python 3.11 has no eager tasks")
    session.install("-e", ".", "anyio", "uvloop")
    session.run("python", "-m", "tests.benchmarks.soak", f"--style={style}", *session.posargs)


@nox.session
def bench_web(session: nox.Session) -> None:
    """Measure a web service next to other clients, and the cost of hang-ups."""
    session.install("-e", ".[testing]", "-r", "tests/benchmarks/requirements.txt", *group("services"))
    session.run("python", "-m", "tests.benchmarks.web_service", *session.posargs)
    session.run("python", "-m", "tests.benchmarks.traced")
    session.run("python", "-m", "tests.benchmarks.hang_ups")


@nox.session
def bench_list(session: nox.Session) -> None:
    """Measure what a list reaches at Plivo's limit, its late records, its CPU and its memory."""
    session.install("-e", ".[testing]")
    session.run("python", "-m", "tests.benchmarks.listing", *session.posargs)


@nox.session
def bench_limit(session: nox.Session) -> None:
    """Measure how 1 to 8 processes share the rate limit, over Redis and otherwise. Needs redis-server."""
    session.install("-e", ".[redis]", "pyrate-limiter>=4")
    session.run("python", "-m", "tests.benchmarks.shared_limit", *session.posargs)


@nox.session
def bench_export(session: nox.Session) -> None:
    """Measure an export next to `get_many` alone, and what kills, a bad day and odd surroundings do."""
    session.install("-e", ".[cli]")
    session.run("python", "-m", "tests.benchmarks.export_cost")
    session.run("python", "-m", "tests.benchmarks.export_kills")
    session.run("python", "-m", "tests.benchmarks.export_bad_day", "--scale", "10")
    session.run("python", "-m", "tests.benchmarks.sync_kills")
    session.run("python", "-m", "tests.benchmarks.surroundings")
