"""The inputs of "Is there cancer?": PET, CT and MRI, as a question of the panel has them."""

from __future__ import annotations

from HNCLogic.panels.inputs import ImageInputs


class PresenceInputs:
    """``ImageInputs``, and what the run takes from the section "Model".

    Each question's inputs have the methods that stand here.
    """

    def __init__(self, place, launch, onChanged):
        self.chooser = ImageInputs(place, launch, onChanged)
        self._parameterNode = None

    def setParameterNode(self, parameterNode):
        self._parameterNode = parameterNode
        self.chooser.setParameterNode(parameterNode)

    def setActive(self, active):
        """Is this the question that is asked?"""
        self.chooser.widget.visible = active

    def fillIn(self):
        """Choose of what is loaded what is clear for the roles that are empty."""
        self.chooser.fillIn()

    def update(self, card):
        """The parameter node, or the model's card, may have changed."""

    def images(self):
        """The images that are chosen: Job's role → volume node."""
        return self.chooser.images()

    def whyNotReady(self):
        """What a run lacks beside the model, in words; empty where nothing is lacking."""
        return self.chooser.whyNotReady()

    def settings(self):
        """The fields of the Job beside images and model."""
        node, settings = self._parameterNode, self.chooser.settings()
        if node.aggregation:
            settings["aggregation"] = node.aggregation
        if node.thresholdByHand:
            settings["threshold"] = float(node.threshold)
        return settings

    def mask(self):
        """The user's own outlines, to compare with; or None."""
        return self._parameterNode.annotated

    def chosen(self):
        """The settings with which those of an answer are compared later, as plain values."""
        node = self._parameterNode
        return {
            "aggregation": node.aggregation,
            "mrRole": node.mrRole if node.mr is not None else "",
            "threshold": round(node.threshold, 4) if node.thresholdByHand else None,
        }

    def adopt(self, result, settings):
        """A run has ended: the settings that its answer is of, with what they led to."""
        return settings

    def show(self, result):
        """The answer that the panel shows; None: there is none."""

    def cleanup(self):
        self.chooser.cleanup()
