"""The files around the package: workflows, hooks and metadata agree with each other and with noxfile.py."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


def nox_sessions() -> set[str]:
    functions = [
        n for n in ast.parse((ROOT / "noxfile.py").read_text()).body if isinstance(n, ast.FunctionDef)
    ]
    return {f.name for f in functions if any("session" in ast.unparse(d) for d in f.decorator_list)}


def sessions_named_in(workflow: dict[str, Any]) -> Iterator[str]:
    """The sessions that its commands run, those of a job's matrix included."""
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            for name in re.findall(r"\bnox .*?-s (\S+)", step.get("run", "")):
                yield from job["strategy"]["matrix"]["session"] if name == '"$SESSION"' else [name]


def test_there_are_workflows_for_a_change_a_week_and_a_release() -> None:
    assert {path.stem for path in WORKFLOWS} >= {"ci", "weekly", "release"}


@each_workflow
def test_a_workflow_pins_each_action_to_a_commit_and_names_its_version(path: Path) -> None:
    used = re.findall(r"\buses: *(.*)", path.read_text())

    assert [use for use in used if not re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v[0-9.]+", use)] == []


def test_all_workflows_use_the_same_commit_of_an_action() -> None:
    used = {use for path in WORKFLOWS for use in re.findall(r"\buses: *(.*)", path.read_text())}

    assert len(used) == len({use.partition("@")[0] for use in used})


@each_workflow
def test_a_workflow_has_no_permission_that_a_job_does_not_name(path: Path) -> None:
    workflow = load(path)

    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        checks_out = any("actions/checkout@" in step.get("uses", "") for step in job["steps"])
        granted = job.get("permissions", {})
        assert granted.get("contents") == ("read" if checks_out else None)
        assert "timeout-minutes" in job


@each_workflow
def test_a_checkout_keeps_no_credentials(path: Path) -> None:
    steps = [step for job in load(path)["jobs"].values() for step in job["steps"]]
    checkouts = [step for step in steps if "actions/checkout@" in step.get("uses", "")]

    assert checkouts
    assert [step for step in checkouts if step["with"]["persist-credentials"] is not False] == []


@each_workflow
def test_a_workflow_runs_sessions_that_exist(path: Path) -> None:
    named = set(sessions_named_in(load(path)))

    assert named
    assert named - nox_sessions() == set()


def test_only_the_job_in_the_environment_pypi_can_publish() -> None:
    publishing = [
        (path.stem, job["environment"]["name"], job["permissions"])
        for path in WORKFLOWS
        for job in load(path)["jobs"].values()
        if any("pypi-publish@" in step.get("uses", "") for step in job["steps"])
    ]

    assert publishing == [("release", "pypi", {"id-token": "write"})]


def test_ci_runs_every_supported_python() -> None:
    matrix = load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["tests"]["strategy"]["matrix"]
    classifiers = "\n".join(PYPROJECT["project"]["classifiers"])

    assert matrix["python"] == re.findall(r"Python :: (3\.[0-9]+)$", classifiers, re.MULTILINE)


def test_updates_wait_a_week() -> None:
    updates = load(ROOT / ".github" / "dependabot.yml")["updates"]

    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "pip"}
    assert [update for update in updates if update["cooldown"]["default-days"] < 7] == []


def test_pre_commit_hooks_have_the_versions_of_the_group_lint() -> None:
    [local] = load(ROOT / ".pre-commit-config.yaml")["repos"]
    pins = {pin for hook in local["hooks"] for pin in hook["additional_dependencies"]}

    assert pins == set(PYPROJECT["dependency-groups"]["lint"])


def test_read_the_docs_installs_an_existing_group() -> None:
    install = load(ROOT / ".readthedocs.yaml")["build"]["jobs"]["install"]
    groups = re.findall(r"--group (\w+)", " ".join(install))

    assert groups
    assert set(groups) <= PYPROJECT["dependency-groups"].keys()


def test_every_build_of_the_pages_has_the_extras_whose_modules_the_reference_names() -> None:
    extras = {name for name in PYPROJECT["project"]["optional-dependencies"] if name != "dev"}
    read_the_docs = (ROOT / ".readthedocs.yaml").read_text()
    sessions = re.findall(r"def (?:docs|site)\(.*?\n\n\n", (ROOT / "noxfile.py").read_text(), re.DOTALL)

    assert len(sessions) == 2
    for text in (read_the_docs, *sessions):
        assert set(re.findall(r'"\.\[(.*?)\]"', text)[0].split(",")) == extras


def test_the_source_distribution_has_the_files_that_tests_read() -> None:
    included = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]

    assert [path for path in included if not (ROOT / path.lstrip("/")).exists()] == []
