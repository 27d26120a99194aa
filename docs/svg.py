"""Parts of pictures: boxes, lines, arrows and texts as SVG. docs/draw.py puts them together.

Colours are classes, which follow the scheme of the page around the picture.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

_STYLE = """
  text { font: 14px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #1f2937; }
  .code { font-family: ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; font-size: 13.5px; }
  .small { font-size: 13px; }
  .soft { fill: #5b6675; }
  .bold { font-weight: 600; }
  .middle { text-anchor: middle; }
  .end { text-anchor: end; }
  .line { stroke: #7b8794; fill: none; stroke-width: 1.5; }
  .thin { stroke: #c3cad3; fill: none; }
  .dashed { stroke-dasharray: 4 4; }
  .plain { fill: #ffffff; stroke: #aab4c0; }
  .pale { fill: #eef1f5; stroke: #aab4c0; }
  .good { fill: #bfe8d9; stroke: #0f8a6a; }
  .warm { fill: #fde3b8; stroke: #b7791f; }
  .bad { fill: #f8c9c5; stroke: #c0392b; }
  .mark { stroke: #0d8068; }
  .arrow { fill: #7b8794; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e2e6eb; }
    .soft { fill: #a3adb9; }
    .line { stroke: #8d99a6; }
    .thin { stroke: #4a5360; }
    .plain { fill: #1a1d21; stroke: #5f6a77; }
    .pale { fill: #262b31; stroke: #5f6a77; }
    .good { fill: #14503f; stroke: #3cc39b; }
    .warm { fill: #5a4213; stroke: #e0a94a; }
    .bad { fill: #5e221d; stroke: #f0857a; }
    .mark { stroke: #3cc9a3; }
    .arrow { fill: #8d99a6; }
  }
"""


def svg(width: int, height: int, *parts: str, style: str = _STYLE) -> str:
    """Return a picture. Its description is the alternative text of the page."""
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    return "\n".join([head, f"<style>{style}</style>", *parts, "</svg>", ""])


def text(x: float, y: float, words: str, look: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{look}">{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, look: str = "plain") -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" class="{look}"/>'


def line(*points: tuple[float, float], look: str = "line") -> str:
    path = " L".join(f"{x:g} {y:g}" for x, y in points)
    return f'<path d="M{path}" class="{look}"/>'


def arrow(*points: tuple[float, float], look: str = "line") -> str:
    """Draw a line that ends in an arrow head. Its last part is horizontal or vertical."""
    (x0, y0), (x, y) = points[-2:]
    dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
    # The head is 8 px long and 8 px wide.
    base = (x - 8 * dx, y - 8 * dy)
    left, right = (base[0] + 4 * dy, base[1] + 4 * dx), (base[0] - 4 * dy, base[1] - 4 * dx)
    return line(*points[:-1], base, look=look) + line((x, y), left, right, (x, y), look="arrow")
