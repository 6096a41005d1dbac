"""What the user is told and asked: messages are kept, questions take their answers from a list.

A question for which no answer was laid ready raises: an unexpected dialogue fails the test.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

import qt
import slicer
from PySide6.QtWidgets import QMessageBox

from Testing.host.qt_signals import note_error

messages: list[tuple[str, str]] = []  # (kind, text); kind: error, warning, info, message, question
answers: list[Any] = []  # to the next questions, in order
opened_urls: list[str] = []  # what QDesktopServices.openUrl was given

KINDS = {logging.ERROR: "error", logging.WARNING: "warning", logging.INFO: "info"}


def as_slot(function: Callable) -> Callable:
    """``function`` as PythonQt calls it: an exception is noted in the errors, and ends there."""

    @wraps(function)
    def called(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception:
            note_error()

    return called


def answer(question: str) -> Any:
    """The next answer. Raises AssertionError where none was laid ready."""
    messages.append(("question", question))
    if not answers:
        raise AssertionError(f"a question without an answer in host.answers: {question}")
    return answers.pop(0)


def _message_display(
    logLevel,
    text,
    testingReturnValue,
    mainWindowNeeded=False,
    parent=None,
    windowTitle=None,
    **rest,
):
    """In place of slicer.util._messageDisplay, through which every …Display goes."""
    logging.log(logLevel, text)
    _check_texts(text=text, windowTitle=windowTitle or "", **rest)
    question = rest.get("icon") == QMessageBox.Question or (
        rest.get("standardButtons") == QMessageBox.Retry | QMessageBox.Close
    )
    if not question:
        messages.append((KINDS[logLevel], text))
    if slicer.app.testingEnabled():
        return testingReturnValue
    if mainWindowNeeded and slicer.util.mainWindow() is None:
        return None
    return _button(rest["standardButtons"], text) if question else QMessageBox.Ok


def _message_box(text, parent=None, **rest):
    """In place of slicer.util.messageBox: one button is a message, several are a question."""
    _check_texts(text=text, **rest)
    buttons = rest.get("standardButtons", QMessageBox.Ok)
    if slicer.app.testingEnabled() or buttons == QMessageBox.Ok:
        messages.append(("message", text))
        return QMessageBox.Ok
    return _button(buttons, text)


TEXTS = ("text", "windowTitle", "detailedText", "informativeText")


def _check_texts(**properties: Any) -> None:
    """PythonQt writes whatever it is given into a text: the user would read "None"."""
    for name in set(TEXTS) & set(properties):
        if not isinstance(properties[name], str):
            raise TypeError(f"{name} of a message is a text, not {properties[name]!r}")


YES = ("Ok", "Yes", "Retry", "Save", "Open", "Apply")
NO = ("Cancel", "No", "Close", "Discard", "Abort", "Ignore")


def _button(buttons: Any, text: str) -> Any:
    """The button that was pressed: an answer is True, False or the button itself."""
    given = answer(text)
    if not isinstance(given, bool):
        if not given & buttons:
            raise AssertionError(f"'{text}' does not offer the button {given}")
        return given
    for name in YES if given else NO:
        button = getattr(QMessageBox, name)
        if button & buttons:
            return button
    raise AssertionError(f"'{text}' has no button for {given}")


def _file(name: str, several: bool = False) -> Callable:
    def asked(parent=None, caption="", directory="", filter="", *_rest):
        given = answer(f"{name}: {caption}")
        if several:
            return tuple(str(each) for each in given or ())
        return "" if given is None else str(given)

    return staticmethod(asked)


def _exec(dialog: Any) -> int:
    """QDialog.exec_: the answer is True, None or False, the text of an entry of the dialogue's
    combo box, or a function that acts on the dialogue."""
    given = answer(f"{type(dialog).__name__}: {dialog.windowTitle}")
    dialog.setResult(0)
    dialog.show()
    slicer.app.processEvents()
    if callable(given):
        given(dialog)
    elif isinstance(given, str):
        _choose(dialog, given)
    elif given:
        dialog.accept()
    else:
        dialog.reject()
    slicer.app.processEvents()
    dialog.hide()
    return int(dialog.result())


def _choose(dialog: Any, text: str) -> None:
    """Choose ``text`` in the dialogue's one combo box, and agree."""
    (box,) = [each for each in dialog.findChildren(qt.QWidget) if isinstance(each, qt.QComboBox)]
    offered = [box.itemText(n) for n in range(box.count)]
    if text not in offered:
        raise AssertionError(f"'{dialog.windowTitle}' does not offer {text!r}, but {offered}")
    box.setCurrentIndex(offered.index(text))
    dialog.accept()


def _menu(menu: Any, *_where: Any) -> Any:
    """QMenu.exec_: the answer is the text of an action, or None."""
    actions = {action.text: action for action in menu.actions()}
    given = answer(f"menu: {list(actions)}")
    if given is None:
        return None
    if given not in actions or not actions[given].enabled:
        raise AssertionError(f"the menu does not offer {given!r}, but {list(actions)}")
    actions[given].trigger()
    return actions[given]


def _open_url(url: Any) -> bool:
    opened_urls.append(url.toString())
    return True


def install() -> None:
    """Put all this into ``slicer.util`` and ``qt``."""
    slicer.util._messageDisplay = _message_display
    slicer.util.messageBox = _message_box
    dialog = qt.QFileDialog
    dialog.getExistingDirectory = _file("getExistingDirectory")
    dialog.getOpenFileName = _file("getOpenFileName")
    dialog.getSaveFileName = _file("getSaveFileName")
    dialog.getOpenFileNames = _file("getOpenFileNames", several=True)
    qt.QDialog.exec_ = _exec
    qt.QMenu.exec_ = _menu
    qt.QDesktopServices.openUrl = staticmethod(_open_url)
