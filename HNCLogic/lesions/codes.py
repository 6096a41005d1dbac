"""What each kind of lesion is called in SNOMED CT, as DICOM PS3.16 uses it (context group 7159).

A lesion that nobody has classified is a "Lesion (morphologic abnormality)": uptake, which need
not be a neoplasm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import LesionKind

TYPES: dict[LesionKind, str] = {  # scheme^value^meaning
    "primary": "SCT^86049000^Neoplasm, Primary",
    "node": "SCT^14799000^Neoplasm, Secondary",
    "lesion": "SCT^52988006^Lesion",
}
