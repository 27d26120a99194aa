"""Imports between the rooms of the package run one way.

A room is a folder, or the modules at the top level that belong together. A new module at the top level
needs a line here. An import for type checkers only is free; one inside a function is not.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from attrs import field, frozen

import plivo_async

PACKAGE = Path(plivo_async.__file__).parent


@frozen(kw_only=True)
class Room:
    """Some modules, the rooms and the third-party libraries that they may import."""

    modules: set[str]
    rooms: set[str] = field(factory=set[str])
    libraries: set[str] = field(factory=set[str])


# From the ground up: a room may import from itself and from those that it names, all of them above it here.
ROOMS = {
    "ground": Room(
        modules={
            "_version",
            "call_report",
            "client_notes",
            "errors",
            "events",
            "exported",
            "fair_semaphore",
            "inflate",
            "log_switch",
            "logs",
            "notes",
            "route",
            "secret",
            "server_message",
            "stats",
            "text",
            "validation",
            "wait_notes",
        },
        libraries={"attrs"},
    ),
    # pydantic_core where pydantic asks for a schema.
    "record": Room(modules={"record"}, rooms={"ground"}, libraries={"attrs", "cattrs", "pydantic_core"}),
    "webhooks": Room(modules={"webhooks"}, rooms={"ground", "record"}, libraries={"attrs"}),
    # The door: no other room has httpx among its libraries.
    "httpx": Room(modules={"_httpx"}, libraries={"httpx"}),
    "urls": Room(modules={"urls"}, rooms={"ground", "httpx"}),
    "transport": Room(modules={"transport"}, rooms={"ground", "httpx", "urls"}, libraries={"attrs", "h11"}),
    "values": Room(
        modules={"base_url", "credentials", "options", "rate_limit", "retry_after", "retry_policy"},
        rooms={"ground", "httpx", "urls"},
        libraries={"attrs"},
    ),
    "request": Room(
        modules={
            *("account_url", "body", "context", "deadline", "error_mapping", "redactor", "reply"),
            "request_building",
        },
        rooms={"ground", "httpx", "urls", "values", "transport"},
        libraries={"attrs", "cattrs"},
    ),
    "middleware": Room(
        modules={"middleware"}, rooms={"ground", "httpx", "values", "request"}, libraries={"attrs"}
    ),
    "redis": Room(
        modules={"redis"},
        rooms={"ground", "httpx", "values", "request", "middleware"},
        libraries={"attrs", "redis"},
    ),
    "httpx2": Room(modules={"httpx2_client"}, rooms={"httpx", "request"}, libraries={"httpx2"}),
    # Tools replace functions of httpcore too.
    "watchers": Room(
        modules={"watchers", "watched", "watched_transport"},
        rooms={"httpx", "transport"},
        libraries={"attrs", "httpcore"},
    ),
    "sending": Room(
        modules={"exchange", "http_client", "lifetime", "requester", "tracing"},
        rooms={"ground", "httpx", "httpx2", "watchers", "values", "transport", "request", "middleware"},
        libraries={"attrs"},
    ),
    "resources": Room(
        modules={"resources"},
        rooms={"ground", "record", "values", "request", "sending"},
        libraries={"attrs", "cattrs"},
    ),
    "client": Room(
        modules={"", "client"},
        rooms={
            *("ground", "httpx", "record", "values", "transport"),
            *("request", "middleware", "sending", "resources"),
        },
        libraries={"attrs", "cattrs"},
    ),
    "otel": Room(
        modules={"otel"},
        rooms={"ground", "httpx", "urls", "request", "middleware"},
        libraries={"attrs", "opentelemetry"},
    ),
    "sync": Room(
        modules={"sync"},
        rooms={"ground", "record", "resources", "client"},
        libraries={"attrs"},
    ),
    "testing": Room(
        modules={"testing"},
        rooms={
            *("ground", "httpx", "record", "webhooks", "values", "middleware"),
            *("sending", "resources", "client"),
        },
        libraries={"attrs", "cattrs", "pytest", "uvicorn"},
    ),
    "cli": Room(
        modules={"__main__", "cli"},
        rooms={
            *("ground", "record", "values", "middleware", "resources"),
            *("client", "redis", "sync", "testing"),
        },
        libraries={"attrs", "click", "rich"},
    ),
}


@frozen(kw_only=True)
class Import:
    """`line` of a module imports `target`, both as dotted names without the package's."""

    module: str
    line: int
    target: str
    deferred: bool

    def __str__(self) -> str:
        path = self.module.replace(".", "/") or "__init__"
        return f"plivo_async/{path}, line {self.line}: imports {self.target or 'plivo_async'}"


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports_of(module: str, tree: ast.AST, *, deferred: bool = False) -> Iterator[Import]:
    """The imports of a module that run, those inside functions `deferred`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            # `from package import module` imports the module, any other name its own module.
            targets = [
                name if name.removeprefix("plivo_async.") in MODULES else node.module for name in names
            ]
        for target in dict.fromkeys(targets):
            yield Import(module=module, line=getattr(node, "lineno", 0), target=target, deferred=deferred)
        inside = deferred or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from imports_of(module, node, deferred=inside)


IMPORTS = [found for name, path in MODULES.items() for found in imports_of(name, ast.parse(path.read_text()))]
OURS = [found for found in IMPORTS if found.target.partition(".")[0] == "plivo_async"]


def room_of(module: str) -> str:
    top = module.partition(".")[0]
    rooms = [name for name, room in ROOMS.items() if top in room.modules]
    assert len(rooms) == 1, f"{module or 'plivo_async'} is in {len(rooms)} rooms, not in one"
    return rooms[0]


def inner(target: str) -> str:
    return target.partition(".")[2]


def test_every_module_is_in_one_room() -> None:
    assert {room_of(module) for module in MODULES} == ROOMS.keys()


def test_a_room_names_only_rooms_before_it() -> None:
    order = list(ROOMS)
    back = {name: [r for r in ROOMS[name].rooms if r not in order[:i]] for i, name in enumerate(order)}
    assert {name: rooms for name, rooms in back.items() if rooms} == {}


def test_a_module_imports_only_from_its_room_and_those_it_may() -> None:
    wrong: list[str] = []
    for found in OURS:
        here, there = room_of(found.module), room_of(inner(found.target))
        if there not in {here} | ROOMS[here].rooms:
            wrong.append(f"{found}: {here} may not import {there}")
    assert not wrong, "\n".join(wrong)


def test_a_module_imports_only_the_libraries_of_its_room() -> None:
    wrong: list[str] = []
    for found in IMPORTS:
        library, room = found.target.partition(".")[0], room_of(found.module)
        if library in sys.stdlib_module_names | {"plivo_async"} | ROOMS[room].libraries:
            continue
        wrong.append(f"{found}: {room} may not import {library}")
    assert not wrong, "\n".join(wrong)


def test_modules_import_each_other_in_no_circle() -> None:
    graph: dict[str, set[str]] = {}
    for found in OURS:
        if not found.deferred:
            graph.setdefault(found.module, set()).add(inner(found.target))
    # Fails with the circle in its message.
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        ("import plivo_async.client", [("plivo_async.client", False)]),
        (
            "from plivo_async import errors, AsyncClient",
            [("plivo_async.errors", False), ("plivo_async", False)],
        ),
        ("def f():\n    from plivo_async.client import AsyncClient", [("plivo_async.client", True)]),
        ("try:\n    import httpx\nexcept ImportError:\n    pass", [("httpx", False)]),
        ("if TYPE_CHECKING:\n    import httpx", []),
        ("class A:\n    async def f(self):\n        import httpx", [("httpx", True)]),
    ],
)
def test_an_import_is_found(source: str, targets: list[tuple[str, bool]]) -> None:
    found = imports_of("client", ast.parse(source))
    assert [(one.target, one.deferred) for one in found] == targets
