"""What is wrong with the images chosen for their roles, and what there is to say of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from HNCLogic.images.grid import Grid
from HNCLogic.panels import roles
from HNCLogic.panels import volume_facts as facts

SMALL_OVERLAP = 0.25  # of the smaller of two images, as images.study
NOISE_SHARE = 0.01
KINDS = {"PT": "PET", "CT": "CT", "MR": "MRI"}


def role_name(role: str) -> str:
    return _("MRI") if role == "MR" else role


def complaints(images: Mapping[str, Any], sequence: str = "", mri_used: bool = True) -> list[str]:
    """What keeps ``images`` ("PET", "CT", "MR" or a sequence of it → volume node) from being used,
    the worst first.

    ``sequence``: which MR sequence the MRI is, "" where that is not known. ``mri_used``: has what
    is to be done a use for an MRI? If not, its sequence does not matter.
    """
    found = []
    chosen = list(images)
    for at, role in enumerate(chosen):
        for other in chosen[:at]:
            if images[other] is images[role]:
                words = _("{name} is chosen as {one} and as {other}.")
                named = {"one": role_name(other), "other": role_name(role)}
                found.append(_named(words, images[role], **named))
    alone = [problem for role, node in images.items() if (problem := _alone(role, node))]
    found += alone
    if not found:
        found += _together(images)
    if not found and "MR" in images and not sequence and mri_used:
        found.append(_("Say which sequence the MRI is."))
    if not found and "PET" in images and not roles.is_suv(images["PET"]):
        found.append(not_suv())
    return found


def not_suv() -> str:
    return _("The PET is not in SUV yet: convert it first.")


def can_be_pet(node: Any) -> bool:
    return not _alone("PET", node)


def remarks(images: Mapping[str, Any]) -> list[str]:
    """What is odd and can be used all the same."""
    found = []
    pet = images.get("PET")
    for role, node in images.items():
        grids = _grids(pet, node)
        if node is pet or grids is None:
            continue
        share = facts.overlap(*grids)
        if 0 < share < SMALL_OVERLAP:
            words = _("PET and {role} overlap in {share} of the smaller one only.")
            found.append(words.format(role=role_name(role), share=f"{share:.0%}"))
    ct = images.get("CT")
    if ct is not None and facts.values_of(ct).lowest >= facts.FAR_BELOW_ZERO:
        found.append(_("The CT does not look like Hounsfield units: air would be near −1000."))
    return found


def described(role: str, node: Any, sequence: str = "") -> str:
    """Units, voxels and spacing in one line."""
    kind = {"CT": "HU", "MR": sequence or _("sequence not known")}.get(role)
    if role == "PET":
        kind = {roles.BQML: "Bq/ml"}.get(units := roles.pet_units(node), units)
        kind = kind or _("units not known")
    if not facts.has_voxels(node):
        return _("{role}: no voxels").format(role=role_name(role))
    size = " × ".join(str(n) for n in node.GetImageData().GetDimensions())
    spacing = " × ".join(f"{mm:.3g}" for mm in node.GetSpacing()) + " mm"
    return _("{role}: {kind}, {size} voxels of {spacing}").format(
        role=role_name(role),
        kind=kind,
        size=size.replace(" ", "\N{NO-BREAK SPACE}"),
        spacing=spacing.replace(" ", "\N{NO-BREAK SPACE}"),
    )


def _alone(role: str, node: Any) -> str:
    """What is wrong with one image in its role, whatever the others are."""
    if not facts.has_voxels(node):
        return _named(_("{name} has no voxels, or a single slice."), node)
    if not facts.is_image(node):
        return _named(_("{name} is a result, not an image of the patient."), node)
    parent = node.GetParentTransformNode()
    if parent is not None and not parent.IsTransformToWorldLinear():
        return _named(_("{name} stands under a warping transform: harden it first."), node)
    if facts.grid_or_none(node) is None:
        return _named(_("{name} does not lie anywhere: its geometry cannot be used."), node)
    said = _said(node)
    wanted = {"PET": "PT", "CT": "CT"}.get(role, "MR")
    if said and said != wanted:
        words = _("{name} is {kind}, not {role}.")
        return _named(words, node, kind=KINDS.get(said, said), role=role_name(role))
    if role == "PET":
        return _below_zero(node)
    return ""


def _said(node: Any) -> str:
    """The DICOM modality that a volume states, by itself or through its units; "" for none."""
    code, quantity = facts.units_code(node), facts.quantity_code(node)
    if code == roles.HOUNSFIELD or quantity == roles.ATTENUATION:
        return "CT"
    if node.GetAttribute(facts.RECORD) or code.lower() in roles.UNITS_OF_CODES:
        return "PT"
    return "MR" if quantity == roles.MR_SIGNAL else facts.modality(node)


def _below_zero(pet: Any) -> str:
    values = facts.values_of(pet)
    if np.isnan(values.lowest):
        return _named(_("{name} holds values that are no numbers."), pet)
    if values.lowest >= facts.FAR_BELOW_ZERO:
        return ""
    if values.far_below_zero <= NOISE_SHARE and not roles.is_suv(pet):
        return ""
    words = _("{name} has values down to {lowest}, like a CT: it cannot be the PET.")
    return _named(words, pet, lowest=f"{values.lowest:.0f}")


def _together(images: Mapping[str, Any]) -> list[str]:
    """Images that never meet the first one, or are of another patient."""
    found = []
    first, *others = images or [""]
    for role in others:
        one, other = images[first], images[role]
        names = {"first": role_name(first), "other": role_name(role)}
        patients = facts.patient(one), facts.patient(other)
        if 0 not in patients and patients[0] != patients[1]:
            words = _("{first} and {other} are of different patients.")
            found.append(words.format(**names))
        elif facts.overlap(*_grids(one, other)) == 0:
            words = _("{first} and {other} do not overlap: choose images of one examination.")
            found.append(words.format(**names))
    return found


def _grids(one: Any, other: Any) -> tuple[Grid, Grid] | None:
    if one is None or other is None:
        return None
    grids = facts.grid_or_none(one), facts.grid_or_none(other)
    return None if None in grids else grids


def _named(words: str, node: Any, **more: str) -> str:
    return words.format(name=f"“{node.GetName()}”", **more)
