"""Renders tables as a page of HTML or a picture in SVG, which load nothing from elsewhere. Pure."""

from __future__ import annotations

import io
import re
from typing import Literal, TypeAlias

from rich.console import Console, RenderableType

ReportFormat: TypeAlias = Literal["html", "svg"]

_WIDTH_CHARACTERS = 100
# The braces of the style sheet are doubled for `format`.
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<title>Call detail records</title>
<style>
{stylesheet}
body {{ color: {foreground}; background-color: {background}; }}
code {{ font-family: Menlo, "DejaVu Sans Mono", Consolas, "Courier New", monospace; }}
</style>
</head>
<body>
<pre><code>{code}</code></pre>
</body>
</html>
"""
_FONT_FROM_ELSEWHERE = re.compile(r"@font-face\s*\{[^}]*\}")


def rendered_report(tables: RenderableType, form: ReportFormat) -> str:
    """Return tables as a document."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=_WIDTH_CHARACTERS,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    console.print(tables)
    if form == "html":
        return console.export_html(code_format=_PAGE)
    return _FONT_FROM_ELSEWHERE.sub("", console.export_svg(title="Call detail records"))
