"""Mutation testing: change one expression of the package at a time, list the changes that break no test.

    python -m tests.mutation [MODULE...] [--count N] [--seed N]

A sample of the possible changes of all modules, or of the named ones, is tried in a copy of the project, with
the tests of the changed module only. A survivor shows a missing test, or a change without an effect.
"""

from __future__ import annotations

import argparse
import ast
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[1]
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "_build", "dist", "build", "*.egg-info")
# A mutation that makes the tests hang fails them too.
MOST_SECONDS = 300
# Modules whose tests are elsewhere than in the file of the same name.
TESTS = {
    "plivo_async/__init__.py": ["tests/test_package.py"],
    "plivo_async/__main__.py": ["tests/cli/test_main.py"],
    "plivo_async/_httpx.py": ["tests/test_rooms.py"],
    "plivo_async/_version.py": ["tests/test_package.py"],
    "plivo_async/call_report.py": ["tests/test_events.py", "tests/test_logs.py"],
    "plivo_async/client_notes.py": ["tests/test_events.py", "tests/test_stats.py", "tests/test_logs.py"],
    "plivo_async/context.py": ["tests/test_context.py", "tests/middleware"],
    "plivo_async/credentials.py": ["tests/test_client.py"],
    "plivo_async/exchange.py": ["tests/test_client.py", "tests/middleware"],
    "plivo_async/exported.py": ["tests/test_pickles.py"],
    "plivo_async/http_client.py": ["tests/test_client.py"],
    "plivo_async/httpx2_client.py": ["tests/faults/test_fault_httpx2.py"],
    "plivo_async/log_switch.py": ["tests/test_logs.py"],
    "plivo_async/middleware/__init__.py": ["tests/middleware/test_compose.py"],
    "plivo_async/middleware/attempt.py": ["tests/middleware"],
    "plivo_async/middleware/rate_limiting.py": [
        "tests/middleware/test_rate_limiting.py",
        "tests/middleware/test_limiters_of_users.py",
    ],
    "plivo_async/notes.py": ["tests/test_events.py", "tests/test_logs.py", "tests/test_stats.py"],
    "plivo_async/reply.py": ["tests/resources"],
    "plivo_async/request_building.py": ["tests/test_client.py"],
    "plivo_async/requester.py": ["tests/test_client.py", "tests/middleware"],
    "plivo_async/route.py": ["tests/test_otel.py", "tests/test_events.py"],
    "plivo_async/secret.py": ["tests/test_options.py", "tests/test_client.py"],
    "plivo_async/tracing.py": ["tests/test_otel.py"],
    "plivo_async/urls.py": ["tests/test_validation.py", "tests/test_base_url.py"],
    "plivo_async/wait_notes.py": ["tests/test_events.py", "tests/test_stats.py", "tests/test_logs.py"],
    "plivo_async/watched_transport.py": ["tests/test_watched.py"],
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
}
EXTREMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
Change = Callable[[], object]


@frozen
class Mutation:
    """One change of a module: the line it is in, the source before and after."""

    module: str
    line: int
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.before}  ->  {self.after}"


def nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that run, in order: no annotations, nothing for type checkers only."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        children = value if isinstance(value, list) else [value]
        for child in children:
            for_checkers = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            if isinstance(child, ast.AST) and not for_checkers:
                yield from nodes(child)


def changes(node: ast.AST) -> Iterator[Change]:
    """Yield the ways to change a node in place."""
    match node:
        case ast.Compare():
            for index, operation in enumerate(node.ops):
                others = [*node.ops]
                others[index] = COMPARISONS[type(operation)]()
                yield partial(setattr, node, "ops", others)
        case ast.BinOp() if type(node.op) in OPERATORS:
            yield partial(setattr, node, "op", OPERATORS[type(node.op)]())
        case ast.BoolOp():
            yield partial(setattr, node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.If() | ast.While() | ast.IfExp():
            yield partial(setattr, node, "test", ast.Constant(False))
            yield partial(setattr, node, "test", ast.UnaryOp(ast.Not(), node.test))
        case ast.Constant(value=bool() as value):
            yield partial(setattr, node, "value", not value)
        case ast.Constant(value=int() | float() as value):
            yield partial(setattr, node, "value", value + 1)
        case ast.Name(id=str() as name) if name in EXTREMES:
            yield partial(setattr, node, "id", EXTREMES[name])
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield partial(setattr, node, "value", ast.Constant(None))
        case ast.Return() if node.value is not None:
            yield partial(setattr, node, "value", ast.Constant(None))
        case _:
            pass


def mutations_of(module: str, source: str) -> Iterator[Mutation]:
    """Yield every single change of a module."""
    count = sum(1 for node in nodes(ast.parse(source)) for _ in changes(node))
    for number in range(count):
        tree = ast.parse(source)
        node, change = [(node, change) for node in nodes(tree) for change in changes(node)][number]
        before = ast.unparse(node).partition("\n")[0]
        change()
        after = ast.unparse(ast.fix_missing_locations(node)).partition("\n")[0]
        yield Mutation(module, getattr(node, "lineno", 0), before, after, ast.unparse(tree))


def guards_of(module: str) -> list[str]:
    """Return the test files of a module, or the nearest folder with tests of its neighbours."""
    path = Path(module).relative_to("plivo_async")
    if module in TESTS:
        return TESTS[module]
    if path.parent == Path("redis"):
        # A folder of the name of the library.
        return ["tests/redis_limiter"]
    own = Path("tests") / path.parent / f"test_{path.name}"
    return [str(own if (ROOT / own).exists() else own.parent)]


def fails(folder: Path, tests: list[str]) -> bool:
    """Return whether tests fail in a copy of the project. `-m` puts the copy before the installed package."""
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly"]
    command = [sys.executable, "-B", "-m", "pytest", *options, *tests]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def survives(mutation: Mutation, folders: queue.Queue[Path]) -> bool:
    folder = folders.get()
    module = folder / mutation.module
    original = module.read_text()
    module.write_text(mutation.source)
    try:
        return not fails(folder, guards_of(mutation.module))
    finally:
        module.write_text(original)
        folders.put(folder)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation",
        description="Change single expressions; list those that break no test.",
    )
    parser.add_argument("modules", nargs="*", help="plivo_async/body.py, for example; all without one")
    parser.add_argument("--count", type=int, default=60, help="mutations to try (60)")
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(10_000), help="of the sample (random)"
    )
    given = parser.parse_args()
    modules = given.modules or [
        str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("plivo_async/**/*.py"))
    ]
    every = [one for module in modules for one in mutations_of(module, (ROOT / module).read_text())]
    sample = random.Random(given.seed).sample(every, min(given.count, len(every)))
    sys.stdout.write(f"{len(sample)} of {len(every)} mutations, --seed {given.seed}\n")
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        folders: queue.Queue[Path] = queue.Queue()
        for number in range(os.cpu_count() or 1):
            folders.put(shutil.copytree(ROOT, Path(name) / str(number), ignore=NOT_COPIED))
        for module in sorted({mutation.module for mutation in sample}):
            if fails(Path(name) / "0", guards_of(module)):
                raise SystemExit(f"{module}: its tests fail without a mutation")
        survivors = 0
        for mutation, survived in zip(
            sample, pool.map(partial(survives, folders=folders), sample), strict=True
        ):
            survivors += survived
            sys.stdout.write(f"{'SURVIVED' if survived else 'killed  '} {mutation}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(sample) - survivors} of {len(sample)} killed\n")


if __name__ == "__main__":
    main()
