"""The fields of the SUV box: filled, read, marked as by hand, and told what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from slicer.i18n import tr as _

from HNCLogic.panels import suv_fields
from HNCLogic.panels.suv_fields import SuvFields
from HNCLogic.panels.tones import colour_words

DECAY = (suv_fields.START, suv_fields.ADMIN, suv_fields.NONE)  # as the combo box has them


def names() -> dict[str, str]:
    """The fields as sentences name them."""
    return {
        "weight": _("weight"),
        "dose": _("injected dose"),
        "injected": _("time of injection"),
        "decay": _("decay correction"),
        "reference": _("start of the scan"),
        "half_life": _("half-life"),
    }


class SuvForm:
    """Over the widgets of SuvOffer.ui; ``on_edited`` is called when the user changed a field."""

    def __init__(self, ui: Any, on_edited: Callable[[], None]):
        self._ui, self._on_edited = ui, on_edited
        self._filling = False
        self._edits = {
            "weight": ui.weightEdit,
            "dose": ui.doseEdit,
            "injected": ui.injectedEdit,
            "reference": ui.referenceEdit,
            "half_life": ui.halfLifeEdit,
        }
        for edit in (ui.injectedEdit, ui.referenceEdit):
            edit.placeholderText = _("HH:MM")
        for edit in self._edits.values():
            edit.connect("textChanged(QString)", self._edited)
        ui.decayCombo.connect("currentIndexChanged(int)", self._edited)

    def given(self) -> SuvFields:
        texts = {name: edit.text for name, edit in self._edits.items()}
        index = self._ui.decayCombo.currentIndex
        return SuvFields(decay=DECAY[index] if index >= 0 else "", **texts)

    def fill(self, given: SuvFields) -> None:
        self._filling = True
        for name, edit in self._edits.items():
            edit.text = getattr(given, name)
        self._ui.decayCombo.currentIndex = DECAY.index(given.decay) if given.decay in DECAY else -1
        self._filling = False

    def mark(self, problems: Mapping[str, str], by_hand: Collection[str]) -> None:
        """Say under each field what is wrong with it; in bold is the name of what is by hand."""
        for name in names():
            label = self._part(name, "Label")
            label.setStyleSheet("font-weight: bold;" if name in by_hand else "")
            label.toolTip = _("given by hand") if name in by_hand else ""
        for name in self._edits:
            problem = self._part(name, "Problem")
            problem.text = problems.get(name, "")
            problem.visible = name in problems
            colour_words(problem, "warn")

    def enable(self, only: Collection[str]) -> None:
        """Let the named fields be changed, and no others."""
        for name, edit in self._edits.items():
            edit.enabled = name in only
        self._ui.decayCombo.enabled = "decay" in only
        if self.given().decay == suv_fields.ADMIN:  # then that time is the injection's
            self._ui.referenceEdit.enabled = False

    def _edited(self) -> None:
        if not self._filling:
            self._on_edited()

    def _part(self, name: str, kind: str) -> Any:
        start = "halfLife" if name == "half_life" else name
        return getattr(self._ui, f"{start}{kind}")
