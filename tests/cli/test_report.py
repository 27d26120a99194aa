"""A report is one document that loads nothing from elsewhere."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from rich.text import Text

from plivo_async.cli.number_table import NumberTable
from plivo_async.cli.report import rendered_report

_TABLE = NumberTable("Name", ("Calls",), [("<b>&x</b>", ("1,234",))], bars=[(1.0, 0.5)])


def test_a_page_of_html_escapes_names_and_loads_nothing() -> None:
    page = rendered_report(_TABLE, "html")

    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "&lt;b&gt;&amp;x&lt;/b&gt;" in page
    assert "1,234" in page
    assert "█" in page
    assert not re.search("https?:|src=|href=|url\\(", page)


def test_a_picture_in_svg_is_xml_and_loads_nothing() -> None:
    picture = rendered_report(_TABLE, "svg")

    assert ET.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    assert "1,234" in picture
    without_comments = re.sub("<!--.*?-->", "", picture)
    assert not re.search("@font-face|https?:(?!//www.w3.org/2000/svg)|url\\((?!#)", without_comments)


def test_a_report_does_not_depend_on_the_terminal() -> None:
    text = Text("x" * 99)

    assert "x" * 99 in rendered_report(text, "html")
