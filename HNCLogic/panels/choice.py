"""A question with a list of answers."""

from __future__ import annotations

from collections.abc import Sequence

import qt
import slicer
from slicer.i18n import tr as _

NARROWEST = 420  # pixels


def choose_one(title: str, words: str, answers: Sequence[str]) -> int | None:
    """Ask which of ``answers``; its index, or None where the user closes the question.

    A dialogue of its own, for Qt's ready-made one says whether it was accepted only through a
    pointer, which Slicer's Python cannot hand it.
    """
    dialog = qt.QDialog(slicer.util.mainWindow())
    dialog.windowTitle = title
    dialog.setMinimumWidth(NARROWEST)
    layout = qt.QVBoxLayout(dialog)
    label = qt.QLabel(words)
    label.wordWrap = True
    box = qt.QComboBox()
    box.objectName = "answers"
    for answer in answers:
        box.addItem(answer)
    buttons = qt.QDialogButtonBox()  # PythonQt would take buttons given here for an orientation
    buttons.setStandardButtons(qt.QDialogButtonBox.Ok | qt.QDialogButtonBox.Cancel)
    buttons.connect("accepted()", dialog.accept)
    buttons.connect("rejected()", dialog.reject)
    for widget in (label, box, buttons):
        layout.addWidget(widget)
    buttons.button(qt.QDialogButtonBox.Ok).text = _("Choose")
    try:
        return box.currentIndex if dialog.exec_() == qt.QDialog.Accepted else None
    finally:
        dialog.deleteLater()
