"""Pictures of HNCAnalysis' panel: every word is whole, at any width, palette and scale."""

from __future__ import annotations

import pytest

from Testing.host import pictures
from Testing.panels import analysis_shown
from Testing.panels.cut_words import cut_words

MODULE = "HNCAnalysis/HNCAnalysis.py"
STATES = (
    analysis_shown.empty,
    analysis_shown.not_suv,
    analysis_shown.running,
    analysis_shown.answered,
    analysis_shown.extension_without_ct,
    analysis_shown.extension,
    analysis_shown.parotid_opening,
    analysis_shown.parotid,
)


@pytest.fixture
def loaded(host):
    loaded = host.load(MODULE)
    yield loaded
    panel = host.load(MODULE).widget.panel
    panel.run.cancel()
    panel.useProcess(None, None)


@pytest.mark.parametrize("palette", ["light", "dark"])
@pytest.mark.parametrize("width", [440, 560])
def test_no_word_is_cut(host, loaded, tmp_path, monkeypatch, width, palette):
    from HNCLogic.panels.tones import tones

    monkeypatch.setattr(pictures, "PANEL_WIDTH", width)
    host.palette = palette
    panel = loaded.widget.panel
    try:
        for state in STATES:
            host.close_scene()
            panel.useProcess(None, None)
            for section in (panel.ui.imagesSection, panel.ui.modelSection):
                section.collapsed = False
            state(host, loaded)
            host.picture(tmp_path / f"{state.__name__}.png", views=False)
            assert loaded.panel.width == width  # nothing in it asks for more
            assert tones(loaded.panel)["accent"] in panel.ui.researchLabel.styleSheet
            assert cut_words(loaded.panel) == [], state.__name__
    finally:
        host.palette = "light"


def test_a_models_long_name_does_not_widen_the_panel(host, loaded, tmp_path, monkeypatch):
    from HNCAnalysisLib import SmallPatient

    monkeypatch.setattr(pictures, "PANEL_WIDTH", 440)
    folder = tmp_path.resolve() / ("presence-of-cancer-" * 4).rstrip("-")
    panel = loaded.widget.panel
    panel._parameterNode.model = str(SmallPatient.writeModel(folder, "presence", ["PET"]))
    panel.model.refill()
    assert panel.ui.modelSelector.currentText.startswith(folder.name)
    host.picture(tmp_path / "long.png", views=False)
    assert loaded.panel.width == 440


def test_the_answer_beside_the_views_at_twice_the_scale(tmp_path):
    from PySide6.QtGui import QImage

    path = pictures.in_child(
        MODULE,
        tmp_path / "answer.png",
        palette="dark",
        scale=2,
        prepare="Testing.panels.analysis_shown:answered",
    )
    picture = QImage(str(path))
    assert picture.width() > 2 * (pictures.PANEL_WIDTH + pictures.LEAST_VIEWS)
