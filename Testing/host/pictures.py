"""Pictures of a panel beside the views, as a clinician has them on the screen.

One process draws at one scale, so a picture at 2x is made by a child process:
``python -m Testing.host.pictures MODULE.py OUT.png --palette dark --scale 2``.
"""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]

PANEL_WIDTH = 460
LEAST_HEIGHT, LEAST_VIEWS, MOST_VIEWS = 640, 560, 900
GAP, BAR = 4, 20
COLOURS = {"Red": "#f34a33", "Green": "#6eb04b", "Yellow": "#edd54c"}
THREE_D_COLOUR = "#9497d0"
AXES = (("R", "L"), ("A", "P"), ("S", "I"))  # the names of + and - along x, y, z (RAS)


def save_picture(
    path: Path, panel: Any, app: Any, views: bool = True, wide: int | None = None
) -> Path:
    """Write a PNG of ``panel``, as tall as it wants to be, beside the layout's views.

    ``wide``: the panel's least width in pixels, PANEL_WIDTH where none is given.

    Raises OSError where the file cannot be written.
    """
    from PySide6.QtCore import QPoint, QRect, Qt
    from PySide6.QtGui import QImage, QPainter, QPalette

    from Testing.host import event_loop

    width, height = _fit(panel, PANEL_WIDTH if wide is None else wide)
    if panel.focusWidget() is not None:
        panel.focusWidget().clearFocus()  # a cursor blinks: no two pictures would be alike
    event_loop.turn()
    grabbed = panel.grab()
    scale = grabbed.devicePixelRatio()
    beside = min(max(height, LEAST_VIEWS), MOST_VIEWS) if views else 0
    whole = width + (beside + GAP if views else 0)
    image = QImage(round(whole * scale), round(height * scale), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(scale)
    image.fill(app.palette().color(QPalette.ColorRole.Window))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.drawPixmap(QPoint(0, 0), grabbed)
    if views:
        area = QRect(width + GAP, 0, beside, height)
        painter.fillRect(area.adjusted(-GAP, 0, 0, 0), Qt.GlobalColor.black)
        _draw_views(painter, area, app.layoutManager(), scale)
    painter.end()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not image.save(str(path), "PNG"):
        raise OSError(f"the picture could not be written: {path}")
    return path


def _fit(panel: Any, wide: int) -> tuple[int, int]:
    """Give the panel this width and the height that it asks for; both, in pixels."""
    layout = panel.layout()
    width = max(wide, layout.totalMinimumSize().width())
    wanted = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else 0
    height = max(LEAST_HEIGHT, wanted, layout.totalSizeHint().height())
    panel.resize(width, height)
    return width, height


def _draw_views(painter: Any, area: Any, layouts: Any, scale: float) -> None:
    from PySide6.QtCore import QRect

    from Testing.host.arrangement import places

    for place in places(layouts.description()):
        left = area.left() + round(place.left * area.width())
        top = area.top() + round(place.top * area.height())
        right = area.left() + round((place.left + place.width) * area.width())
        bottom = area.top() + round((place.top + place.height) * area.height())
        gap_x = GAP if right < area.right() else 0
        gap_y = GAP if bottom < area.bottom() else 0
        rectangle = QRect(left, top, right - left - gap_x, bottom - top - gap_y)
        _draw_view(painter, rectangle, place, layouts, scale)


def _draw_view(painter: Any, rectangle: Any, place: Any, layouts: Any, scale: float) -> None:
    from PySide6.QtCore import QRect, Qt
    from PySide6.QtGui import QColor, QImage

    bar = QRect(rectangle.left(), rectangle.top(), rectangle.width(), BAR)
    inside = rectangle.adjusted(0, BAR, 0, 0)
    view, words, colour = None, place.node_class, "#808080"
    if place.node_class == "vtkMRMLSliceNode" and layouts.slice_view(place.tag) is not None:
        view, colour = layouts.slice_view(place.tag), COLOURS[place.tag]
        words = f"{view.node.GetLayoutLabel()}   {_offset(view)}"
    elif place.node_class == "vtkMRMLViewNode" and layouts.three_d_node() is not None:
        view, words, colour = layouts.three_d_view(), "3D", THREE_D_COLOUR
    painter.fillRect(bar, QColor(colour))
    painter.setPen(Qt.GlobalColor.black)
    painter.drawText(bar.adjusted(8, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter, words)
    if view is None:
        painter.fillRect(inside, QColor("#404040"))
        return
    size = (round(inside.width() * scale), round(inside.height() * scale))
    pixels = view.pixels(size)
    drawn = QImage(pixels.data, size[0], size[1], 3 * size[0], QImage.Format.Format_RGB888)
    painter.drawImage(inside, drawn)


def _offset(view: Any) -> str:
    """Where a slice lies along its normal, as in "S 12.5 mm"; oblique slices as a number."""
    matrix = view.node.GetSliceToRAS()
    normal = [matrix.GetElement(row, 2) for row in range(3)]
    axis = max(range(3), key=lambda each: abs(normal[each]))
    offset = view.logic.GetSliceOffset()
    if abs(normal[axis]) < 0.999:
        return f"{offset:.1f} mm"
    at = offset * (1 if normal[axis] > 0 else -1)
    return f"{AXES[axis][0] if at >= 0 else AXES[axis][1]} {abs(at):.1f} mm"


def in_child(
    module: str | Path,
    path: str | Path,
    palette: str = "light",
    scale: float = 1,
    prepare: str = "",
    seconds: float = 300,
) -> Path:
    """The same by a child process: ``prepare``, as "Testing.panels.shown:analysed", is called
    there with the host and the loaded module before the picture is taken.

    Raises RuntimeError with what the process said where there is no picture.
    """
    command = [sys.executable, "-m", "Testing.host.pictures", str(module), str(path)]
    command += ["--palette", palette, "--scale", f"{scale:g}"]
    command += ["--prepare", prepare] if prepare else []
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=seconds, check=False
    )
    if done.returncode != 0 or not Path(path).is_file():
        raise RuntimeError(f"no picture ({done.returncode}):\n{done.stdout}\n{done.stderr}")
    return Path(path)


def main(words: list[str] | None = None) -> int:
    """The child process: start, load, prepare, take the picture; 1 where a slot failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module", help="the module's file")
    parser.add_argument("path", type=Path, help="the PNG to write")
    parser.add_argument("--palette", default="light", choices=("light", "dark"))
    parser.add_argument("--scale", default="1", help="device pixels per pixel: 1 or 2")
    parser.add_argument("--prepare", default="", metavar="MODULE:FUNCTION")
    parser.add_argument("--width", type=int, default=PANEL_WIDTH, help="of the panel, in pixels")
    parser.add_argument("--no-views", action="store_true", help="the panel alone")
    given = parser.parse_args(words)
    os.environ["QT_SCALE_FACTOR"] = given.scale

    from Testing.host import desktop

    host = desktop.start(palette=given.palette)
    loaded = host.load(given.module)
    if given.prepare:
        name, _, function = given.prepare.partition(":")
        getattr(importlib.import_module(name), function)(host, loaded)
    host.picture(given.path, views=not given.no_views, wide=given.width)
    for error in host.errors:
        print(error, file=sys.stderr)
    return 1 if host.errors else 0


if __name__ == "__main__":
    sys.exit(main())
