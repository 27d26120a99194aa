"""Write the reference of the command line: `python -m docs.command_line`.

The page has every text of `--help` from the same objects of click, so the two cannot differ. It is committed
as Markdown, so that it can be read in the repository too. A test compares it with the functions here.
Sections that a person wrote are around the two marks in the page, and stay.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from textwrap import fill

import click

from plivo_async.cli.app import commands
from plivo_async.cli.client import connection_options
from plivo_async.cli.export.run_options import run_options
from plivo_async.cli.output import PROGRAM
from plivo_async.cli.span_options import selection_options
from plivo_async.cli.transfer_options import transfer_options

PAGE = Path(__file__).parent / "reference" / "command-line.md"
BEGIN, END = "<!-- From here on: docs/command_line.py -->", "<!-- To here: docs/command_line.py -->"
_WIDTH = 120
# In the order of the work, not of the alphabet.
_ORDER = ("get", "list", "export", "retry", "sync", "summarize", "fake", "demo", "completion")
# Commands, options, variables, files, URLs, times and values.
_CODE = re.compile(
    r"(?<![\w/.-])(?:plivo-async(?: [a-z]+(?: OUTPUT)?)?|--?[a-z][a-z-]*|-|[A-Z]+(?:_[A-Z]+)+(?:=1)?"
    r"|(?:OUTPUT|FILE)(?:\.[a-z]+)*|[a-z]+://(?:[\w.]*\w)?|'[^' ]+ [^' ]+'|[0-9]+/[0-9]+|[0-9]+[mhdw]"
    r"|[0-9]{4}-[0-9T:+-]+|\.(?:db|sqlite3?|ndjson|jsonl|csv)|[a-z]+\.(?:txt|ndjson|CallUUID)|none)(?![\w/])"
)
_FACT = re.compile(r"\s*\[(default|env var): ([^\]]*)\]")


def _options_of(decorate: Callable[[Callable[..., None]], Callable[..., None]]) -> list[click.Option]:
    def nothing(**_given: object) -> None: ...

    return [
        option for option in click.command()(decorate(nothing)).params if isinstance(option, click.Option)
    ]


def groups() -> dict[str, list[click.Option]]:
    """Return the options that several commands share, by the title of their section."""
    pace = _options_of(transfer_options)
    names = {option.name for option in pace}
    return {
        "A span of time and filters": _options_of(selection_options),
        "The rate limit": pace,
        "A long run": [option for option in _options_of(run_options) if option.name not in names],
        "The connection": _options_of(connection_options),
    }


def with_code(text: str) -> str:
    """Return a text of the help as Markdown."""
    return _CODE.sub(lambda found: f"`{found[0].strip(chr(39))}`", text).replace("*", r"\*")


def option_item(option: click.Option) -> str:
    """Return an option as an item of a list."""
    facts = _FACT.findall(option.help or "")
    if option.show_default:
        facts.append(
            ("default", f"{option.default:g}" if isinstance(option.default, float) else option.default)
        )
    if option.envvar and ("env var", option.envvar) not in facts:
        facts.append(("env var", option.envvar))
    text = with_code(_FACT.sub("", option.help or "").strip())
    if isinstance(option.type, click.Choice) and option.metavar is None:
        text = re.sub(rf"\b({'|'.join(map(str, option.type.choices))})\b(?=: |,| and | are )", r"`\1`", text)
    for name, value in sorted(facts):
        shown = with_code(value) if " " in str(value) else f"`{value}`"
        text += f" {'Default' if name == 'default' else 'Variable'}: {shown}."
    if isinstance(option.type, click.IntRange | click.FloatRange) and not option.count:
        text += f" Range: `{_range(option.type)}`."
    return fill(
        f"- `{_names(option)}`: {text}",
        _WIDTH,
        subsequent_indent="  ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _range(kind: click.IntRange | click.FloatRange) -> str:
    least = "" if kind.min is None else f"{kind.min}{'<' if kind.min_open else '<='}"
    most = "" if kind.max is None else f"{'<' if kind.max_open else '<='}{kind.max}"
    return f"x{'>' if kind.min_open else '>='}{kind.min}" if least and not most else f"{least}x{most}"


def _names(option: click.Option) -> str:
    names = ", ".join(option.opts)
    if option.is_flag or option.count:
        return names
    if option.metavar is None and isinstance(option.type, click.Choice):
        return f"{names} [{'|'.join(map(str, option.type.choices))}]"
    return f"{names} {option.metavar or option.type.name.upper()}"


def description(command: click.Command) -> Iterator[str]:
    """Yield the paragraphs of the help of a command; examples are a block of code."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if not paragraph.startswith("\b"):
            yield _filled(with_code(" ".join(paragraph.split())))
        else:
            yield f"```text\n{_examples(paragraph)}\n```"


def _examples(paragraph: str) -> str:
    """Return examples as lines of a shell: what explains them is a comment."""
    lines = [line for line in paragraph.splitlines() if line not in ("\b", "Examples:")]
    return "\n".join(line[2:] if line.startswith("  ") else f"# {line.removesuffix(':')}" for line in lines)


def _filled(text: str) -> str:
    return fill(text, _WIDTH, break_on_hyphens=False, break_long_words=False)


def exit_codes(epilog: str) -> Iterator[str]:
    """Yield the exit codes in the help of a command as a table, and the rest as a paragraph."""
    joined = re.sub(r"\n {4,}", " ", epilog)
    codes = re.findall(r"^  ([0-9]+)  (.*)$", joined, re.MULTILINE)
    rows = [f"| {code} | {with_code(meaning)} |" for code, meaning in codes]
    yield "\n".join(["| Exit code | Meaning |", "|---|---|", *rows])
    rest = [line for line in joined.splitlines() if line and line[0] not in " \b" and line != "Exit codes:"]
    yield _filled(with_code(" ".join(rest)))


def usage(command: click.Command) -> str:
    """Return the line of the help that shows how a command is called."""
    pieces: Iterable[str] = command.collect_usage_pieces(click.Context(command, info_name=command.name))
    return " ".join([PROGRAM, str(command.name), *pieces])


def section(command: click.Command) -> Iterator[str]:
    """Yield the paragraphs of a command."""
    yield f"## {command.name}"
    yield f"```text\n{usage(command)}\n```"
    yield from description(command)
    own = [option for option in command.params if isinstance(option, click.Option) and option.name != "help"]
    shared: list[str] = []
    for title, options in groups().items():
        texts = {option_item(option) for option in options}
        if texts <= {option_item(option) for option in own}:
            own = [option for option in own if option_item(option) not in texts]
            shared.append(f"[{title[0].lower()}{title[1:]}](#{title.lower().replace(' ', '-')})")
    if own:
        yield "\n".join(map(option_item, own))
    if shared:
        yield _filled(f"{'Further' if own else 'Its'} options: {', '.join(shared)}.")
    if command.epilog:
        yield from exit_codes(command.epilog)


def page() -> str:
    """Return the generated part of the page."""
    found = commands.commands
    rows = [f"| [`{name}`](#{name}) | {next(description(found[name]))} |" for name in _ORDER]
    parts = ["\n".join(["| Command | |", "|---|---|", *rows])]
    for name in _ORDER:
        parts += section(found[name])
    parts.append("## Shared options")
    for title, options in groups().items():
        parts += [f"### {title}", "\n".join(map(option_item, options))]
    parts += ["## Exit codes", *exit_codes(commands.epilog or "")]
    return "\n\n".join(parts)


def with_generated(text: str) -> str:
    """Return the page with the part between the two marks as it is now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{page()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_generated(PAGE.read_text()))
