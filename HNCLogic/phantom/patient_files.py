"""One simulated patient on disk: images, masks, and its line in the cohort's list."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.phantom.cohort_plan import Cohort, Planned

if TYPE_CHECKING:
    import SimpleITK as sitk

    from HNCLogic.phantom.patient import SimulatedPatient

QUICK = 1  # noise hardly compresses, at any level
# Streams beside those of the patient: the simulated reader's, and of what is asked for by share.
READER, SCORE, SUBTYPE = 1, 2, 3


def write_patient(planned: Planned, cohort: Cohort, folder: Path, told: Path) -> dict[str, Any]:
    """Simulate the patient and write it into ``folder``/name; gives its line in the list.

    ``told``: the folder that errors name. Raises InputError where it cannot be written whole.
    """
    (folder / planned.name).mkdir()
    write = {"presence": _presence, "parotid": _parotid, "extension": _extension}[cohort.cases]
    return {"patient": planned.name, "scan": 1} | write(planned, cohort, folder, told)


def make_patient(planned: Planned, cohort: Cohort) -> SimulatedPatient:
    """The patient of a presence cohort, in memory."""
    from HNCLogic.phantom import patient

    return patient.simulate(
        planned.seed,
        planned.positive,
        match=planned.match,
        centre=planned.centre,
        anatomy=None if cohort.anatomy is None else _anatomies(Path(cohort.anatomy)),
        modalities=cohort.roles,
        full_chain=cohort.scanner == "full",
    )


def read_patient(found: SimulatedPatient) -> tuple[sitk.Image, int]:
    """What the simulated reader says of the patient: outlines (as the truth), score 1 to 5."""
    from HNCLogic.phantom.reader import read_by_eye
    from HNCLogic.phantom.reader_score import conspicuity, draw_score

    hand, eye = (np.random.default_rng([found.seed, n]) for n in (READER, SCORE))
    stands_out = conspicuity(found.positive, found.lesions if found.positive else found.harmless)
    return (
        read_by_eye(found.pet, found.truth, hand),
        draw_score(eye, found.positive, stands_out=stands_out),
    )


@lru_cache(maxsize=1)
def _anatomies(folder: Path):
    """The real CTs of a folder, looked through once in each process."""
    from HNCLogic.phantom.real_ct.real_anatomy import RealAnatomies

    return RealAnatomies(folder)


def _presence(planned: Planned, cohort: Cohort, folder: Path, told: Path) -> dict[str, Any]:
    found = make_patient(planned, cohort)
    outlines, score = read_patient(found)
    images = {role: found.images[role] for role in cohort.roles}
    row = {
        "centre": found.centre,
        **_images(images, planned.name, cohort, folder, told, found),
        "mask": _volume(found.truth, planned.name, "truth", folder, told),
        "reader_mask": _volume(outlines, planned.name, "reader", folder, told),
        "label": int(found.positive),
        "reader_score": score,
        "age": f"{found.age:.0f}",
        "sex": found.sex,
        "weight": f"{found.weight_kg:.1f}",
        "match": planned.pair,
        "group": found.body.case,
    }
    if found.time_months is not None:
        # At least a day, and no two alike: whoever dies has lived.
        row |= {"time": f"{max(found.time_months, 0.03):.3f}", "event": found.event}
    return row


def _images(
    images: dict[str, sitk.Image],
    name: str,
    cohort: Cohort,
    folder: Path,
    told: Path,
    found: SimulatedPatient,
) -> dict[str, str]:
    """Write the images by role; gives their paths from ``folder``."""
    from HNCLogic.images.volume_file import record_path

    if cohort.form == "dicom":
        from HNCLogic.phantom.dicom_out import write_dicom

        write_dicom(found, folder / name, roles=tuple(images), name=name)
        return {role: f"{name}/{role}" for role in images}
    if "PET" in images:
        path = record_path(folder / name / "pet.nrrd")
        path.write_text(_record(found), encoding="utf-8")
    return {
        role: _volume(image, name, role.lower(), folder, told) for role, image in images.items()
    }


def _volume(image: sitk.Image, name: str, kind: str, folder: Path, told: Path) -> str:
    import SimpleITK as sitk

    from HNCLogic.convert import write_volume

    if kind == "ct":  # whole HU
        image = sitk.Cast(sitk.Round(image), sitk.sitkInt16)
    write_volume(image, folder / name / f"{kind}.nrrd", told, QUICK)
    return f"{name}/{kind}.nrrd"


def _record(found: SimulatedPatient) -> str:
    import SimpleITK as sitk

    from HNCLogic.job import SuvRecord

    return (
        SuvRecord(
            units_found="SUVbw",
            factor_min=1.0,
            factor_max=1.0,
            formula="simulated as SUVbw: nothing to convert",
            weight_kg=round(found.weight_kg, 1),
            source=found.simulated,
            suv_max=float(sitk.GetArrayViewFromImage(found.pet).max()),
        ).model_dump_json(indent=2)
        + "\n"
    )


def _parotid(planned: Planned, cohort: Cohort, folder: Path, told: Path) -> dict[str, Any]:
    """Subtypes come in no pairs; the label is malignant or not."""
    from HNCLogic.phantom.cases.parotid_case import simulate_parotid
    from HNCLogic.phantom.cases.parotid_tumours import draw_subtype

    subtype = None
    if cohort.malignant is not None:
        subtype = draw_subtype(np.random.default_rng([planned.seed, SUBTYPE]), cohort.malignant)
    found = simulate_parotid(planned.seed, subtype, centre=planned.centre, roles=cohort.roles)
    paths = {
        role: _volume(found.images[role], planned.name, role.lower(), folder, told)
        for role in cohort.roles
    }
    return {
        "centre": found.centre,
        **paths,
        "mask": _volume(found.mask, planned.name, "truth", folder, told),
        "label": int(found.malignant),
        "reader_score": found.reader_score,
        "subtype": found.subtype,
        "side": found.side,
        "box": " ".join(f"{v:.2f}" for v in found.box),
        "age": f"{found.age:.0f}",
        "sex": found.sex,
    }


def _extension(planned: Planned, cohort: Cohort, folder: Path, told: Path) -> dict[str, Any]:
    from HNCLogic.phantom.cases.extension_case import simulate_extension

    found = simulate_extension(planned.seed, planned.positive, match=planned.match)
    return {
        "centre": f"protocol {found.header.protocol}",
        "CT": _volume(found.ct, planned.name, "ct", folder, told),
        "mask": _volume(found.nodes, planned.name, "truth", folder, told),
        "label": int(found.extension),
        # As "1=intact 2=extended": by the node's value in the mask.
        "capsule": " ".join(f"{node.label}={node.capsule}" for node in found.found),
        "nose_z": f"{found.nose_z:.2f}",
        "acromion_z": f"{found.acromion_z:.2f}",
        "age": found.header.age,
        "sex": found.header.sex,
        "match": planned.pair,
    }
