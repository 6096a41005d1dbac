"""The buttons that change lesions: delete, primary or node, merge, split, undo, redo, edit."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from HNCLogic.errors import InputError
from HNCLogic.panels.other_module import open_module
from HNCLogic.scene.edits import LesionEdits
from HNCLogic.scene.terminology import kind_of

EDITOR = "SegmentEditor"  # the module, and the tag of its own node


class LesionButtons:
    """``ui``: the panel's widgets; ``table``: the LesionTable; ``petNode()``: what to paint on.

    ``onChanged()`` is called after each change.
    """

    def __init__(self, ui, table, petNode, onChanged):
        self.ui = ui
        self._table, self._petNode, self._onChanged = table, petNode, onChanged
        self._segmentation = None
        self._edits = {}  # segmentation's id → its LesionEdits, so that each keeps its history
        for button, action in (
            (ui.deleteButton, self.onDelete),
            (ui.kindButton, self.onKind),
            (ui.mergeButton, self.onMerge),
            (ui.splitButton, self.onSplit),
            (ui.undoButton, self.onUndo),
            (ui.redoButton, self.onRedo),
            (ui.editorButton, self.onEditor),
        ):
            button.connect("clicked()", action)
        self.refresh()

    def setSegmentation(self, segmentation):
        """The segmentation whose lesions the buttons change, None for none."""
        self._segmentation = segmentation
        self.refresh()

    def forget(self):
        """The scene was closed: no history is of use any more."""
        self._edits = {}
        self.setSegmentation(None)

    def refresh(self):
        """Offer what can be done to the selected rows, and say why not where it cannot."""
        ui, there = self.ui, self._segmentation is not None
        chosen = self._table.selected()
        some, one, several = len(chosen) > 0, len(chosen) == 1, len(chosen) > 1
        pick, none = _("Select a lesion in the table first"), _("There is nothing to do")
        edits = self._current() if there else None
        for button, ok, does, why in (
            (ui.deleteButton, some, _("Remove what is no tumour, physiological uptake say"), pick),
            (ui.kindButton, some, _("Make a primary tumour a lymph node, and back"), pick),
            (
                ui.mergeButton,
                several,
                _("Make one lesion of the selected ones"),
                _("Select two lesions or more: Ctrl-click adds a row"),
            ),
            (
                ui.splitButton,
                one,
                _("Make a lesion of each part, or cut touching ones apart"),
                _("Select one lesion"),
            ),
            (
                ui.undoButton,
                there and edits.can_undo,
                _("Take back the last change"),
                none,
            ),
            (ui.redoButton, there and edits.can_redo, _("Do again what was undone"), none),
        ):
            button.enabled = bool(there and ok)
            button.toolTip = does if button.enabled else why
        ui.editorButton.enabled = there

    def onDelete(self):
        self._change(lambda edits, chosen: edits.delete(chosen))

    def onKind(self):
        """The first selected row's other kind, for all of them."""

        def change(edits, chosen):
            first = self._segmentation.GetSegmentation().GetSegment(chosen[0])
            edits.set_kind(chosen, "node" if kind_of(first) == "primary" else "primary")
            return chosen

        self._change(change)

    def onMerge(self):
        self._change(lambda edits, chosen: [edits.merge(chosen)])

    def onSplit(self):
        self._change(lambda edits, chosen: edits.split(chosen[0]))

    def onUndo(self):
        self._change(lambda edits, chosen: edits.undo() and chosen)

    def onRedo(self):
        self._change(lambda edits, chosen: edits.redo() and chosen)

    def onEditor(self):
        """Open Slicer's Segment Editor on the lesions and the PET."""
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode(EDITOR, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)  # Python's own reference is enough
            node.SetSingletonTag(EDITOR)
            node = scene.AddNode(node)
        node.SetAndObserveSegmentationNode(self._segmentation)
        node.SetAndObserveSourceVolumeNode(self._petNode())
        chosen = self._table.selected()
        if chosen:
            node.SetSelectedSegmentID(chosen[0])
        open_module(EDITOR)

    def _current(self):
        key = self._segmentation.GetID()
        if key not in self._edits or self._edits[key].node is not self._segmentation:
            self._edits[key] = LesionEdits(self._segmentation)
        return self._edits[key]

    def _change(self, change):
        """Do it; then the rows that ``change`` returns are the selected ones."""
        if self._segmentation is None:
            return
        try:
            chosen = change(self._current(), self._table.selected())
        except InputError as error:
            slicer.util.infoDisplay(str(error), windowTitle=_("Lesions"))
            return
        self._table.select(chosen or [])
        self._onChanged()
