"""One to three pages to hand to a doctor, in Chinese or English, with charts.

The font, WenQuanYi Micro Hei, is embedded as far as it is used: a reader without Chinese fonts would show an allergy as
nothing at all.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from datetime import date
from functools import cache
from html import escape
from importlib import resources

from reportlab.graphics.shapes import Drawing, Line, PolyLine, String
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Table

from phr.interchange.exporters import Asked
from phr.interchange.sheet import TITLES, Chart, Sheet, sheet

NAME = "pdf"
MEDIA_TYPE = "application/pdf"
SUFFIX = ".pdf"

FONT = "WenQuanYi Micro Hei"
FONT_FILE = resources.files("paperang_p2_fonts_cjk") / "fonts" / "wqy-microhei.ttc"
WIDTH, HEIGHT = 84 * mm, 40 * mm  # of a chart, two side by side
COLOURS = ("#1b4f8a", "#b3541e")
PLAIN = ParagraphStyle("plain", fontName=FONT, fontSize=9, leading=12, wordWrap="CJK")
HEAD = ParagraphStyle("head", parent=PLAIN, fontSize=11, leading=15, spaceBefore=6, textColor=HexColor(COLOURS[0]))
TITLE = ParagraphStyle("title", parent=PLAIN, fontSize=17, leading=22)
SMALL = ParagraphStyle("small", parent=PLAIN, fontSize=7.5, leading=10, textColor=HexColor("#555555"))


def write(asked: Asked) -> Iterator[bytes]:
    """Raises NotFound."""
    _register()
    out = io.BytesIO()
    said = sheet(asked)
    margins = {"leftMargin": 18 * mm, "rightMargin": 18 * mm, "topMargin": 15 * mm, "bottomMargin": 15 * mm}
    SimpleDocTemplate(out, pagesize=A4, title=said.title, invariant=1, **margins).build(_flow(said, asked))
    yield out.getvalue()


@cache
def _register() -> None:
    with resources.as_file(FONT_FILE) as path:
        pdfmetrics.registerFont(TTFont(FONT, str(path)))


def _flow(said: Sheet, asked: Asked) -> list[Flowable]:
    to = asked.language
    parts: list[Flowable] = [_text(said.title, TITLE), _text(" · ".join(said.about))]
    for title, lines in said.sections:
        parts.append(KeepTogether([_text(title, HEAD), *(_text(line) for line in lines)]))
    if said.numbers:
        rows = [[_text(cell) for cell in row] for row in said.numbers]
        parts += [_text(TITLES["latest"][to], HEAD), Table(rows, colWidths=[80 * mm, 45 * mm, 45 * mm], hAlign="LEFT")]
    if said.charts:
        drawn = [_drawing(one) for one in said.charts]
        pairs = [[*drawn[low : low + 2], *[""] * (2 - len(drawn[low : low + 2]))] for low in range(0, len(drawn), 2)]
        parts.append(KeepTogether([_text(TITLES["charts"][to], HEAD), Table(pairs, hAlign="LEFT")]))
    return [*parts, _text(said.source, SMALL)]


def _text(words: str, style: ParagraphStyle = PLAIN) -> Paragraph:
    return Paragraph(escape(words), style)


def _drawing(chart: Chart) -> Drawing:
    """Lines over the days between the first and the last, on a scale that holds them all."""
    points = [point for line in chart.lines.values() for point in line]
    first, last = min(day for day, _ in points), max(day for day, _ in points)
    low, high = _scale(min(value for _, value in points), max(value for _, value in points))
    drawing = Drawing(WIDTH, HEIGHT)
    left, bottom, right, top = 24.0, 14.0, WIDTH - 6, HEIGHT - 16

    def place(day: int, value: float) -> tuple[float, float]:
        across = (day - first) / max(1, last - first)
        return left + across * (right - left), bottom + (value - low) / (high - low) * (top - bottom)

    for level in (low, (low + high) / 2, high):
        _, y = place(first, level)
        drawing.add(Line(left, y, right, y, strokeColor=HexColor("#dddddd"), strokeWidth=0.5))
        drawing.add(String(left - 3, y - 2, f"{level:g}", fontName=FONT, fontSize=6, textAnchor="end"))
    for day, anchor in ((first, "start"), (last, "end")):
        x, _ = place(day, low)
        drawing.add(String(x, 4, date.fromordinal(day).isoformat(), fontName=FONT, fontSize=6, textAnchor=anchor))
    for line, colour in zip(chart.lines.values(), COLOURS, strict=False):
        flat = [coordinate for day, value in line for coordinate in place(day, value)]
        if len(line) > 1:
            drawing.add(PolyLine(flat, strokeColor=HexColor(colour), strokeWidth=1))
    drawing.add(String(left, HEIGHT - 9, chart.title, fontName=FONT, fontSize=8))
    return drawing


def _scale(low: float, high: float) -> tuple[float, float]:
    """Limits around the values, on whole steps of 1, 2 or 5 times a power of ten."""
    span = max(high - low, abs(high) * 0.02, 1e-6)
    power = 10 ** math.floor(math.log10(span / 2))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= span / 4)
    bottom = math.floor(low / step) * step
    return bottom, max(math.ceil(high / step) * step, bottom + step)
