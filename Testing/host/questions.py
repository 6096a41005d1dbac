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
    buttons = rest.get("standardButtons", QMessageBox.Ok)
    if slicer.app.testingEnabled() or buttons == QMessageBox.Ok:
        messages.append(("message", text))
        return QMessageBox.Ok
    return _button(buttons, text)


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


class BoolResult:
    """qt.BoolResult: where PythonQt puts what C++ returns through a ``bool *ok``."""

    def __init__(self):
        self._value = False

    def __bool__(self) -> bool:
        return self._value


def _file(name: str, several: bool = False) -> Callable:
    def asked(parent=None, caption="", directory="", filter="", *_rest):
        given = answer(f"{name}: {caption}")
        if several:
            return tuple(str(each) for each in given or ())
        return "" if given is None else str(given)

    return staticmethod(asked)


def _input(name: str, cancelled: Callable[[tuple], Any], ok_at: int) -> Callable:
    """``cancelled``: what Qt returns then, from the arguments; ``ok_at``: where ``ok`` stands."""

    def asked(parent, title, label, *rest):
        given = answer(f"{name}: {title}: {label}")
        ok = rest[ok_at] if len(rest) > ok_at else None
        if ok is not None:
            ok._value = given is not None
        if given is None:
            return cancelled(rest)
        if name == "getItem" and given not in rest[0]:
            raise AssertionError(f"'{label}' does not offer {given!r}, but {list(rest[0])}")
        return given

    return staticmethod(asked)


def _exec(dialog: Any) -> int:
    """QDialog.exec_: the answer is True, False, or a function that acts on the dialogue."""
    given = answer(f"{type(dialog).__name__}: {dialog.windowTitle}")
    dialog.setResult(0)
    dialog.show()
    slicer.app.processEvents()
    if callable(given):
        given(dialog)
    elif given:
        dialog.accept()
    else:
        dialog.reject()
    slicer.app.processEvents()
    dialog.hide()
    return int(dialog.result())


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
    qt.BoolResult = BoolResult
    dialog = qt.QFileDialog
    dialog.getExistingDirectory = _file("getExistingDirectory")
    dialog.getOpenFileName = _file("getOpenFileName")
    dialog.getSaveFileName = _file("getSaveFileName")
    dialog.getOpenFileNames = _file("getOpenFileNames", several=True)
    question = qt.QInputDialog
    question.getText = _input("getText", lambda rest: "", 2)
    question.getItem = _input("getItem", lambda rest: rest[0][rest[1] if len(rest) > 1 else 0], 3)
    question.getDouble = _input("getDouble", lambda rest: rest[0] if rest else 0.0, 4)
    question.getInt = _input("getInt", lambda rest: rest[0] if rest else 0, 4)
    qt.QDialog.exec_ = _exec
    qt.QMenu.exec_ = _menu
    qt.QDesktopServices.openUrl = staticmethod(_open_url)
