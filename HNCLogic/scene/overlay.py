"""What is written on a picture: sides, scale, colour bars, names. Pixels from the lower left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.scene.segments import Colour

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Lesion

Extent = tuple[float, float, float, float]  # pixels: left, right, bottom, top

LIGHT: Colour = (0.93, 0.94, 0.96)
DARK: Colour = (0.10, 0.12, 0.16)
AMBER: Colour = (1.0, 0.72, 0.20)
AMBER_ON_LIGHT: Colour = (0.70, 0.38, 0.0)
EDGE = 18  # pixels that stay free at the picture's border
LINE = 1.35  # line height in font sizes
MOST_NAMES = 8
PANEL_OPACITY = 0.55
PADDING = 6  # of a panel around its words
ACTORS_AT_ONCE = 20
HALO = ((-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0))


class Overlay:
    """Words and shapes for a vtkRenderer of ``width`` by ``height`` pixels.

    They are on the picture after ``add_parts()``. ``dark`` says what its background is.
    """

    def __init__(self, renderer: Any, width: int, height: int, dark: bool):
        self.renderer, self.width, self.height, self.dark = renderer, width, height, dark
        self.ink = LIGHT if dark else DARK
        self.paper = (0.0, 0.0, 0.0) if dark else (1.0, 1.0, 1.0)
        self.warning_ink = AMBER if dark else AMBER_ON_LIGHT
        self.panels: list[Any] = []
        self.actors: list[Any] = []

    def clear(self) -> None:
        for actor in (*self.panels, *self.actors):
            self.renderer.RemoveViewProp(actor)
        self.panels.clear()
        self.actors.clear()

    def add_parts(self) -> Iterator[None]:
        """Put everything on the picture, some of it a step: the panels first, for what comes later
        lies above. Words are costly where they are drawn for the first time: a renderer that
        draws after each step never takes long."""
        everything = (*self.panels, *self.actors)
        for first in range(0, len(everything), ACTORS_AT_ONCE):
            for actor in everything[first : first + ACTORS_AT_ONCE]:
                self.renderer.AddViewProp(actor)
            yield

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
    ) -> Extent:
        """``words`` with the given side of them at x (left, centred, right), y (bottom, …).

        Returns the pixels that they cover.
        """
        for dx, dy in HALO:  # keeps words legible over any tissue
            self._words(words, x + dx, y + dy, size, self.paper, bold, across, up)
        return self._words(words, x, y, size, colour or self.ink, bold, across, up)

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
    ) -> Extent:
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
        self.actors.append(actor)
        around = [0.0] * 4
        actor.GetBoundingBox(self.renderer, around)
        return (x + around[0], x + around[1], y + around[2], y + around[3])

    def panel(self, extents: list[Extent]) -> None:
        """A veil under what covers ``extents``, so that it reads over bone as over air."""
        if not extents:
            return
        x0, y0 = (min(one[i] for one in extents) - PADDING for i in (0, 2))
        x1, y1 = (max(one[i] for one in extents) + PADDING for i in (1, 3))
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        veil = _flat([corners], "SetPolys", self.paper, 1)
        veil.GetProperty().SetOpacity(PANEL_OPACITY)
        self.panels.append(veil)

    def lines(self, rows: list[tuple[str, int, Colour | None, bool]], top: bool) -> None:
        """Rows of (words, size, colour, bold) in the upper or lower left corner."""
        y = float(self.height - EDGE if top else EDGE)
        covered = []
        for words, size, colour, bold in rows if top else reversed(rows):
            up = "top" if top else "bottom"
            covered.append(self.text(words, EDGE, y, size, colour, bold, up=up))
            y += -size * LINE if top else size * LINE
        self.panel(covered)

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
        covered = self.text(words, (x0 + x1) / 2, y + 9, 18, across="centered")
        self.panel([covered, (x0, x1, y, y)])

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
        covered = [
            self.text(title, x + width, y + length + 12, 17, bold=True, across="right"),
            self.text(high, x - 7, y + length, 16, across="right", up="top"),
            self.text(low, x - 7, y, 16, across="right"),
            (x, x + width, y, y + length),
        ]
        self.panel(covered)

    def lesions(self, lesions: list[Lesion], colour_of: dict[int, Colour], searched: bool) -> None:
        """Names and SUVmax of ``lesions`` beside their colours, at the right above the scale.

        ``colour_of`` has all the case's lesions, by label; where there are none although they
        were ``searched`` for, that is said. At most MOST_NAMES are named.
        """
        y = EDGE + 62.0
        x = self.width - EDGE
        if searched and not colour_of:
            self.panel([self.text("No lesion outlined", x, y, 17, across="right")])
            return
        rows: list[tuple[Colour | None, str]] = [
            (colour_of[one.label], f"{one.name}  SUVmax {one.suv_max:.1f}")
            for one in lesions[:MOST_NAMES]
        ]
        if len(lesions) > MOST_NAMES:
            rows.append((None, f"and {len(lesions) - MOST_NAMES} more"))
        covered = []
        for colour, words in reversed(rows):
            if colour is not None:
                corners = [(x - 14, y), (x, y), (x, y + 14), (x - 14, y + 14)]
                self.actors.append(_flat([corners], "SetPolys", colour, 1))
            covered.append(self.text(words, x - 22, y - 2, 17, across="right"))
            covered.append((x - 14, x, y, y + 14))
            y += 17 * 1.5
        self.panel(covered)

    def polyline(self, points: list[tuple[float, float]], colour: Colour, width: float) -> None:
        self.actors.append(_flat([points], "SetLines", colour, width))

    def _strip(self, colours: np.ndarray, x: float, y: float, width: int, length: int) -> None:
        import vtk

        step = length / len(colours)
        bands = []
        for n in range(len(colours)):
            y0, y1 = y + n * step, y + (n + 1) * step
            bands.append([(x, y0), (x + width, y0), (x + width, y1), (x, y1)])
        actor = _flat(bands, "SetPolys", (1.0, 1.0, 1.0), 1)
        self.actors.append(actor)
        paint = vtk.vtkUnsignedCharArray()
        paint.SetNumberOfComponents(3)
        for red, green, blue in colours:
            paint.InsertNextTuple3(float(red), float(green), float(blue))
        actor.GetMapper().GetInput().GetCellData().SetScalars(paint)


def _flat(shapes: list[list[tuple[float, float]]], kind: str, colour: Colour, width: float) -> Any:
    """A vtkActor2D of shapes in pixels; ``kind`` is how their points join: SetLines, SetPolys."""
    import vtk

    points, cells, data = vtk.vtkPoints(), vtk.vtkCellArray(), vtk.vtkPolyData()
    for shape in shapes:
        cells.InsertNextCell(len(shape))
        for x, y in shape:
            cells.InsertCellPoint(points.InsertNextPoint(x, y, 0.0))
    data.SetPoints(points)
    getattr(data, kind)(cells)
    mapper = vtk.vtkPolyDataMapper2D()
    mapper.SetInputData(data)
    actor = vtk.vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*colour)
    actor.GetProperty().SetLineWidth(width)
    return actor
