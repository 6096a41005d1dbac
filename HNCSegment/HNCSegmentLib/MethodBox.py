"""How lesions are outlined: the method, and only that method's parameters."""

from __future__ import annotations

from slicer.i18n import tr as _

from HNCLogic.models.shown_card import OUTLINING
from HNCLogic.panels import model_cards
from HNCLogic.panels.expectation import expectation
from HNCLogic.panels.tones import box, colour_words

THRESHOLDS = ("fixed", "percent", "adaptive")

# Parameter of a Delineation → its name in the parameter node.
PARAMETERS = {
    "fixed_suv": "fixedSuv",
    "percent": "percent",
    "adaptive_fraction": "adaptiveFraction",
    "candidate_suv": "candidateSuv",
    "minimum_ml": "minimumMl",
    "exclude_brain": "excludeBrain",
}
USED = {  # by each method
    "network": ("minimum_ml",),
    "fixed": ("fixed_suv", "candidate_suv", "minimum_ml", "exclude_brain"),
    "percent": ("percent", "candidate_suv", "minimum_ml", "exclude_brain"),
    "adaptive": ("adaptive_fraction", "candidate_suv", "minimum_ml", "exclude_brain"),
}


class MethodBox:
    """The section "Outlining" of the panel. ``ui``: the panel's widgets by name."""

    def __init__(self, ui, onChanged):
        self.ui = ui
        self._onChanged = onChanged
        self._parameterNode = None
        self._cards = []
        for words, method in (
            (_("Neural network"), "network"),
            (_("Fixed SUV"), "fixed"),
            (_("Percent of SUVmax"), "percent"),
            (_("Adaptive (local background)"), "adaptive"),
        ):
            ui.methodSelector.addItem(words, method)
        ui.methodSelector.connect("currentIndexChanged(int)", self._onMethod)
        ui.modelSelector.connect("currentIndexChanged(int)", self._onModel)
        ui.cardButton.connect("clicked()", self._onCard)

    def setParameterNode(self, parameterNode):
        """Take the parameters of a wrapped parameter node, None for none."""
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self.listModels()

    def listModels(self):
        """Ask anew which models there are: one may have been added since."""
        self._cards = model_cards.cards(*OUTLINING)
        selector = self.ui.modelSelector
        blocked = selector.blockSignals(True)
        selector.clear()
        for card in self._cards:
            selector.addItem(card.title, card.name)
        selector.blockSignals(blocked)

    def refresh(self, images: dict):
        """Show what the parameter node says; ``images``: role → node, those there are."""
        parameterNode, ui = self._parameterNode, self.ui
        if parameterNode is None:
            return
        method = parameterNode.method
        for selector, value in (
            (ui.methodSelector, method),
            (ui.modelSelector, parameterNode.model),
        ):
            blocked = selector.blockSignals(True)
            selector.setCurrentIndex(selector.findData(value))
            selector.blockSignals(blocked)
        rows = {
            "network": (ui.modelLabel, ui.modelRow),
            "fixed": (ui.fixedLabel, ui.fixedSpinBox),
            "percent": (ui.percentLabel, ui.percentSpinBox),
            "adaptive": (ui.adaptiveLabel, ui.adaptiveSpinBox),
        }
        for each, widgets in rows.items():
            for widget in widgets:
                widget.setVisible(each == method)
        for widget in (ui.candidateLabel, ui.candidateSpinBox, ui.brainCheckBox):
            widget.setVisible(method in THRESHOLDS)
        ui.cardButton.enabled = self.card() is not None
        ui.methodNote.text = self._note(images)
        if method in THRESHOLDS:
            box(ui.methodNote, "warn")
        else:
            colour_words(ui.methodNote, "quiet")

    def card(self):
        """The summary of the chosen model's card; None where it is not installed."""
        name = self._parameterNode.model
        return next((card for card in self._cards if card.name == name), None)

    def settings(self) -> dict:
        """What a Job needs of this: the chosen method's parameters and no others."""
        parameterNode = self._parameterNode
        method = parameterNode.method
        values = {name: getattr(parameterNode, PARAMETERS[name]) for name in USED[method]}
        settings = {"delineation": {"method": method, **values}}
        if method == "network":
            card = self.card()
            # By its folder, so that this very model is used, wherever it was installed.
            settings["volume_model"] = str(card.folder)
        return settings

    def lesionsName(self) -> str:
        """What the outlines of the chosen method are called in the scene."""
        parameterNode = self._parameterNode
        return {
            "network": _("Lesions (network)"),
            "fixed": _("Lesions (SUV {value:g})").format(value=parameterNode.fixedSuv),
            "percent": _("Lesions ({value:g} %)").format(value=parameterNode.percent),
            "adaptive": _("Lesions (adaptive)"),
        }[parameterNode.method]

    def usesMri(self) -> bool:
        """Does the method look at an MRI, if there is one?"""
        if self._parameterNode is None or self._parameterNode.method != "network":
            return False
        card = self.card()
        return card is not None and bool(set(card.roles) - {"PET", "CT"})

    def roles(self, images: dict) -> dict:
        """Those of ``images`` that the method looks at."""
        wanted = ("PET",)
        if self._parameterNode.method == "network":
            card = self.card()
            wanted = tuple(card.roles) if card is not None else ("PET", "CT")
        if "MR" in wanted:  # a model of whatever sequence
            wanted = (*wanted, *(set(images) - {"PET", "CT"}))
        return {role: node for role, node in images.items() if role in wanted}

    def expected(self, images: dict) -> str:
        """What outlining will take on this computer; empty where it takes next to nothing."""
        if self._parameterNode.method != "network" or "PET" not in images:
            return ""
        return expectation(self.card().folder, images["PET"])

    def whyNotReady(self, images: dict) -> str:
        """Why the chosen method cannot outline in ``images``; empty where it can."""
        if self._parameterNode.method != "network":
            return ""
        card = self.card()
        if card is None:
            return _("The model {name} is not installed: choose another, or a threshold.").format(
                name=self._parameterNode.model
            )
        if card.problem:
            return card.problem
        missing = [role for role in card.required if not _given(role, images)]
        lacking = _(" and ").join(
            _("an MRI") if role == "MR" else _("a {role}").format(role=role) for role in missing
        )
        if lacking:
            return _("The model needs {roles}: choose one, or a threshold as the method.").format(
                roles=lacking
            )
        return ""

    def _note(self, images: dict) -> str:
        if self._parameterNode.method in THRESHOLDS:
            return _(
                "A threshold cannot tell tumour from physiological uptake (brain, tonsils, "
                "salivary glands, vocal cords, muscle, brown fat): look at every lesion and "
                "delete what is none."
            )
        card = self.card()
        if card is None or card.problem:
            return self.whyNotReady(images)
        words = [_("Trained on {data}.").format(data=card.trained_on.rstrip("."))]
        left = [
            "MRI" if role == "MR" else role
            for role in card.roles
            if not _given(role, images) and role not in card.required
        ]
        if "PET" in images and left:
            words.append(_("Without {roles}: from the PET alone.").format(roles=", ".join(left)))
        return " ".join(words)

    def _onMethod(self, index):
        if self._parameterNode is not None and index >= 0:
            self._parameterNode.method = self.ui.methodSelector.itemData(index)
            self._onChanged()

    def _onModel(self, index):
        if self._parameterNode is not None and index >= 0:
            self._parameterNode.model = self.ui.modelSelector.itemData(index)
            self._onChanged()

    def _onCard(self):
        card = self.card()
        if card is not None:
            model_cards.show_card(card.folder)


def _given(role: str, images: dict) -> bool:
    """An input "MR" takes any sequence."""
    return role in images or (role == "MR" and bool(set(images) - {"PET", "CT"}))
