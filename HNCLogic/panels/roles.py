"""Which of the loaded volumes is the PET, the CT, the MRI, and which MR sequence that is.

What says most is asked first: DICOM modality, then units, then whole words in the name, and the
values only for what is left. Where two volumes fit equally well the role stays empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import slicer
import slicer.util

from HNCLogic.panels import volume_facts as facts

SUVBW = "SUVbw"  # as Job has it
BQML = "BQML"
UNITS_OF_CODES = {"{suvbw}g/ml": SUVBW, "bq/ml": BQML, "{suvbw}": SUVBW}
HOUNSFIELD = "[hnsf'U]"
ATTENUATION, MR_SIGNAL, SUV_QUANTITY, ACTIVITY = "112031", "110852", "126400", "110820"

MR_SEQUENCES = ("T1", "T2", "CE-T1", "DWI-b0", "DWI-b1000", "ADC")  # as Job has them
MODALITIES = {"PT": "PET", "CT": "CT", "MR": "MR"}
NAMED = {
    "PET": {"pet", "pt", "suv", "suvbw", "fdg"},
    "CT": {"ct", "ldct", "cect", "ctac", "hu"},
    "MR": {"mr", "mri", "t1", "t1w", "t2", "t2w", "t1c", "flair", "stir", "tirm", "dwi", "adc"}
    | {"dixon", "mprage", "vibe", "tse", "fse", "gre"},
}
SEQUENCE_WORDS = NAMED["MR"] - {"mr", "mri"}
CONTRAST = {"+c", "c+", "gd", "ce", "gadolinium", "postcontrast", "contrast", "postgd", "kontrast"}
NO_IMAGE = {"mask", "seg", "segmentation", "label", "labels", "labelmap", "mrac", "umap", "mumap"}
ALIKE = 0.05  # sizes that differ by less say nothing about which volume is meant


def roles_in_scene(scene: Any, pet: Any = None) -> dict[str, Any]:
    """The volume for each of "PET", "CT" and "MR" that is clear; a role in doubt is left out.

    ``pet``: the PET that was chosen already. CT and MRI must meet the PET, and the one with the
    most voxels wins.
    """
    return found_roles(scene, pet)[0]


def found_roles(scene: Any, pet: Any = None) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """As ``roles_in_scene``, and beside it the volumes between which a role is in doubt."""
    candidates: dict[str, list[Any]] = {"PET": [], "CT": [], "MR": []}
    for node in _volumes(scene):
        role = role_of(node)
        if role:
            candidates[role].append(node)
    roles, doubtful = {}, {}
    if pet is None:
        _choose("PET", _best_pets(candidates["PET"]), roles, doubtful)
        pet = roles.get("PET")
    else:
        roles["PET"] = pet
    for role in ("CT", "MR"):
        fitting = [n for n in candidates[role] if n is not pet and (pet is None or meet(n, pet))]
        _choose(role, fitting, roles, doubtful)
    return roles, doubtful


def volumes_by_role(
    scene: Any, wanted: Iterable[str]
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The volume for each ``wanted`` role of Job's, "CT" and MR sequences, that is clear; beside it
    the volumes between which a role is in doubt. Of CTs, those with contrast in their name first.
    """
    candidates: dict[str, list[Any]] = {role: [] for role in wanted}
    for node in _volumes(scene):
        kind = role_of(node)
        role = mr_sequence(node) if kind == "MR" else kind
        if role in candidates:
            candidates[role].append(node)
    found: dict[str, Any] = {}
    doubtful: dict[str, list[Any]] = {}
    for role, fitting in candidates.items():
        enhanced = [node for node in fitting if words(node.GetName()) & CONTRAST]
        _choose(role, enhanced if role == "CT" and enhanced else fitting, found, doubtful)
    return found, doubtful


def look_at_voxels(scene: Any, pet: Any = None, ct: Any = None) -> Iterator[None]:
    """Look at the voxels of the PET and the CT, those chosen or those that will be, one a step:
    what is said of them later is then at hand."""
    given = {role: node for role, node in (("PET", pet), ("CT", ct)) if node is not None}
    for node in looked_into(roles_in_scene(scene, pet) | given):
        yield
        facts.values_of(node)
    yield


def looked_into(volumes: Mapping[str, Any]) -> list[Any]:
    """Of volumes by role, those whose voxels are looked at: not an MRI's, which say nothing."""
    return [node for role, node in volumes.items() if role != "MR" and facts.has_voxels(node)]


def role_of(node: Any) -> str:
    """ "PET", "CT", "MR", or "" where nothing says it. Derived results have no role."""
    if not facts.is_image(node) or not facts.has_voxels(node):
        return ""
    known = node.GetAttribute(facts.ROLE)
    if known:
        return known if known in ("PET", "CT") else "MR"
    if node.GetAttribute(facts.RECORD):
        return "PET"
    modality = facts.modality(node)
    if modality:
        return MODALITIES.get(modality, "")
    code, quantity = facts.units_code(node), facts.quantity_code(node)
    if code.lower() in UNITS_OF_CODES or quantity in (SUV_QUANTITY, ACTIVITY):
        return "PET"
    if code == HOUNSFIELD or quantity == ATTENUATION:
        return "CT"
    if quantity == MR_SIGNAL:
        return "MR"
    return _by_name(node) if not words(node.GetName()) & NO_IMAGE else ""


def mr_sequence(node: Any) -> str:
    """T1, T2, CE-T1, DWI-b0, DWI-b1000 or ADC; "" where name and header do not say."""
    known = node.GetAttribute(facts.ROLE) or ""
    if known and known not in ("PET", "CT", "MR"):
        return known
    found = sequence_in(node.GetName())
    if found == "T1" and facts.header_value(node, facts.CONTRAST):
        return "CE-T1"
    return found


def sequence_in(name: str) -> str:
    """The MR sequence that a series' or file's name speaks of; "" where it does not."""
    said = words(name)
    if "adc" in said:
        return "ADC"
    if said & {"dwi", "diffusion"}:
        values = {"b0": "DWI-b0", "b1000": "DWI-b1000"}
        named = {sequence for word, sequence in values.items() if word in said}
        return named.pop() if len(named) == 1 else ""
    t1, t2 = bool(said & {"t1", "t1w", "t1c"}), bool(said & {"t2", "t2w"})
    if t1 == t2 or said & {"flair", "stir", "tirm"}:
        return ""
    if t1 and (said & CONTRAST or "t1c" in said):
        return "CE-T1"
    return "T1" if t1 else "T2"


def words(name: str | None) -> set[str]:
    """The words of a name in small letters; "+C" is one, and "t1gd" is two."""
    text = re.sub(r"(?<![a-z0-9])(t[12]w?)(gd|ce|km)(?![a-z0-9])", r"\1 \2", (name or "").lower())
    return set(re.findall(r"\+c(?![a-z0-9])|(?<![a-z0-9])c\+|[a-z0-9]+", text))


def pet_units(node: Any) -> str:
    """ "SUVbw", "BQML", another DICOM Units code (CNTS, GML by lean mass …), or "": not known."""
    if node.GetAttribute(facts.RECORD):
        return SUVBW
    stated = UNITS_OF_CODES.get(facts.units_code(node).lower(), "")
    if stated:
        return stated
    units = facts.header_value(node, facts.UNITS).upper()
    kind = facts.header_value(node, facts.SUV_TYPE).upper() if units == "GML" else ""
    if units == "GML" and kind in ("", "BW"):
        return SUVBW
    return f"{units} ({kind})" if kind else units


def is_suv(node: Any) -> bool:
    """Is it stated that the volume's values are SUVbw? Values alone never say so."""
    return pet_units(node) == SUVBW


def meet(node: Any, pet: Any) -> bool:
    """Do the two overlap, and do they not lie under different patients?"""
    patients = facts.patient(node), facts.patient(pet)
    if 0 not in patients and patients[0] != patients[1]:
        return False
    grids = facts.grid_or_none(node), facts.grid_or_none(pet)
    return None not in grids and facts.overlap(*grids) > 0


def _volumes(scene: Any) -> Iterable[Any]:
    return slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", scene)


def _by_name(node: Any) -> str:
    said = words(node.GetName())
    named = {role for role, known in NAMED.items() if said & known}
    if "CT" not in named and said & SEQUENCE_WORDS:
        return "MR"  # "PET-MR T1 dixon": the examination, then the sequence
    if named == {"PET", "CT"} or not named:
        # "PET/CT" names the examination; a name without any of the words says nothing.
        if facts.values_of(node).like_ct:
            return "CT"
        return "PET" if named else ""
    return named.pop() if len(named) == 1 else ""


def _best_pets(pets: list[Any]) -> list[Any]:
    """Converted ones before the ones they were made from, and corrected before uncorrected."""
    for better in (is_suv, lambda node: not words(node.GetName()) & {"nac", "uncorrected"}):
        pets = [node for node in pets if better(node)] or pets
    return pets


def _choose(role: str, fitting: list[Any], roles: dict, doubtful: dict) -> None:
    """The one with the most voxels, unless the next is as good as that."""
    ranked = sorted(fitting, key=_voxels, reverse=True)
    if len(ranked) > 1 and _voxels(ranked[1]) > (1 - ALIKE) * _voxels(ranked[0]):
        least = (1 - ALIKE) * _voxels(ranked[0])
        doubtful[role] = [node for node in ranked if _voxels(node) > least]
    elif ranked:
        roles[role] = ranked[0]


def _voxels(node: Any) -> int:
    return node.GetImageData().GetNumberOfPoints()
