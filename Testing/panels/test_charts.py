"""The charts in a panel: legible at its width and in its colours, and a click goes there."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6 import QtCore, QtGui, QtTest, QtWidgets

from HNCLogic.report import charts as report_charts
from HNCLogic.report.frame import Layout
from HNCLogic.report.standalone import DARK, LIGHT, STYLES, colours_on, standalone
from Testing.panels.charts_shown import WIDTHS, explanation, presence, show_all

REPOSITORY = Path(__file__).resolve().parents[2]
GAUGE, VOTES, WINDOWS, HEAT = range(4)


@pytest.fixture
def shown(host):
    """``shown(width)`` gives the four charts in a window of that width."""
    windows = []

    def show(width: int):
        window, charts = show_all(width)
        windows.append(window)
        host.process_events()
        charts[WINDOWS].label.clearFocus()
        host.process_events()
        return charts

    yield show
    host.palette = "light"
    for window in windows:
        window.deleteLater()


@pytest.fixture
def chart(host):
    """A chart of its own, and the positions that it gave."""
    import qt

    from HNCLogic.panels.charts import Chart

    window, given = qt.QWidget(), []
    made = Chart(qt.QVBoxLayout(window), given.append)
    window.resize(450, 260)
    window.show()
    host.process_events()
    yield made, given
    window.deleteLater()


def pixels(image: QtGui.QImage) -> np.ndarray:
    """RGBA, axes (row from the top, column, colour)."""
    image = image.convertToFormat(QtGui.QImage.Format.Format_RGBA8888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return flat[:, : 4 * image.width()].reshape(image.height(), image.width(), 4).astype(int)


def drawn(chart) -> np.ndarray:
    return pixels(QtWidgets.QLabel.pixmap(chart.label).toImage())


def is_colour(rgb: np.ndarray, colour: str, tolerance: int = 24) -> np.ndarray:
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.abs(rgb[..., :3] - wanted).max(axis=-1) < tolerance


def click(chart, x: float, y: float) -> None:
    QtTest.QTest.mouseClick(
        chart.label,
        QtCore.Qt.MouseButton.LeftButton,
        QtCore.Qt.KeyboardModifier.NoModifier,
        QtCore.QPoint(round(x), round(y)),
    )


def press(chart, key: str) -> None:
    QtTest.QTest.keyClick(chart.label, QtCore.Qt.Key[f"Key_{key}"])


@pytest.mark.parametrize("palette", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_charts_fill_the_panel_and_nothing_is_cut(host, shown, palette, width):
    host.palette = palette
    charts = shown(width)
    for number, chart in enumerate(charts):
        picture = drawn(chart)
        label = chart.label
        assert picture.shape[1] == label.width > width - 40
        assert label.height - 14 < picture.shape[0] <= label.height
        ink = picture[..., 3] > 40
        assert ink.sum() > 300, number
        border = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
        assert not border.any(), f"chart {number} reaches its border: something is cut"


@pytest.mark.parametrize("palette", ["light", "dark"])
def test_words_have_contrast_in_both_palettes(host, shown, palette):
    host.palette = palette
    charts = shown(450)
    paper = charts[0].label.palette.color(QtGui.QPalette.ColorRole.Window)
    ink = charts[0].label.palette.color(QtGui.QPalette.ColorRole.WindowText)
    colours = colours_on(paper.name(), ink.name())

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    assert contrast(colours["quiet"], paper.name()) > 4.5  # WCAG's AA for words
    for name in ("yes", "no", "accent"):
        assert contrast(colours[name], paper.name()) > 3.0, name  # and for shapes
    for number, name in ((GAUGE, "yes"), (WINDOWS, "quiet"), (HEAT, "mark")):
        assert is_colour(drawn(charts[number]), colours[name]).sum() > 20, name


def test_the_hues_are_those_of_the_report():
    css = (REPOSITORY / "HNCLogic/report/templates/report.css").read_text(encoding="utf-8")
    light, dark, _paper = re.findall(r":root \{(.*?)\}", css, re.S)
    for block, ours in ((light, LIGHT), (dark, DARK)):
        told = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        assert {name: told[name] for name in ours} == ours


def test_every_style_of_a_chart_is_known_and_none_is_left():
    colours = colours_on("#ffffff", "#000000")
    used = set()
    for layout in (Layout(), Layout(350, 200, 13, legend=True)):
        for made in (
            report_charts.gauge(presence(), layout),
            report_charts.gauge(presence("majority"), layout),
            report_charts.windows_chart(presence(), layout),
            report_charts.heat_chart(explanation(), layout),
        ):
            used |= {
                name for found in re.findall(r'class="([^"]*)"', made) for name in found.split()
            }
            alone = standalone(made, colours, 'Odd "Family" & <Sons>', layout.text)
            assert "class=" not in alone
            assert "$" not in alone
            assert "&amp; &lt;Sons&gt;" in alone
    assert used <= set(STYLES)
    with pytest.raises(KeyError):
        standalone('<svg viewBox="0 0 9 9"><g class="new"/></svg>', colours, "Arial", 12)


@pytest.mark.parametrize(("palette", "scale"), [("light", 2), ("dark", 2)])
def test_at_two_pixels_a_pixel_the_charts_are_drawn_not_enlarged(
    host, shown, tmp_path, palette, scale
):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "Testing.panels.charts_shown", str(tmp_path)),
            *("--palette", palette, "--scale", str(scale)),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for width in WIDTHS:
        image = pixels(QtGui.QImage(str(tmp_path / f"{width}.png")))
        assert image.shape[1] == scale * width
        height, across = (size // 2 * 2 for size in image.shape[:2])
        fine = image[:height, :across, 0].reshape(height // 2, 2, across // 2, 2)
        differs = np.ptp(fine, axis=(1, 3)) > 60  # within what one pixel would have been
        assert differs.sum() > 1500
        assert (image[..., :3].mean() > 128) == (palette == "light")


def test_text_is_as_large_as_the_panels_own_whatever_the_width(shown):
    for width in WIDTHS:
        chart = shown(width)[WINDOWS]
        assert chart.frame.text == chart.label.fontInfo().pixelSize()
        assert chart.frame.width == chart.label.width


def test_a_larger_font_and_another_palette_are_followed(host, shown):
    charts = shown(450)
    chart = charts[WINDOWS]
    before, height = drawn(chart), chart.label.height
    host.palette = "dark"
    host.process_events()
    assert not np.array_equal(drawn(chart), before)
    font = QtGui.QFont(chart.label.font)
    font.setPixelSize(20)
    for each in charts:
        each.label.setFont(font)
    host.process_events()
    assert chart.label.height > height
    assert chart.frame.text == 20
    for number, each in enumerate(charts):
        ink = drawn(each)[..., 3] > 40
        assert not ink[:, [0, -1]].any(), number


def test_the_height_does_not_hang_on_the_width(shown):
    """Else a scroll bar that comes and goes would set the panel swinging."""
    heights = [[chart.label.height for chart in shown(width)[2:]] for width in (350, 430, 600)]
    assert heights[0] == heights[1] == heights[2]


def test_it_gets_narrower_again(host, shown):
    chart = shown(600)[WINDOWS]
    window = chart.label.window()
    window.resize(350, window.height)
    host.process_events()
    assert chart.label.width < 350
    assert drawn(chart).shape[1] == chart.label.width


def test_a_click_on_a_window_gives_its_middle(chart):
    made, given = chart
    answer = presence()
    made.show_windows(answer)
    for number in (0, 3, 8):
        window = answer.windows[number]
        at = window.inferior_mm + 20  # on the bar, away from its middle
        click(made, made.frame.x(at), made.frame.y(window.probability))
        assert given[-1] == pytest.approx((window.inferior_mm + window.superior_mm) / 2)
    assert len(given) == 3


def test_a_click_between_the_bars_gives_the_place(chart):
    made, given = chart
    made.show_windows(presence())
    frame = made.frame
    click(made, frame.x(0.0), frame.y(0.99))
    click(made, frame.x(-100.0), frame.top + 1)
    assert given == pytest.approx([0.0, -100.0], abs=1.0)
    click(made, 3, frame.y(0.99))  # beyond the ends of the neck: its end
    click(made, made.label.width - 2, frame.y(0.99))
    assert given[2:] == pytest.approx([frame.x0, frame.x1])


def test_a_click_in_the_heat_gives_the_place(chart):
    made, given = chart
    made.show_heat(explanation())
    click(made, made.frame.x(-60.0), made.frame.y(0.5))
    assert given == pytest.approx([-60.0], abs=1.0)


def test_arrow_keys_go_from_window_to_window(chart):
    made, given = chart
    answer = presence()
    middles = [(one.inferior_mm + one.superior_mm) / 2 for one in answer.windows]
    made.show_windows(answer)
    press(made, "Right")
    press(made, "Right")
    press(made, "Left")
    assert given == pytest.approx([middles[0], middles[1], middles[0]])
    made.mark(middles[4] + 5)  # the user scrolled the views
    press(made, "Right")
    press(made, "Left")
    assert given[3:] == pytest.approx([middles[5], middles[4]])
    made.mark(middles[-1])
    press(made, "Right")  # there is no further one
    assert len(given) == 5


def test_arrow_keys_go_from_slice_to_slice(chart):
    made, given = chart
    made.show_heat(explanation())
    made.mark(-60.0)
    press(made, "Up")
    press(made, "Down")
    press(made, "Left")
    assert given == pytest.approx([-57.0, -60.0, -63.0])


def test_the_line_is_where_the_views_are(chart):
    made, _given = chart
    made.show_windows(presence())
    line = made.label.findChild(QtWidgets.QFrame)
    assert line.isHidden()
    made.mark(12.0)
    assert not line.isHidden()
    assert line.geometry.center().x() == pytest.approx(made.frame.x(12.0), abs=1.5)
    assert line.geometry.top() == pytest.approx(made.frame.top, abs=1)
    grabbed = pixels(made.label.grab().toImage())
    column = grabbed[round(made.frame.top) + 5, line.geometry.left()]
    assert is_colour(column, LIGHT["accent"])
    made.mark(made.frame.x1 + 1)
    assert line.isHidden()
    made.mark(0.0)
    made.mark(None)
    assert line.isHidden()
    made.mark(0.0)
    made.show_gauge(presence())
    assert line.isHidden()


def test_the_line_follows_the_width(host, chart):
    made, _given = chart
    made.show_windows(presence())
    made.mark(100.0)
    made.label.window().resize(600, 260)
    host.process_events()
    line = made.label.findChild(QtWidgets.QFrame)
    assert line.geometry.center().x() == pytest.approx(made.frame.x(100.0), abs=1.5)


def test_the_mouse_is_told_what_is_under_it(chart):
    made, given = chart
    answer = presence()
    made.show_windows(answer)
    window = answer.windows[3]
    made.pointed(made.frame.x(window.inferior_mm + 10), made.frame.y(window.probability))
    words = made.label.toolTip
    assert words.startswith("Window 4 of 9: probability 0.")
    assert re.search(r"; I \d+ mm$", words)
    made.show_heat(explanation())
    QtTest.QTest.mouseMove(
        made.label, QtCore.QPoint(round(made.frame.x(-60)), round(made.frame.y(0.5)))
    )
    made.pointed(made.frame.x(-60.0), made.frame.y(0.5))
    assert made.label.toolTip == "Heat 1.00, annotated; I 60 mm"
    assert made.label.cursor.shape() == QtCore.Qt.CursorShape.PointingHandCursor
    made.show_gauge(answer)
    assert made.label.cursor.shape() == QtCore.Qt.CursorShape.ArrowCursor
    assert given == []


def test_focus_is_seen_and_only_what_can_be_operated_takes_it(host, chart):
    made, _given = chart
    made.show_windows(presence())
    assert made.label.focusPolicy == QtCore.Qt.FocusPolicy.StrongFocus
    without = drawn(made)
    for kind in (QtCore.QEvent.Type.FocusIn, QtCore.QEvent.Type.FocusOut):
        QtWidgets.QApplication.sendEvent(made.label, QtGui.QFocusEvent(kind))
        seen = is_colour(drawn(made), LIGHT["accent"]) & (drawn(made)[..., 3] > 100)
        assert (seen[1, 20:-20].mean() > 0.9) == (kind == QtCore.QEvent.Type.FocusIn)
    assert np.array_equal(drawn(made), without)
    made.show_gauge(presence())
    assert made.label.focusPolicy == QtCore.Qt.FocusPolicy.NoFocus


def test_a_reader_of_screens_is_told_what_there_is(shown):
    charts = shown(450)
    names = [chart.label.accessibleName for chart in charts]
    assert names == [
        "Gauge of the answer",
        "Gauge of the answer",
        "Probability of each window along the neck",
        "Grad-CAM heat of each slice along the neck",
    ]
    told = [chart.label.accessibleDescription for chart in charts]
    assert "probability of cancer is 0.81" in told[GAUGE]
    assert "4 of 9 windows" in told[VOTES]
    assert "4 of 9 windows" in told[WINDOWS]
    assert "Hottest point" in told[HEAT]


def test_nothing_to_show_takes_no_room(chart):
    made, given = chart
    made.show_windows(presence())
    assert made.label.height > 100
    made.show_windows(presence(windows=0))
    assert made.label.height == 0
    made.show_heat(explanation())
    assert made.label.height > 100
    made.clear()
    assert made.label.height == 0
    assert made.frame is None
    assert made.label.accessibleName == ""
    assert not made.pressed(10, 10)
    assert not made.stepped(1)
    assert given == []


@pytest.mark.parametrize("value", [0.0, 0.005, 0.33, 0.66, 0.999, 1.0])
def test_a_gauge_keeps_its_words_inside_wherever_the_answer_is(chart, value):
    made, _given = chart
    made.show_gauge(presence(probability=value))
    ink = drawn(made)[..., 3] > 40
    assert not np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]]).any()


def test_votes_are_one_box_a_window(shown):
    picture = drawn(shown(450)[VOTES])
    row = is_colour(picture[round(picture.shape[0] * 0.36)], LIGHT["yes"])
    assert np.count_nonzero(np.diff(row.astype(int)) == 1) == 4


def test_annotated_slices_are_shaded_and_named_only_where_there_are_some():
    layout = Layout(400, 200, 13, legend=True)
    marked = report_charts.heat_chart(explanation(), layout)
    assert "annotated slices" in marked
    assert marked.count('class="annotated"') == 3  # two stretches and the legend's
    bare = report_charts.heat_chart(explanation(annotated=False), layout)
    assert "annotated" not in bare
    assert "heat (Grad-CAM)" in bare
    assert "heat (Grad-CAM)" not in report_charts.heat_chart(explanation())  # a report's caption


@pytest.mark.parametrize("width", [260, 350, 450, 600, 720, 1000])
@pytest.mark.parametrize("text", [9, 12, 16, 24])
def test_words_of_axes_and_legends_stay_inside_at_any_size(width, text):
    layout = Layout(width, round(16.5 * text), text, legend=True)
    for made in (
        report_charts.windows_chart(presence(), layout),
        report_charts.heat_chart(explanation(), layout),
    ):
        for style, x, words in re.findall(
            r'<text class="([^"]+)" x="([\d.]+)" y[^>]*>(.*?)<', made
        ):
            if words in ("probability", "heat"):
                continue  # turned upward
            long = 0.55 * text * len(words)
            shift = {"middle": long / 2, "end": long}.get(style.split()[-1], 0.0)
            assert float(x) - shift > -1, words
            if width / text > 24:  # else no words would fit
                assert float(x) - shift + long < width + 1, words
