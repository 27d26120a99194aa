"""The pages name what there is: all of it."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections import Counter
from pathlib import Path

import attrs
import pytest

import plivo_async
from plivo_async import CallDetailRecord, RequestOptions, RetryPolicy
from plivo_async.options import DEFAULT_DEADLINE_SECONDS, DEFAULT_MAX_BODY_BYTES, DEFAULT_TIMEOUT
from tests.docs.doc_examples import ROOT, pages


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def code_in(page: str) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", text_of(page)))


def names_in_the_reference() -> Counter[str]:
    """The full names that the pages of the API describe."""
    names: Counter[str] = Counter()
    for page in sorted((ROOT / "docs/reference/api").glob("*.md")):
        for section in re.split(r"\.\. currentmodule:: ", page.read_text())[1:]:
            module = section.partition("\n")[0]
            listed = re.findall(r"^\.\. (?:auto\w+|py:\w+):: (\w+)$", section, re.MULTILINE)
            names.update(f"{module}.{name}" for name in listed)
    return names


def test_the_reference_has_every_public_name_once_and_no_other() -> None:
    modules = ["", ".events", ".otel", ".redis", ".sync", ".testing", ".webhooks"]
    public = [
        f"plivo_async{module}.{name}"
        for module in modules
        for name in importlib.import_module(f"plivo_async{module}").__all__
        if name != "__version__"
    ]

    assert names_in_the_reference() == Counter(public)


def test_a_method_that_the_entry_of_its_class_leaves_out_is_on_another_page() -> None:
    text = "".join(page.read_text() for page in sorted((ROOT / "docs/reference/api").glob("*.md")))
    left_out = re.findall(r"^\.\. autoclass:: (\w+Resource)\n   :exclude-members: (.*)$", text, re.MULTILINE)
    methods = [f"{kind}.{name}" for kind, names in left_out for name in names.split(", ")]

    assert len(methods) >= 6
    assert sorted(methods) == sorted(re.findall(r"^\.\. automethod:: (\S+)$", text, re.MULTILINE))


def test_the_table_of_the_reference_has_every_name_and_links_to_its_entry() -> None:
    rows = re.findall(
        r"^\| \[`(\w+)`\]\(#([\w.]+)\) \| \S.* \|$", text_of("docs/reference/api.md"), re.MULTILINE
    )

    assert Counter(link for _, link in rows) == names_in_the_reference()
    assert [link for name, link in rows if not link.endswith(f".{name}")] == []


def test_the_record_page_names_every_field_and_property() -> None:
    properties = {name for name, value in vars(CallDetailRecord).items() if isinstance(value, property)}

    assert attrs.fields_dict(CallDetailRecord).keys() | properties <= code_in("docs/reference/record.md")


def test_the_page_on_retries_names_every_option() -> None:
    assert RequestOptions.__annotations__.keys() <= code_in("docs/reference/retries.md")


def test_the_text_of_the_options_has_their_defaults() -> None:
    text = " ".join((RequestOptions.__doc__ or "").split())

    assert f"Default: {DEFAULT_TIMEOUT.read:g}, to connect {DEFAULT_TIMEOUT.connect:g}." in text
    assert f"Default: {DEFAULT_DEADLINE_SECONDS:g}." in text
    assert f"Default: {RetryPolicy().max_attempts} attempts." in text
    assert f"Default: {DEFAULT_MAX_BODY_BYTES / 2**20:g} MiB." in text


def test_the_page_for_contributors_names_every_nox_session_and_module() -> None:
    listed = " ".join(re.findall(r"^\| (`.*) \| ", text_of("CONTRIBUTING.md"), re.MULTILINE))
    functions = [node for node in ast.parse(text_of("noxfile.py")).body if isinstance(node, ast.FunctionDef)]
    sessions = {f.name for f in functions if any("session" in ast.unparse(d) for d in f.decorator_list)}
    package = Path(plivo_async.__file__).parent
    modules = {file.stem for file in package.glob("[a-z]*.py")} | {
        f"{folder.parent.name}/" for folder in package.glob("*/__init__.py")
    }

    assert {name for name in sessions if f"`{name}" not in listed} == set()
    assert {name for name in modules if f"`{name}`" not in listed} == set()


def test_the_first_line_of_a_property_has_no_colon_that_sphinx_would_end_a_type_at() -> None:
    nodes = [
        node
        for file in Path(plivo_async.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any("property" in ast.unparse(d) for d in node.decorator_list)
    ]
    first_lines = [(ast.get_docstring(node) or "").partition("\n")[0] for node in nodes]

    assert any(first_lines)
    assert [line for line in first_lines if re.search(r":(\s|$)", line)] == []


@pytest.mark.parametrize("page", sorted({*pages(), *ROOT.glob("*.md")}), ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_links_of_the_readme_are_absolute_because_a_package_index_shows_it_without_the_files() -> None:
    urls = tomllib.loads(text_of("pyproject.toml"))["project"]["urls"]
    site, source = f"{urls['Documentation']}en/latest/", f"{urls['Source']}/blob/main/"
    links = re.findall(r"\]\(([^)]+)\)", text_of("README.md"))
    own = [link for link in links if link.startswith((site, source))]

    assert [link for link in links if not link.startswith("https://")] == []
    assert len(own) > 10
    for link in own:
        file, _, anchor = link.partition("#")
        page = (
            file.replace(site, "docs/").replace(".html", ".md") if site in file else file.removeprefix(source)
        )
        headings = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
        assert not anchor or anchor in {
            re.sub("[^a-z0-9-]", "", h.lower().replace(" ", "-")) for h in headings
        }


def test_the_text_of_a_definition_begins_on_a_line_of_its_own() -> None:
    """On the line of its term, which a tool that wraps lines can put it on, it is shown as plain text."""
    fenced = re.compile(r"^(`{3,}).*?^\1`*$", re.MULTILINE | re.DOTALL)
    found = {
        page.name: re.findall(r"^[^|\n].* : \S.*$", fenced.sub("", page.read_text()), re.MULTILINE)
        for page in pages()
    }

    assert {name: lines for name, lines in found.items() if lines} == {}
