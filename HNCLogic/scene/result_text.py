"""A result as a text node in the scene, and the way from it to the nodes that show the result.

The text is the Result as JSON. What belongs to it stands in the node's references, one role for
each of ``adopt.PARTS`` and one for the PET, so it is found again after a scene was saved and
opened, whatever ids and names the nodes have then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from HNCLogic.errors import InputError
from HNCLogic.scene.adopt import PARTS, mark

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Result

RESULT_NAME = "Result (JSON)"
# What a result answers, in the attribute ANSWERS
PRESENCE, LESIONS, EXTENSION, PAROTID = "presence", "lesions", "extension", "parotid"
ANSWERS = "HNC.Answers"
PET = "pet"  # the image that it is of; a CT or an MRI where the question is not asked of a PET
_ROLE = "HNC."


def result_of(text: Any) -> Result:
    """The result that a text node holds. Raises InputError where it holds none."""
    from pydantic import ValidationError

    from HNCLogic.job import Result

    try:
        return Result.model_validate_json(text.GetText() or "")
    except ValidationError as error:
        raise InputError(f"{text.GetName()} holds no result of this program") from error


def find_text(scene: Any, answer: str, pet_node: Any = None) -> Any | None:
    """The text node of the last result that answers this (``PRESENCE``, ``LESIONS`` …); of this
    image, where one is given. None where there is none."""
    nodes = scene.GetNodesByClass("vtkMRMLTextNode")
    for n in reversed(range(nodes.GetNumberOfItems())):
        text = nodes.GetItemAsObject(n)
        if answer not in (text.GetAttribute(ANSWERS) or "").split():
            continue
        if pet_node is None or part_of(text, PET) is pet_node:
            return text
    return None


def own_text(
    scene: Any, name: str, answer: str, parts: Iterable[str], pet_node: Any, former: Any
) -> Any:
    """The text node for this answer: ``former``, where it answers nothing else.

    Where it does, as in a case that the command line put together, it keeps the other answer,
    and the ``parts`` of this one pass to a new text node.
    """
    if former is not None and former.GetAttribute(ANSWERS) == answer:
        return former
    text = scene.AddNewNodeByClass("vtkMRMLTextNode", name)
    text.SetAttribute(ANSWERS, answer)
    refer(text, PET, pet_node)
    if former is not None:
        others = [one for one in former.GetAttribute(ANSWERS).split() if one != answer]
        former.SetAttribute(ANSWERS, " ".join(others))
        for part in parts:
            refer(text, part, part_of(former, part))
            refer(former, part, None)
    return text


def write_text(text: Any, result: Result) -> None:
    text.SetText(result.model_dump_json(indent=2))


def part_of(text: Any, part: str) -> Any | None:
    """The node that is this part of a text node's result; None where there is none."""
    return text.GetNodeReference(_ROLE + part)


def refer(text: Any, part: str, node: Any) -> None:
    """Make ``node`` this part of the result (None: it has no such part any more)."""
    if node is not None and part in PARTS:
        mark(node, part)
    text.SetNodeReferenceID(_ROLE + part, None if node is None else node.GetID())
