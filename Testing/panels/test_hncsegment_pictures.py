"""Pictures of HNCSegment's panel: every word is whole, at any width, palette and scale."""

from __future__ import annotations

import pytest

from Testing.host import pictures
from Testing.panels import segment_shown
from Testing.panels.cut_words import cut_words
from Testing.panels.segment_panel import MODULE, opened_on

STATES = (
    segment_shown.empty,
    segment_shown.thresholds,
    segment_shown.running,
    segment_shown.outlined,
)


@pytest.fixture
def opened(host):
    yield from opened_on(host)


@pytest.mark.parametrize("palette", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 560])
def test_no_word_is_cut(host, opened, tmp_path, monkeypatch, width, palette):
    from HNCLogic.panels.tones import tones

    monkeypatch.setattr(pictures, "PANEL_WIDTH", width)
    host.palette = palette
    try:
        for state in STATES:
            host.close_scene()
            opened.panel.useProcess(None, None)
            opened.ui.inputsSection.collapsed = False
            state(host, opened.loaded)
            host.picture(tmp_path / f"{state.__name__}.png", views=False)
            assert opened.loaded.panel.width == width  # nothing in it asks for more
            assert tones(opened.loaded.panel)["accent"] in opened.ui.researchLabel.styleSheet
            assert cut_words(opened.loaded.panel) == []
            assert opened.loaded.panel.height < 1000
    finally:
        host.palette = "light"


def test_lesions_beside_the_views_at_twice_the_scale(tmp_path):
    from PySide6.QtGui import QImage

    path = pictures.in_child(
        MODULE,
        tmp_path / "lesions.png",
        palette="dark",
        scale=2,
        prepare="Testing.panels.segment_shown:outlined",
    )
    picture = QImage(str(path))
    assert picture.width() > 2 * (pictures.PANEL_WIDTH + pictures.LEAST_VIEWS)
    colours = set()
    for x in range(2 * pictures.PANEL_WIDTH, picture.width(), 2):
        for y in range(0, picture.height(), 2):
            colours.add(picture.pixelColor(x, y).getRgb()[:3])
    green = [c for c in colours if c[1] > 150 and c[0] < 90 and c[2] < 150]
    assert green  # the primary's outline
