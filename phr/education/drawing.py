"""Draws the images that ship with articles, lines only: `python -m phr.education.drawing FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw

SIZE = (480, 320)
FINER = 4  # drawn larger and made smaller, so that lines are smooth
PAPER, INK, WOOD, CUFF, HEART = "#ffffff", "#24313d", "#9a7b4f", "#2f6f9f", "#c0392b"


def sitting_to_measure() -> Image.Image:
    """Somebody on a chair: back against it, feet flat, the arm on a table, its cuff as high as the heart."""
    image = Image.new("RGB", (SIZE[0] * FINER, SIZE[1] * FINER), PAPER)
    pen = ImageDraw.Draw(image)

    def line(points: list[tuple[int, int]], colour: str, width: int) -> None:
        pen.line([(x * FINER, y * FINER) for x, y in points], fill=colour, width=width * FINER, joint="curve")

    def disc(centre: tuple[int, int], radius: int, colour: str) -> None:
        x, y = centre
        pen.ellipse([(one * FINER) for one in (x - radius, y - radius, x + radius, y + radius)], fill=colour)

    line([(20, 300), (460, 300)], INK, 2)
    line([(110, 90), (110, 300)], WOOD, 8)
    line([(106, 215), (220, 215)], WOOD, 8)
    line([(214, 215), (214, 300)], WOOD, 8)
    line([(255, 176), (440, 176)], WOOD, 8)
    line([(425, 176), (425, 300)], WOOD, 8)
    disc((140, 62), 24, INK)
    line([(140, 84), (138, 202), (232, 202), (236, 292), (264, 292)], INK, 16)
    line([(140, 112), (206, 158), (300, 166)], INK, 14)
    line([(160, 126), (192, 148)], CUFF, 26)
    disc((136, 138), 9, HEART)
    line([(196, 160), (250, 190), (330, 160)], CUFF, 3)
    pen.rounded_rectangle([one * FINER for one in (330, 132, 410, 172)], radius=6 * FINER, fill=CUFF)
    pen.rectangle([one * FINER for one in (342, 142, 398, 162)], fill=PAPER)
    return image.resize(SIZE, Image.Resampling.LANCZOS).quantize(64)


DRAWN = {"sitting-to-measure.png": sitting_to_measure}

if __name__ == "__main__":
    for name, draw in DRAWN.items():
        draw().save(Path(sys.argv[1]) / name, optimize=True)
