"""What is written on a picture: sides, scale, colour bars, names. Pixels from the lower left."""

from __future__ import annotations

from typing import Any

import numpy as np

from HNCLogic.job import Lesion
from HNCLogic.scene.segments import Colour, colours

LIGHT: Colour = (0.93, 0.94, 0.96)
DARK: Colour = (0.10, 0.12, 0.16)
AMBER: Colour = (1.0, 0.72, 0.20)
AMBER_ON_LIGHT: Colour = (0.70, 0.38, 0.0)
EDGE = 18  # pixels that stay free at the picture's border
LINE = 1.35  # line height in font sizes
MOST_NAMES = 8
HALO = ((-1.5, -1.5), (-1.5, 1.5), (1.5, -1.5), (1.5, 1.5))


class Overlay:
    """Draws into a vtkRenderer of ``width`` by ``height`` pixels; ``dark`` is its background."""

    def __init__(self, renderer: Any, width: int, height: int, dark: bool):
        self.renderer, self.width, self.height, self.dark = renderer, width, height, dark
        self.ink = LIGHT if dark else DARK
        self.warning_ink = AMBER if dark else AMBER_ON_LIGHT
        self.actors: list[Any] = []

    def clear(self) -> None:
        for actor in self.actors:
            self.renderer.RemoveViewProp(actor)
        self.actors.clear()

    def text(
        self,
        words: str,
        x: float,
        y: float,
        size: int = 17,
        colour: Colour | None = None,
        bold: bool = False,
        across: str = "left",
        up: str = "bottom",
    ) -> None:
        """``words`` with the given side of them at x (left, centred, right), y (bottom, …)."""
        under = (0.0, 0.0, 0.0) if self.dark else (1.0, 1.0, 1.0)
        for dx, dy in HALO:  # keeps words legible over any tissue
            self._words(words, x + dx, y + dy, size, under, bold, across, up)
        self._words(words, x, y, size, colour or self.ink, bold, across, up)

    def _words(
        self,
        words: str,
        x: float,
        y: float,
        size: int,
        colour: Colour,
        bold: bool,
        across: str,
        up: str,
    ) -> None:
        import vtk

        actor = vtk.vtkTextActor()
        actor.SetInput(words)
        style = actor.GetTextProperty()
        style.SetFontFamilyToArial()
        style.SetFontSize(size)
        style.SetColor(*colour)
        style.SetBold(bold)
        getattr(style, f"SetJustificationTo{across.capitalize()}")()
        getattr(style, f"SetVerticalJustificationTo{up.capitalize()}")()
        actor.SetPosition(x, y)
        self._add(actor)

    def lines(self, rows: list[tuple[str, int, Colour | None, bool]], top: bool) -> None:
        """Rows of (words, size, colour, bold) in the upper or lower left corner."""
        y = float(self.height - EDGE if top else EDGE)
        for words, size, colour, bold in rows if top else reversed(rows):
            self.text(words, EDGE, y, size, colour, bold, up="top" if top else "bottom")
            y += -size * LINE if top else size * LINE

    def sides(self, left: str, right: str, bottom: str, top: str) -> None:
        """The patient's directions at the middle of each border."""
        middle_x, middle_y = self.width / 2, self.height / 2
        for words, x, y, across, up in (
            (left, EDGE, middle_y, "left", "centered"),
            (right, self.width - EDGE, middle_y, "right", "centered"),
            (bottom, middle_x, EDGE, "centered", "bottom"),
            (top, middle_x, self.height - EDGE, "centered", "top"),
        ):
            self.text(words, x, y, 30, AMBER if self.dark else DARK, True, across, up)

    def scale(self, mm_per_pixel: float) -> None:
        """A bar of a round length, a quarter of the picture wide at most, at the lower right."""
        length_mm = max(
            (mm for mm in (5, 10, 20, 50, 100, 200) if mm / mm_per_pixel <= self.width / 4),
            default=5,
        )
        x1 = self.width - EDGE
        x0 = x1 - length_mm / mm_per_pixel
        y = EDGE + 4
        self.polyline([(x0, y + 7), (x0, y), (x1, y), (x1, y + 7)], self.ink, 3)
        words = f"{length_mm // 10} cm" if length_mm >= 10 else f"{length_mm} mm"
        self.text(words, (x0 + x1) / 2, y + 9, 18, across="centered")

    def colour_bar(self, colours: np.ndarray, low: str, high: str, title: str, slot: int) -> None:
        """A vertical bar at the right, upper half; ``slot`` 0 is the outermost, then inward.

        ``colours`` (n, 3), 0 to 255, from the lowest value to the highest.
        """
        width, length = 20, round(0.30 * self.height)
        x = self.width - EDGE - width - 84 * slot
        y = self.height - EDGE - 34 - length
        self._strip(colours, x, y, width, length)
        box = [(x, y), (x + width, y), (x + width, y + length), (x, y + length), (x, y)]
        self.polyline(box, self.ink, 1)
        self.text(title, x + width, y + length + 12, 17, bold=True, across="right")
        self.text(high, x - 7, y + length, 16, across="right", up="top")
        self.text(low, x - 7, y, 16, across="right")

    def chips(self, rows: list[tuple[Colour, str]]) -> None:
        """Names beside squares of their colours, at the right above the scale."""
        y = EDGE + 62.0
        for colour, words in reversed(rows):
            x = self.width - EDGE
            self._square(x - 14, y + 1, 14, colour)
            self.text(words, x - 22, y - 2, 17, across="right")
            y += 17 * 1.5

    def lesions(self, lesions: list[Lesion], searched: bool) -> None:
        """The lesions' names and SUVmax beside their colours: the first MOST_NAMES of them."""
        if searched and not lesions:
            self.text("No lesion outlined", self.width - EDGE, EDGE + 60, 17, across="right")
        colour_of = colours(lesions)
        rows = [
            (colour_of[one.label], f"{one.name}  SUVmax {one.suv_max:.1f}")
            for one in lesions[:MOST_NAMES]
        ]
        if len(lesions) > MOST_NAMES:
            rows.append((self.ink, f"and {len(lesions) - MOST_NAMES} more"))
        self.chips(rows)

    def polyline(self, points: list[tuple[float, float]], colour: Colour, width: float) -> None:
        import vtk

        self._flat([points], vtk.vtkPolyData.SetLines, colour, width)

    def _square(self, x: float, y: float, side: float, colour: Colour) -> None:
        import vtk

        corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
        self._flat([corners], vtk.vtkPolyData.SetPolys, colour, 1)

    def _strip(self, colours: np.ndarray, x: float, y: float, width: int, length: int) -> None:
        import vtk

        step = length / len(colours)
        bands = []
        for n in range(len(colours)):
            y0, y1 = y + n * step, y + (n + 1) * step
            bands.append([(x, y0), (x + width, y0), (x + width, y1), (x, y1)])
        data = self._flat(bands, vtk.vtkPolyData.SetPolys, (1.0, 1.0, 1.0), 1)
        paint = vtk.vtkUnsignedCharArray()
        paint.SetNumberOfComponents(3)
        for red, green, blue in colours:
            paint.InsertNextTuple3(float(red), float(green), float(blue))
        data.GetCellData().SetScalars(paint)

    def _flat(
        self, shapes: list[list[tuple[float, float]]], put: Any, colour: Colour, width: float
    ) -> Any:
        import vtk

        points, cells, data = vtk.vtkPoints(), vtk.vtkCellArray(), vtk.vtkPolyData()
        for shape in shapes:
            cells.InsertNextCell(len(shape))
            for x, y in shape:
                cells.InsertCellPoint(points.InsertNextPoint(x, y, 0.0))
        data.SetPoints(points)
        put(data, cells)
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(data)
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.GetProperty().SetColor(*colour)
        actor.GetProperty().SetLineWidth(width)
        self._add(actor)
        return data

    def _add(self, actor: Any) -> None:
        self.renderer.AddViewProp(actor)
        self.actors.append(actor)
