"""What the panel can be asked, and where the parameter node keeps what belongs to a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slicer.i18n import tr as _


@dataclass(frozen=True)
class Task:
    """``method`` is Job's; all other names are fields of the parameter node."""

    method: str
    model: str
    result: str
    settings: str  # what the answer is of, beside its images, as JSON
    inputs: Mapping[str, str]  # an image → what the answer was of
    roles: Mapping[str, str] = field(default_factory=dict)  # an image → Job's role


PRESENCE = Task(
    method="presence",
    model="model",
    result="result",
    settings="analysedSettings",
    inputs={
        "pet": "analysedPet",
        "ct": "analysedCt",
        "mr": "analysedMr",
        "annotated": "analysedAnnotated",
    },
)
PAROTID = Task(
    method="parotid",
    model="parotidModel",
    result="parotidResult",
    settings="parotidSettings",
    inputs={
        "t1": "analysedT1",
        "t2": "analysedT2",
        "ceT1": "analysedCeT1",
        "dwiB0": "analysedDwiB0",
        "dwiB1000": "analysedDwiB1000",
        "adc": "analysedAdc",
    },
    roles={
        "t1": "T1",
        "t2": "T2",
        "ceT1": "CE-T1",
        "dwiB0": "DWI-b0",
        "dwiB1000": "DWI-b1000",
        "adc": "ADC",
    },
)
EXTENSION = Task(
    method="extension",
    model="extensionModel",
    result="extensionResult",
    settings="extensionSettings",
    inputs={"neckCt": "analysedNeckCt"},
    roles={"neckCt": "CT"},
)
TASKS = {task.method: task for task in (PRESENCE, PAROTID, EXTENSION)}


def taskOf(parameterNode):
    """The question that is asked; the first where a scene of another version asks another."""
    return TASKS.get(parameterNode.task if parameterNode is not None else "", PRESENCE)


def questions():
    """Method → what the user reads, in the order of the list."""
    return {
        "presence": _("Is there cancer?"),
        "parotid": _("Parotid neoplasm"),
        "extension": _("Extracapsular extension"),
    }
