"""The models at hand, for a panel's list, and the dialog that shows a model's card.

Nothing but the standard library is needed: a card is read with care and its types are checked;
the child process that uses the model checks all of it, and its weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from HNCLogic.errors import InputError
from HNCLogic.models import places
from HNCLogic.models.shown_card import ShownCard, shown_card
from HNCLogic.panels.card_page import card_html

__all__ = ["CardSummary", "card_html", "cards", "show_card", "summary", "unfit"]

SIZE = (680, 640)  # px, of the dialog

_shown: list[Any] = []  # a dialog that nothing in Python holds would vanish


@dataclass(frozen=True)
class CardSummary:
    """One model; ``problem`` says why it cannot be used, and then the rest may be empty."""

    name: str
    title: str  # name and version
    folder: Path
    method: str  # as on the card, "presence" or "parotid" say
    threshold: float | None
    aggregation: str | None
    roles: tuple[str, ...]  # of its inputs, channel by channel
    required: tuple[str, ...] = ()  # those that it cannot do without
    trained_on: str = ""
    shipped: bool = False
    problem: str = ""


def cards(*methods: str) -> list[CardSummary]:
    """The models for any of ``methods``, those that ship with HNC first.

    A broken one is listed with its problem; its method may be unknown: then it is listed for
    every method.
    """
    bases = ((places.shipped_models(), True), (places.own_models(), False))
    found = [
        summary(folder, shipped) for base, shipped in bases for folder in places.folders_in(base)
    ]
    return [one for one in found if one.method in (*methods, "")]


def summary(folder: Path, shipped: bool = False) -> CardSummary:
    """What a list tells of the model in ``folder``, whatever its card holds."""
    try:
        card = shown_card(folder)
    except InputError as error:
        return CardSummary(
            folder.name,
            folder.name,
            folder,
            "",
            None,
            None,
            (),
            shipped=shipped,
            problem=str(error),
        )
    return CardSummary(
        name=card.name,
        title=card.title,
        folder=folder,
        method=card.method,
        threshold=card.threshold,
        aggregation=card.aggregation,
        roles=tuple(role for role, _need in card.inputs),
        required=tuple(role for role, need in card.inputs if need),
        trained_on=card.trained_on,
        shipped=shipped,
        problem=_problem(card, folder),
    )


def unfit(card: CardSummary, problem: str) -> CardSummary:
    """The same, not to be used where it was chosen."""
    return replace(card, problem=problem)


def _problem(card: ShownCard, folder: Path) -> str:
    """Why a model with a sound card cannot be used: its files; "" where it can, as far as seen."""
    if card.name != folder.name:
        return f"{folder} holds model {card.name}: rename the folder"
    where = places.weights_folder(folder, card.weights_of)
    lacking = [name for name in card.files if not (where / name).is_file()]
    if lacking:
        return (
            f"{where} lacks {lacking[0]}, which its card names: the model is not whole, fetch it "
            "again"
        )
    return ""


def show_card(folder: Path) -> Any:
    """Open a window with the model's card, beside which the work goes on; gives the dialog.

    Where the card cannot be read the user is told why, and None is given.
    """
    import qt
    import slicer

    from HNCLogic.panels.tones import tones

    dialog = qt.QDialog(slicer.util.mainWindow())
    try:
        title = shown_card(Path(folder)).title
        page = card_html(folder, tones(dialog))
    except InputError as error:
        dialog.deleteLater()
        slicer.util.errorDisplay(str(error))
        return None
    dialog.setWindowTitle(_("Model card: {title}").format(title=title))
    dialog.setAttribute(qt.Qt.WA_DeleteOnClose, True)
    layout = qt.QVBoxLayout(dialog)
    text = qt.QTextBrowser()
    text.setOpenLinks(False)
    text.setAccessibleName(_("Model card"))
    text.setHtml(page)
    layout.addWidget(text)
    buttons = qt.QDialogButtonBox()  # PythonQt would take buttons given here for an orientation
    buttons.setStandardButtons(qt.QDialogButtonBox.Close)
    buttons.connect("rejected()", dialog.reject)
    layout.addWidget(buttons)
    dialog.resize(*SIZE)

    def gone(_result: int) -> None:
        if dialog in _shown:
            _shown.remove(dialog)

    dialog.connect("finished(int)", gone)
    _shown.append(dialog)
    dialog.show()
    return dialog
