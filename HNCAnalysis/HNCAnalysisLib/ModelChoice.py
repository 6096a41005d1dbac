"""The section "Model": which network, how its windows become one answer, from which threshold."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HNCLogic.panels import model_cards
from HNCLogic.panels.tones import colour_words

METHOD = "presence"


def aggregationWords():
    """Job's names for the ways to take the windows together → what the user reads."""
    return {
        "mean": _("mean"),
        "median": _("median"),
        "majority": _("majority vote"),
        "weighted": _("weighted, less toward the head"),
        "max": _("most suspicious window"),
    }


class ModelChoice(VTKObservationMixin):
    """Fills the section's selectors and keeps them and the parameter node in step."""

    def __init__(self, ui):
        VTKObservationMixin.__init__(self)
        self.ui = ui
        self.cards = []
        self._parameterNode = None
        self._filling = False
        ui.trainedOnLabel.setTextFormat(qt.Qt.PlainText)  # a card's words are data
        ui.trainedOnLabel.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        ui.modelSelector.connect("currentIndexChanged(int)", self.onModelChosen)
        ui.aggregationSelector.connect("currentIndexChanged(int)", self.onAggregationChosen)
        ui.cardButton.connect("clicked(bool)", self.onCard)
        self.refill()

    def refill(self):
        """Read anew which models there are: the user may have added one meanwhile."""
        self.cards = model_cards.cards(METHOD)
        self._filling = True
        self.ui.modelSelector.clear()
        for card in self.cards:
            self.ui.modelSelector.addItem(card.title, card.name)
        self._filling = False
        self.update()

    def setParameterNode(self, parameterNode):
        self._parameterNode = parameterNode
        self.update()

    def card(self):
        """The card of the model that is chosen; None where that model is not here."""
        name = self._parameterNode.model if self._parameterNode is not None else ""
        return next((card for card in self.cards if card.name == name), None)

    def whyNotReady(self, images):
        """What a run on ``images`` (by role) lacks, in words; empty where nothing is lacking."""
        card = self.card()
        if card is None:
            return _("Choose a model.") if self.cards else _("No model is installed.")
        if card.problem:
            return card.problem
        lacking = [role for role in card.required if not _has(images, role)]
        if lacking:
            return _("The model needs {roles}.").format(roles=_(" and ").join(lacking))
        return ""

    def update(self):
        """Show what the parameter node says."""
        ui, node, card = self.ui, self._parameterNode, self.card()
        self._filling = True
        try:
            names = [each.name for each in self.cards]
            ui.modelSelector.setCurrentIndex(names.index(card.name) if card is not None else -1)
            ui.cardButton.enabled = card is not None
            self._fillAggregations(card)
            ui.thresholdSpin.enabled = node is not None and node.thresholdByHand
        finally:
            self._filling = False
        if node is not None and card is not None and card.threshold is not None:
            own = round(card.threshold, ui.thresholdSpin.decimals)
            if not node.thresholdByHand and node.threshold != own:
                node.threshold = own  # seen, and what a threshold set by hand starts from
        ui.trainedOnLabel.text = self._said(card)
        colour_words(ui.trainedOnLabel, "warn" if card is None or card.problem else "quiet")

    def _said(self, card):
        """What the model was trained on, or why there is none to be used."""
        if card is not None:
            return card.problem or _("Trained on {data}.").format(data=card.trained_on)
        node = self._parameterNode
        if node is not None and node.model and self.cards:
            return _("The model {name} is not installed here.").format(name=node.model)
        return ""

    def _fillAggregations(self, card):
        """The model's own first; what it is stands in brackets."""
        words = aggregationWords()
        own = _("the model's own")
        if card is not None and card.aggregation in words:
            own = _("the model's own ({words})").format(words=words[card.aggregation])
        selector = self.ui.aggregationSelector
        texts = [own, *words.values()]
        if [selector.itemText(n) for n in range(selector.count)] != texts:
            selector.clear()
            for text, value in zip(texts, ["", *words], strict=True):
                selector.addItem(text, value)
        value = self._parameterNode.aggregation if self._parameterNode is not None else ""
        names = ["", *words]
        selector.setCurrentIndex(names.index(value) if value in names else 0)

    def onModelChosen(self, index):
        if not self._filling and self._parameterNode is not None and index >= 0:
            self._parameterNode.model = self.cards[index].name

    def onAggregationChosen(self, index):
        if not self._filling and self._parameterNode is not None and index >= 0:
            self._parameterNode.aggregation = ["", *aggregationWords()][index]

    def onCard(self):
        card = self.card()
        if card is not None:
            model_cards.show_card(card.folder)

    def cleanup(self):
        self.removeObservers()
        self._parameterNode = None


def _has(images, role):
    """An input "MR" takes any sequence."""
    return role in images or (role == "MR" and bool(set(images) - {"PET", "CT"}))
