"""The codes that say what a segment is, and their form in a segment's terminology tag.

SNOMED CT, as DICOM PS3.16 uses it (context groups 7150 and 7159); the lesions' own codes are in
``lesions.codes``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from HNCLogic.lesions.codes import TYPES

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import LesionKind


CATEGORY = "SCT^49755003^Morphologically Altered Structure"
NODE_OF_HEAD_AND_NECK = "SCT^312501005^Lymph node of head and neck"
NO_CODE = "^^"

# Where a primary lies: the sites of head and neck cancer, to choose from in the Segment Editor.
SITES = (
    "SCT^31389004^Oropharynx",
    "SCT^81502006^Hypopharynx",
    "SCT^4596009^Larynx",
    "SCT^71836000^Nasopharynx",
    "SCT^74262004^Oral cavity",
)
SIDES = ("SCT^24028007^Right", "SCT^7771000^Left")

# Lists that every Slicer has: a scene opened without this extension still names its segments.
TYPE_LIST = "Segmentation category and type - DICOM master list"
REGION_LIST = "Anatomic codes - DICOM master list"

REGIONS: dict[LesionKind, str] = {"node": NODE_OF_HEAD_AND_NECK}


@dataclass(frozen=True)
class Term:
    """The seven parts of a terminology tag, in their order, each code as scheme^value^meaning."""

    type_list: str
    category: str
    type: str
    type_modifier: str
    region_list: str
    region: str
    region_modifier: str

    @property
    def tag(self) -> str:
        return "~".join(
            (
                self.type_list,
                self.category,
                self.type,
                self.type_modifier,
                self.region_list,
                self.region,
                self.region_modifier,
            )
        )


def term_for(kind: LesionKind) -> Term:
    """What a lesion of this kind is called."""
    return Term(
        TYPE_LIST,
        CATEGORY,
        TYPES[kind],
        NO_CODE,
        REGION_LIST,
        REGIONS.get(kind, NO_CODE),
        NO_CODE,
    )


def kind_from_tag(tag: str) -> LesionKind:
    """The kind that a segment's terminology tag says, by its type's code alone.

    A tag that is empty, or is of something else (a user may pick any term), is a "lesion".
    """
    parts = tag.split("~")
    code = parts[2].split("^")[:2] if len(parts) > 2 else []
    for kind, known in TYPES.items():
        if code == known.split("^")[:2]:
            return kind
    return "lesion"


def kind_of(segment: Any) -> LesionKind:
    """The kind that a vtkSegment's terminology says."""
    return kind_from_tag(segment.GetTerminology())
