"""What outlines by a network will take on this computer, said before they are begun.

Nothing but the standard library and numpy is needed: no network is read for it.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from HNCLogic.errors import InputError
from HNCLogic.inference.estimate import in_words
from HNCLogic.inference.memory import GIB, needed_bytes
from HNCLogic.inference.pace import kept_pace, passes
from HNCLogic.models.places import weights_folder
from HNCLogic.models.shown_card import ShownCard, shown_card

PREPARED = ("spacing_mm", "patch_slices", "stride")
MOST_AT_ONCE = 2  # patches that a backend computes together on a CPU, at most
# The stretch of a longer PET that is outlined, about (images.neck finds it).
USUAL_MM = 350.0


def expectation(model: Path, pet: Any) -> str:
    """For the PET node and the model in that folder: seconds, by the pace of an earlier patient,
    and memory; memory alone where there was none; "" where the card does not tell."""
    try:
        card = shown_card(model)
        spacing, side, stride = (card.preprocessing[name] for name in PREPARED)
        if card.method != "tumour-volume" or pet.GetImageData() is None:
            return ""
        bounds = [0.0] * 6
        pet.GetRASBounds(bounds)
        slices = max(1, ceil(min(bounds[5] - bounds[4], USUAL_MM) / spacing))
        pace = kept_pace(card.digest)
        memory = _memory(card, model, slices) if pace is None else pace.memory
        count = passes(slices, side, stride, len(card.files))
    except (InputError, OSError, KeyError, TypeError, ValueError, ZeroDivisionError, IndexError):
        return ""  # whoever runs it is told what is wrong with the card
    room = _("{n} GiB of memory").format(n=f"{memory / GIB:.1f}")
    if pace is None:
        return _("At most {room}.").format(room=room)
    time = in_words(count * pace.seconds)
    return _("About {time} on this computer, {room}.").format(time=time, room=room)


def _memory(card: ShownCard, model: Path, slices: int) -> int:
    pixels = card.preprocessing["pixels"]
    where = weights_folder(model, card.weights_of)
    largest = max((where / name).stat().st_size for name in card.files)
    return needed_bytes(
        (slices, pixels, pixels),
        len(card.inputs),
        len(card.classes),
        (card.preprocessing["patch_slices"], pixels, pixels),
        card.arguments["widths"][0],
        2 * largest,  # files may be of half precision
        MOST_AT_ONCE,
    )
