from __future__ import annotations

import pytest

from tests.mutation import ROOT, guards_of, mutations_of


@pytest.mark.parametrize(
    ("source", "mutated"),
    [
        ("a < b", ["a <= b"]),
        ("a is None", ["a is not None"]),
        ("a - b", ["a + b"]),
        ("a and b", ["a or b"]),
        ("a = 1", ["a = 2"]),
        ("a = True", ["a = False"]),
        ("min(a)", ["None", "max(a)"]),
        ("if a:\n    b", ["if False:\n    b", "if not a:\n    b"]),
        ("def f() -> Literal[1]:\n    return a", ["def f() -> Literal[1]:\n    return None"]),
        ("if TYPE_CHECKING:\n    a = 1", []),
        ("a = 'text'", []),
    ],
)
def test_each_change_is_a_mutation_of_its_own(source: str, mutated: list[str]) -> None:
    assert [mutation.source for mutation in mutations_of("module.py", source)] == mutated


def test_every_module_has_tests() -> None:
    for path in ROOT.glob("plivo_async/**/*.py"):
        module = path.relative_to(ROOT).as_posix()
        assert all((ROOT / tests).exists() for tests in guards_of(module)), module
