"""What belongs to a segmentation: the PET it is measured in, the result's text, its table.

They are node references of the segmentation itself, so that each of several runs keeps its own,
in the scene and in its file.
"""

from __future__ import annotations

import json

from HNCLogic import RESEARCH_USE
from HNCLogic.panels.report_writer import EDITED
from HNCLogic.panels.volume_facts import RECORD as SUV_RECORD
from HNCLogic.scene.notes import SIMULATED
from HNCLogic.scene.tables import SEGMENT, set_columns

PET = "HNC.PET"
RESULT = "HNC.Result"
TABLE = "HNC.Table"
FIRST = "HNC.FirstMeasured"  # the lesions before anybody edited them, in short
BY_USER = "outlines given by the user"


def keep(segmentation, pet, text, table):
    """Let a segmentation refer to its PET (None: unknown), its text node and its table node."""
    for role, node in ((PET, pet), (RESULT, text), (TABLE, table)):
        segmentation.SetNodeReferenceID(role, None if node is None else node.GetID())


def petOf(segmentation, otherwise=None):
    """The volume node that the lesions are measured in; ``otherwise`` where it does not say."""
    if segmentation is None:
        return None
    return segmentation.GetNodeReference(PET) or otherwise


def measuredElsewhere(segmentation, pet) -> bool:
    """Is ``pet`` another one than that in which the lesions were outlined?"""
    return pet is not None and segmentation.GetNodeReference(PET) is not pet


def textOf(segmentation):
    """The text node "Result (JSON)" of a segmentation, None where it has none."""
    return None if segmentation is None else segmentation.GetNodeReference(RESULT)


def tableOf(segmentation):
    return None if segmentation is None else segmentation.GetNodeReference(TABLE)


def said(segmentation) -> dict:
    """The result's text as plain data, without pydantic; empty where there is none to be read."""
    node = textOf(segmentation)
    try:
        found = {} if node is None else json.loads(node.GetText() or "{}")
    except ValueError:
        found = {}  # a text that somebody else wrote
    return found if isinstance(found, dict) else {}


def segmentsInTable(segmentation) -> list[str]:
    """The segments' ids in the order of the table node's lesions, without the totals."""
    node = tableOf(segmentation)
    column = None if node is None else node.GetTable().GetColumnByName(SEGMENT)
    if column is None:
        return []
    values = (column.GetValue(row) for row in range(column.GetNumberOfValues()))
    return [value for value in values if value]


def resultOf(segmentation, measured, pet):
    """The Result of a segmentation as ``measured`` in ``pet`` just now.

    A segmentation that was not made here gives one of outlines by the user.
    """
    from pydantic import ValidationError

    from HNCLogic.job import Result

    node = textOf(segmentation)
    try:
        result = None if node is None else Result.model_validate_json(node.GetText() or "")
    except ValidationError:
        result = None
    if result is None:
        result = _byUser(pet)
    words = (result.delineation or BY_USER).removesuffix(f"; {EDITED}")
    if words != BY_USER and _edited(segmentation, measured.lesions):
        words += f"; {EDITED}"
    return result.model_copy(
        update={"lesions": measured.lesions, "totals": measured.totals, "delineation": words}
    )


def _byUser(pet):
    from pydantic import ValidationError

    from HNCLogic.job import Result, SuvRecord

    try:
        suv = SuvRecord.model_validate_json(pet.GetAttribute(SUV_RECORD) or "")
    except ValidationError:
        suv = None
    return Result(
        task="measure",
        research_use=RESEARCH_USE,
        simulated=pet.GetAttribute(SIMULATED),
        suv=suv,
        delineation=BY_USER,
    )


def store(segmentation, result, columns):
    """Bring the segmentation's own text and table up to date; one made elsewhere has none."""
    text, table = textOf(segmentation), tableOf(segmentation)
    words = result.model_dump_json(indent=2)
    if text is not None and text.GetText() != words:
        text.SetText(words)
        if table is not None:
            set_columns(table, columns)


def _edited(segmentation, lesions) -> bool:
    """Do the lesions differ from those first measured? What was undone counts for nothing."""
    now = [[each.kind, each.mtv_ml, *each.centroid_ras] for each in lesions]
    first = segmentation.GetAttribute(FIRST)
    if first is None:
        segmentation.SetAttribute(FIRST, json.dumps(now))
        return False
    before = json.loads(first)
    for each in now:
        same = next((other for other in before if _alike(each, other)), None)
        if same is None:
            return True
        before.remove(same)
    return bool(before)


def _alike(one, other) -> bool:
    """The same but for what a file's digits lose."""
    return one[0] == other[0] and all(
        abs(a - b) < 1e-3 for a, b in zip(one[1:], other[1:], strict=True)
    )
