"""The panel's questions beside "Is there cancer?" on simulated patients, for pictures.

``python -m Testing.host.pictures HNCAnalysis/HNCAnalysis.py OUT.png --prepare
Testing.panels.question_pictures:extension`` (``:parotid``, ``:nothing_there``). The models are tiny
ones of random weights, unless some for the question are installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from Testing.panels.questions import add_neck_ct, add_parotid, analyse, ask, state

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 300


def extension(host: Any, loaded: Any) -> None:
    """The answer on a made-up neck, with its box, all sections open."""
    panel = _asked(host, loaded, "extension")
    add_neck_ct(host.scene)
    assert host.wait(lambda: panel.run.enabled, 10), panel.run.toolTip
    analyse(host, panel, SECONDS)
    _open(host, panel)
    panel.ui.hottestButton.click()


def parotid(host: Any, loaded: Any) -> None:
    """The answer on a made-up parotid, with its box, all sections open."""
    panel = _asked(host, loaded, "Parotid")
    add_parotid(host.scene)
    _place(host, panel)
    assert panel.run.enabled, panel.run.toolTip
    analyse(host, panel, SECONDS)
    _open(host, panel)
    panel.ui.hottestButton.click()


def missing(host: Any, loaded: Any) -> None:
    """A sequence that the model needs is not there."""
    panel = _asked(host, loaded, "Parotid")
    add_parotid(host.scene, ["ax T2", "ax T1 +C"])
    _place(host, panel)


def nothing_there(host: Any, loaded: Any) -> None:
    """No model, no image."""
    from HNCLogic.models import places

    os.environ["HNC_MODELS"] = tempfile.mkdtemp()
    places.shipped_models = places.own_models
    panel = loaded.widget.panel
    ask(host, panel, "extension")
    panel.enter(state())


def _asked(host: Any, loaded: Any, words: str) -> Any:
    folder = tempfile.mkdtemp()
    subprocess.run(
        [sys.executable, "-m", "Testing.tiny_models", folder], cwd=REPOSITORY, check=True
    )
    os.environ["HNC_MODELS"] = folder
    panel = loaded.widget.panel
    ask(host, panel, words)
    panel.enter(state())
    return panel


def _place(host: Any, panel: Any) -> None:
    from HNCLogic.scene.application import of_desktop
    from HNCLogic.scene.display import set_fusion
    from HNCLogic.scene.layers import jump
    from Testing.panels.questions import TUMOUR

    assert host.wait(lambda: state().t2 is not None, 10)
    set_fusion(of_desktop(), None, state().t2, 1.0)
    host.app.layoutManager().resetSliceViews()
    jump(of_desktop(), TUMOUR)
    panel.inputsOf(panel.task).ui.boxButton.click()
    host.process_events()


def _open(host: Any, panel: Any) -> None:
    for section in (panel.ui.imagesSection, panel.ui.modelSection):
        section.collapsed = False
    host.app.layoutManager().resetSliceViews()
    host.process_events()
