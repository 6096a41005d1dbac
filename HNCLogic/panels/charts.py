"""The report's charts in a panel: in its colours, its font and its width, sharp at any scale."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from HNCLogic.panels.svg_pixmap import svg_pixmap

if TYPE_CHECKING:
    from HNCLogic.job import Explanation, Extension, Presence
    from HNCLogic.report.frame import Frame, Layout

NARROWEST = 260  # px: below, a chart is cut rather than unreadable
CHART_HEIGHT = 16.5  # in heights of its text
NEAR = 7  # px from a window's bar that still count as on it
LINE = 2  # px: of the line that shows where the views are


class Chart:
    """A QLabel that shows one of ``report.charts``' charts, as wide as the panel.

    A click in a plot, or the arrow keys when it has the focus, give a position along the body to
    ``on_position(mm)``, mm toward the head (S). ``label`` may be given a tool tip or be hidden.
    """

    def __init__(self, place: qt.QLayout, on_position: Callable[[float], None] | None = None):
        self.label = qt.QLabel()
        self.label.setMinimumWidth(NARROWEST)
        # As wide as there is room: a QLabel would not get narrower than the picture it shows.
        self.label.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)
        self.label.setAlignment(qt.Qt.AlignLeft | qt.Qt.AlignTop)
        place.addWidget(self.label)
        self._line = qt.QFrame(self.label)
        self._line.setAttribute(qt.Qt.WA_TransparentForMouseEvents, True)
        self._line.hide()
        self._on_position = on_position
        self._draw: Callable[[Layout], str] | None = None  # the chart for a layout
        self._frame: Callable[[Layout], Frame] | None = None  # its axes, where it has any
        self._stops: list[tuple[float, float, float, str]] = []  # low, high, middle (mm), words
        self._bars: list[float] = []  # a window's probability, stop by stop
        self._marked: float | None = None
        self._focused = False
        self._height: Callable[[Layout], float] | None = None  # of a chart without axes
        self._drawn: tuple | None = None  # what the picture was drawn from
        self._events = _Events(self.label)
        self._events.chart = self
        self.label.installEventFilter(self._events)
        self.clear()

    def show_gauge(self, presence: Presence | Extension) -> None:
        """The probability against the threshold, and each network's; or the windows' votes."""
        from HNCLogic.report import charts, wording

        self.show(lambda layout: charts.gauge(presence, layout), charts.gauge_height)
        self.say(_("Gauge of the answer"), wording.answer(presence))

    def show_windows(self, presence: Presence) -> None:
        """The probability of each window along the neck; cleared where there are no windows."""
        from HNCLogic.report import charts, wording

        windows = sorted(presence.windows, key=lambda one: one.inferior_mm)
        if not windows:
            self.clear()
            return
        stops = [
            (
                one.inferior_mm,
                one.superior_mm,
                charts.middle_of(one),
                _("Window {number} of {count}: probability {value}").format(
                    number=number,
                    count=len(windows),
                    value=wording.probability(one.probability),
                ),
            )
            for number, one in enumerate(windows, 1)
        ]
        self.show_along(
            lambda layout: charts.windows_chart(presence, layout),
            lambda layout: charts.windows_frame(presence, layout),
            stops,
            [one.probability for one in windows],
        )
        over = wording.windows_over(presence)
        self.say(
            _("Probability of each window along the neck"),
            _(
                "{over} of {count} windows at or over the threshold. "
                "Arrow keys: from window to window."
            ).format(over=over, count=len(windows)),
        )

    def show_heat(self, explanation: Explanation) -> None:
        """The heat of each slice, annotated slices shaded; cleared where there are no slices."""
        from HNCLogic.report import charts, wording

        slices = sorted(explanation.slices, key=lambda one: one.position_mm)
        if not slices:
            self.clear()
            return
        stops = []
        for one in slices:
            words = _("Heat {value}").format(value=wording.number(one.heat, 2))
            if one.annotated:
                words += _(", annotated")
            stops.append((one.position_mm, one.position_mm, one.position_mm, words))
        self.show_along(
            lambda layout: charts.heat_chart(explanation, layout),
            lambda layout: charts.heat_frame(explanation, layout),
            stops,
        )
        self.say(
            _("Grad-CAM heat of each slice along the neck"),
            wording.hottest_point(explanation) + " " + _("Arrow keys: from slice to slice."),
        )

    def clear(self) -> None:
        """Show nothing, and take no room."""
        self._take(None, None, None, [], [])
        self.label.clear()
        self.label.setFixedHeight(0)
        self.say("", "")

    def mark(self, position_mm: float | None) -> None:
        """Draw a line at a position along the body, mm toward the head (S); None: no line.

        Nothing is drawn beyond the ends of the plot.
        """
        self._marked = None if position_mm is None else float(position_mm)
        frame = self._axes()
        if frame is None or self._marked is None or not frame.x0 <= self._marked <= frame.x1:
            self._line.hide()
            return
        x = round(frame.x(self._marked)) - LINE // 2
        top, base = round(frame.top), round(frame.height - frame.bottom)
        self._line.setGeometry(int(x), int(top), LINE, int(base - top))
        self._line.show()

    @property
    def frame(self) -> Frame | None:
        """The plot's axes in px of the label; None without a plot."""
        return self._axes()

    def show(self, draw: Callable[[Layout], str], height: Callable[[Layout], float]) -> None:
        """A chart without axes, in which nothing is clicked; ``height`` in px."""
        self._take(draw, None, height, [], [])

    def show_along(
        self,
        draw: Callable[[Layout], str],
        frame: Callable[[Layout], Frame],
        stops: list[tuple[float, float, float, str]],
        bars: list[float] | None = None,
    ) -> None:
        """A chart along the body. ``stops``: where the arrow keys go, low, high and middle in mm,
        and words, from the feet to the head; ``bars``: of stops that are bars, their values."""
        self._take(draw, frame, None, stops, bars or [])

    def _take(self, draw, frame, height, stops, bars) -> None:
        self._draw, self._frame, self._height = draw, frame, height
        self._stops, self._bars = stops, bars
        self._drawn = None
        self._line.hide()
        jumps = frame is not None and self._on_position is not None
        self.label.setFocusPolicy(qt.Qt.StrongFocus if jumps else qt.Qt.NoFocus)
        self.label.setCursor(qt.QCursor(qt.Qt.PointingHandCursor if jumps else qt.Qt.ArrowCursor))
        self.label.setMouseTracking(frame is not None)
        self.redraw()

    def say(self, name: str, description: str) -> None:
        """What it is and how it is used, for those who do not see it."""
        self.label.setAccessibleName(name)
        self.label.setAccessibleDescription(description)
        self.label.setToolTip("" if self._frame is not None else description)

    def _layout(self) -> Layout:
        from HNCLogic.report.frame import Layout

        text = float(max(self.label.fontInfo().pixelSize(), 9))
        width = max(int(self.label.width), NARROWEST)
        return Layout(width, round(CHART_HEIGHT * text), text, legend=True)

    def _axes(self) -> Frame | None:
        return None if self._frame is None else self._frame(self._layout())

    def redraw(self) -> None:
        """Draw the chart anew where its size, its colours or its focus have changed."""
        if self._draw is None:
            return
        from HNCLogic.report.standalone import colours_on, standalone

        layout = self._layout()
        palette = self.label.palette
        colours = colours_on(
            palette.color(qt.QPalette.Window).name(), palette.color(qt.QPalette.WindowText).name()
        )
        ratio = float(self.label.devicePixelRatioF())
        family = str(self.label.font.family())
        state = (layout, tuple(colours.items()), ratio, family, self._focused)
        if state == self._drawn:
            return
        self._drawn = state
        height = layout.height if self._height is None else ceil(self._height(layout))
        self.label.setFixedHeight(int(height))
        picture = standalone(self._draw(layout), colours, family, layout.text, self._focused)
        self.label.setPixmap(svg_pixmap(picture, ratio))
        self._line.setStyleSheet(f"background-color: {colours['accent']}; border: none;")
        self.mark(self._marked)

    def pressed(self, x: float, y: float) -> bool:
        """A click at a pixel of the label; True where it gave a position."""
        frame = self._axes()
        if frame is None or self._on_position is None:
            return False
        stop = self._bar_at(frame, x, y)
        at = frame.value_at(x) if stop is None else self._stops[stop][2]
        self._go(at)
        return True

    def pointed(self, x: float, y: float) -> None:
        """Say in the tool tip what is under the mouse."""
        frame = self._axes()
        if frame is None:
            return
        from HNCLogic.report import wording

        stop = self._bar_at(frame, x, y)
        at = frame.value_at(x)
        if stop is None and not self._bars:
            stop = self._nearest(at)
        words = "" if stop is None else self._stops[stop][3] + "; "
        side = "S" if at >= 0 else "I"
        tip = f"{words}{side} {wording.number(abs(at), 0)} mm"
        if str(self.label.toolTip) != tip:
            self.label.setToolTip(tip)

    def stepped(self, by: int) -> bool:
        """Go to the next window or slice toward the head (1) or the feet (-1)."""
        if not self._stops or self._on_position is None:
            return False
        middles = [stop[2] for stop in self._stops]
        at = self._marked
        if at is None:
            at = middles[0] if by > 0 else middles[-1]
            self._go(at)
            return True
        beyond = [one for one in middles if (one - at) * by > 0.05]
        if beyond:
            self._go(beyond[0] if by > 0 else beyond[-1])
        return True

    def focused(self, there: bool) -> None:
        self._focused = there
        self.redraw()

    def _go(self, at: float) -> None:
        self.mark(at)
        self._on_position(at)

    def _nearest(self, at: float) -> int:
        return min(range(len(self._stops)), key=lambda n: abs(self._stops[n][2] - at))

    def _bar_at(self, frame: Frame, x: float, y: float) -> int | None:
        """The window whose bar is under a pixel: where several are, the one nearest in height."""
        near = [
            (abs(frame.y(value) - y), number)
            for number, (value, stop) in enumerate(zip(self._bars, self._stops, strict=False))
            if frame.x(stop[0]) <= x <= frame.x(stop[1]) and abs(frame.y(value) - y) <= NEAR
        ]
        return min(near)[1] if near else None


class _Events(qt.QObject):
    """What happens to the label: the size, the colours, the mouse, the keys."""

    def __init__(self, *args):
        qt.QObject.__init__(self, *args)
        self.chart = None

    def eventFilter(self, watched, event):
        chart, kind = self.chart, event.type()
        if chart is None:
            return False
        if kind in REDRAW:
            chart.redraw()
        elif kind == qt.QEvent.MouseButtonPress and event.button() == qt.Qt.LeftButton:
            return chart.pressed(*_place(event))
        elif kind == qt.QEvent.MouseMove:
            chart.pointed(*_place(event))
        elif kind == qt.QEvent.KeyPress and event.key() in KEYS:
            return chart.stepped(KEYS[event.key()])
        elif kind in (qt.QEvent.FocusIn, qt.QEvent.FocusOut):
            chart.focused(kind == qt.QEvent.FocusIn)
        return False


REDRAW = (
    qt.QEvent.Resize,
    qt.QEvent.Show,
    qt.QEvent.PaletteChange,
    qt.QEvent.FontChange,
    qt.QEvent.StyleChange,
)
KEYS = {qt.Qt.Key_Right: 1, qt.Qt.Key_Up: 1, qt.Qt.Key_Left: -1, qt.Qt.Key_Down: -1}


def _place(event) -> tuple[float, float]:
    """Where a mouse event was, in px of its widget: Qt 6 has renamed it."""
    place = event.position() if hasattr(event, "position") else event.pos()
    return float(place.x()), float(place.y())
