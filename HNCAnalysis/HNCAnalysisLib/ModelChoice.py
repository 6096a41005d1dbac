"""The section "Model": which network, how its windows become one answer, from which threshold."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HNCAnalysisLib.Tasks import PRESENCE, questions
from HNCLogic.panels import model_cards
from HNCLogic.panels.tones import colour_words


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
        self.task = PRESENCE
        self.cards = {}  # what the parameter node calls a model: its name, or a folder → its card
        self._parameterNode = None
        self._folders = []  # of models for this question that are used from where they are
        self._filling = False
        ui.trainedOnLabel.setTextFormat(qt.Qt.PlainText)  # a card's words are data
        ui.trainedOnLabel.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        ui.modelSelector.connect("currentIndexChanged(int)", self.onModelChosen)
        ui.aggregationSelector.connect("currentIndexChanged(int)", self.onAggregationChosen)
        ui.cardButton.connect("clicked(bool)", self.onCard)
        ui.folderButton.connect("clicked(bool)", self.onFolder)
        self.refill()

    def setTask(self, task):
        """Show the models for another question."""
        if task is not self.task:
            self.task, self._folders = task, []
            self.refill()

    def refill(self):
        """Read anew which models there are: the user may have added one meanwhile."""
        self.cards = {card.name: card for card in model_cards.cards(self.task.method)}
        for folder in dict.fromkeys((*self._folders, self._value())):
            if folder not in self.cards and Path(folder).is_absolute():
                self.cards[folder] = self._ofFolder(Path(folder))
        self._filling = True
        self.ui.modelSelector.clear()
        for name, card in self.cards.items():
            self.ui.modelSelector.addItem(card.title, name)
        self._filling = False
        self.update()

    def setParameterNode(self, parameterNode):
        self._parameterNode = parameterNode
        if self._value() not in self.cards:
            self.refill()
        self.update()

    def card(self):
        """The card of the model that is chosen; None where that model is not here."""
        return self.cards.get(self._value())

    def whyNotReady(self, images):
        """What a run on ``images`` (by role) lacks, in words; empty where nothing is lacking."""
        card = self.card()
        if card is None:
            return _("Choose a model.") if self.cards else self._none()
        if card.problem:
            return card.problem
        lacking = [role for role in card.required if not _has(images, role)]
        if lacking:
            return _("The model needs {roles}.").format(roles=_(" and ").join(lacking))
        return ""

    def update(self):
        """Show what the parameter node says."""
        ui, node = self.ui, self._parameterNode
        if node is not None and not self._value() and self.cards:
            usable = (name for name, card in self.cards.items() if not card.problem)
            setattr(node, self.task.model, next(usable, next(iter(self.cards))))
        card = self.card()
        self._filling = True
        try:
            names = list(self.cards)
            ui.modelSelector.setCurrentIndex(names.index(self._value()) if card is not None else -1)
            ui.modelSelector.enabled = bool(names)
            ui.cardButton.enabled = card is not None
            self._fillAggregations(card)
            ui.thresholdSpin.enabled = node is not None and node.thresholdByHand
            for widget in self._ofPresence():
                widget.visible = self.task is PRESENCE
        finally:
            self._filling = False
        own = None if card is None or self.task is not PRESENCE else card.threshold
        if node is not None and own is not None:
            own = round(own, ui.thresholdSpin.decimals)
            if not node.thresholdByHand and node.threshold != own:
                node.threshold = own  # seen, and what a threshold set by hand starts from
        words = self._said(card)
        ui.trainedOnLabel.text = words
        ui.trainedOnLabel.visible = bool(words)
        colour_words(ui.trainedOnLabel, "warn" if card is None or card.problem else "quiet")

    def _ofPresence(self):
        ui = self.ui
        return (
            *(ui.aggregationLabel, ui.aggregationSelector),
            *(ui.thresholdLabel, ui.thresholdByHand, ui.thresholdSpin),
            *(ui.annotatedLabel, ui.annotatedSelector),
        )

    def _value(self):
        node = self._parameterNode
        return getattr(node, self.task.model) if node is not None else ""

    def _none(self):
        return _("No model for “{question}” is installed: choose a model's folder.").format(
            question=questions()[self.task.method]
        )

    def _ofFolder(self, folder):
        """The card of a model that is not among those installed."""
        card = model_cards.summary(folder)
        if card.problem or card.method == self.task.method:
            return card
        return model_cards.unfit(
            card,
            _("{model} does not answer “{question}”: choose another.").format(
                model=card.title, question=questions()[self.task.method]
            ),
        )

    def _said(self, card):
        """What the model was trained on, or why there is none to be used."""
        if card is not None:
            return card.problem or _("Trained on {data}.").format(data=card.trained_on)
        if self._value():
            return _("The model {name} is not installed here.").format(name=self._value())
        return "" if self.cards else self._none()

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
            setattr(self._parameterNode, self.task.model, list(self.cards)[index])

    def onAggregationChosen(self, index):
        if not self._filling and self._parameterNode is not None and index >= 0:
            self._parameterNode.aggregation = ["", *aggregationWords()][index]

    def onCard(self):
        card = self.card()
        if card is not None:
            model_cards.show_card(card.folder)

    def onFolder(self):
        """Use a model that is not installed, from its folder."""
        if self._parameterNode is None:
            return
        picked = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("The folder of a model")
        )
        if not picked:
            return
        folder = Path(picked).resolve()
        card = self._ofFolder(folder)
        if card.problem:
            slicer.util.errorDisplay(card.problem)
            return
        self._folders.append(str(folder))
        self.refill()  # before it is chosen: what is chosen is listed
        installed = (name for name, one in self.cards.items() if one.folder == folder)
        setattr(self._parameterNode, self.task.model, next(installed, str(folder)))

    def cleanup(self):
        self.removeObservers()
        self._parameterNode = None


def _has(images, role):
    """An input "MR" takes any sequence."""
    return role in images or (role == "MR" and bool(set(images) - {"PET", "CT"}))
