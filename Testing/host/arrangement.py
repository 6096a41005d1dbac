"""Where a layout's views lie: from the layout's XML to a rectangle for each view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """A view of a layout and the part of the window it fills, in shares of it (0 to 1)."""

    node_class: str  # vtkMRMLSliceNode, vtkMRMLViewNode …
    tag: str  # Red, Green, Yellow; 1
    left: float
    top: float
    width: float
    height: float


def places(layout: Any) -> list[Place]:
    """The views of a layout, a vtkXMLDataElement; of tabs only the first one, which is in front."""
    return _places(layout, 0.0, 0.0, 1.0, 1.0)


def _places(element: Any, left: float, top: float, width: float, height: float) -> list[Place]:
    if element.GetName() == "view":
        tag = element.GetAttribute("singletontag") or ""
        return [Place(element.GetAttribute("class"), tag, left, top, width, height)]
    inside = [element.GetNestedElement(i) for i in range(element.GetNumberOfNestedElements())]
    inside = [each for each in inside if each.GetName() in ("layout", "item", "view")]
    kind = element.GetAttribute("type") if element.GetName() == "layout" else "tab"
    found: list[Place] = []
    if kind == "grid":
        cells = [(_number(each, "row"), _number(each, "column")) for each in inside]
        rows, columns = (1 + max(each) for each in zip(*cells, strict=True))
        for each, (row, column) in zip(inside, cells, strict=True):
            found += _places(
                each,
                left + width * column / columns,
                top + height * row / rows,
                width / columns,
                height / rows,
            )
        return found
    if kind == "tab":
        return _places(inside[0], left, top, width, height) if inside else []
    sizes = [_number(each, "splitSize", 1) or 1 for each in inside]
    at = 0.0
    for each, size in zip(inside, sizes, strict=True):
        share = size / sum(sizes)
        if kind == "horizontal":
            found += _places(each, left + width * at, top, width * share, height)
        else:
            found += _places(each, left, top + height * at, width, height * share)
        at += share
    return found


def _number(element: Any, name: str, default: int = 0) -> int:
    value = element.GetAttribute(name)
    return int(value) if value else default
