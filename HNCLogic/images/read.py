"""Reading one image for one role: a DICOM folder or series, or an image file. PET as SUVbw."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.dicom import find_series, is_dicom, series_of_file
from HNCLogic.images.grid import Grid
from HNCLogic.images.grid import resample as onto_grid
from HNCLogic.images.nifti_file import non_finite
from HNCLogic.images.plausible import (
    ct_warnings,
    refuse_activity_as_suv,
    refuse_ct_as_pet,
    refuse_unusable,
)
from HNCLogic.images.quiet import quiet_dicom
from HNCLogic.images.segmentation_file import (
    SegmentedLabels,
    is_segmentation,
    pasted,
    segmented_labels,
)
from HNCLogic.images.suv import suv_factors, suv_warnings
from HNCLogic.images.suv_header import PetHeader
from HNCLogic.images.suv_units import F18_S
from HNCLogic.images.volume_file import (
    one_frame,
    read_file,
    read_volume,
    record_path,
    refuse_geometry,
)
from HNCLogic.job import SuvByHand, SuvRecord

DICOM_ENDINGS = (".dcm", ".dicom", ".ima")


@dataclass
class LoadedImage:
    """One image as float32 with its own geometry; a PET is in SUVbw and ``suv`` says how."""

    image: sitk.Image
    source: str  # in words, without path or name
    suv: SuvRecord | None = None  # with its own warnings
    warnings: list[str] = field(default_factory=list)  # without path or name, as they travel
    patient: str | None = None  # the same for the same patient within one run; DICOM only
    frame_of_reference: str | None = None  # DICOM only


def read_image(
    path: Path, role: str, series: str | None = None, by_hand: SuvByHand | None = None
) -> LoadedImage:
    """The image at ``path`` for ``role`` (PET, CT or an MR role).

    ``path``: a DICOM folder, one file of a DICOM series, or an image file. ``series``: number or
    UID where the folder holds several. ``by_hand``: for a PET, what replaces or completes its
    header. Raises ``InputError`` for everything that keeps it from being used as that role.
    """
    path = Path(path)
    by_hand = by_hand or SuvByHand()
    if not path.exists():
        raise InputError(f"{role}: {path} does not exist")
    if path.is_dir() or is_dicom(path):
        return _from_dicom(path, role, series, by_hand)
    if path.suffix.lower() in DICOM_ENDINGS:
        raise InputError(f"{path} is not a DICOM file despite its name")
    if series is not None:
        raise InputError(f"{path} is an image file: --series is for DICOM folders")
    return _from_file(path, role, by_hand)


def read_mask(path: Path, like: Grid | None = None, resample: bool = False) -> sitk.Image:
    """Labels (uint16, 0 = background) from an image file, on the grid ``like`` where given.

    A mask on another grid is refused, with the difference in words; with ``resample`` it is
    brought onto ``like`` by nearest neighbour. Raises ``InputError``.
    """
    return read_labels(path, like, resample).labels


def read_labels(path: Path, like: Grid | None = None, resample: bool = False) -> SegmentedLabels:
    """As ``read_mask``, with what a segmentation file (.seg.nrrd) says of its labels.

    A segmentation may be cropped: on the voxels of ``like`` it is put in its place there, exactly.
    ``tags`` is empty for a mask that is no segmentation file.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"mask {path} does not exist")
    if path.is_dir() or is_dicom(path):
        raise InputError(f"mask {path} is DICOM: give it as NIfTI, NRRD (.seg.nrrd) or MHA")
    image, _ = read_file(path)
    segmentation = is_segmentation(image)
    if segmentation:
        found = segmented_labels(image, path)
    else:
        found = SegmentedLabels(one_frame(image, path), {})
    refuse_geometry(found.labels, path)
    mask = found.labels = _whole_labels(found.labels, path)
    own = Grid.of(mask)
    if like is None or own.same_as(like):
        found.labels = mask if like is None else like.place(mask)
        return found
    in_place = pasted(mask, like) if segmentation else None
    if in_place is not None:
        found.labels = in_place
    elif resample:
        found.labels = onto_grid(mask, like, 0, sitk.sitkNearestNeighbor)
    else:
        raise InputError(
            f"mask {path} lies on another grid than the image: "
            f"{_differences(own, like, segmentation)}: draw or export it on the image's "
            "grid"
        )
    return found


def _whole_labels(image: sitk.Image, path: Path) -> sitk.Image:
    values = sitk.GetArrayViewFromImage(image)
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise InputError(non_finite(f"mask {path}", bad, values.size))
    if values.min() < 0 or values.max() > 65535 or not np.array_equal(values, np.rint(values)):
        raise InputError(
            f"mask {path} does not hold labels but values from {values.min():g} to "
            f"{values.max():g}: labels are whole numbers from 0 (background)"
        )
    mask = sitk.Cast(image, sitk.sitkUInt16)
    for key in mask.GetMetaDataKeys():  # the segments' names may name the patient
        mask.EraseMetaData(key)
    return mask


def _from_dicom(path: Path, role: str, choice: str | None, by_hand: SuvByHand) -> LoadedImage:
    from HNCLogic.images.series import read_series
    from HNCLogic.images.series_choice import choose_series

    found = find_series(path) if path.is_dir() else series_of_file(path)
    series = choose_series(found, role, choice)
    image, headers, warnings = read_series(series)
    loaded = LoadedImage(
        image,
        f"DICOM series of {image.GetDepth()} slices",
        warnings=warnings,
        patient=series.patient,
        frame_of_reference=series.frame_of_reference,
    )
    values = sitk.GetArrayViewFromImage(image)
    source = f"{path}, series {series.number}" if series.number is not None else str(path)
    refuse_unusable(values, source)
    if role == "PET":
        with quiet_dicom():
            factors, record = suv_factors(headers, by_hand, source)
        return _as_suv(loaded, values, factors, record)
    if role == "CT":
        loaded.warnings += ct_warnings(values)
    return loaded


def _from_file(path: Path, role: str, by_hand: SuvByHand) -> LoadedImage:
    image, kind, warnings = read_volume(path)
    image = sitk.Cast(image, sitk.sitkFloat32)
    for key in image.GetMetaDataKeys():  # what a converter kept of a header may name the patient
        image.EraseMetaData(key)
    loaded = LoadedImage(image, kind, warnings=warnings)
    values = sitk.GetArrayViewFromImage(image)
    refuse_unusable(values, str(path))
    if role == "CT":
        loaded.warnings += ct_warnings(values)
    if role != "PET":
        return loaded
    refuse_ct_as_pet(values, str(path), noisy=by_hand.units == "BQML")
    record = _record_beside(path) if by_hand.units is None else None
    if record is not None:
        factors, record = _on_record(record, by_hand, path)
    elif by_hand.units is None:
        refuse_activity_as_suv(values, str(path))
        factors, record = _assumed_suv(by_hand, path)
    else:
        factors, record = _stated(by_hand, path)
    return _as_suv(loaded, values, factors, record)


def _as_suv(
    loaded: LoadedImage, values: np.ndarray, factors: np.ndarray, record: SuvRecord
) -> LoadedImage:
    suv = (values * np.asarray(factors, np.float64)[:, None, None]).astype(np.float32)
    image = Grid.of(loaded.image).image(suv)
    record = record.model_copy(
        update={
            "suv_max": float(suv.max()),
            "warnings": list(dict.fromkeys([*record.warnings, *suv_warnings(image)])),
        }
    )
    return replace(loaded, image=image, suv=record)


def _stated(by_hand: SuvByHand, path: Path) -> tuple[np.ndarray, SuvRecord]:
    """A file whose units, and for Bq/ml all the rest, come by hand."""
    header = PetHeader(decay_correction="START", half_life_s=F18_S, corrections=("ATTN", "DECY"))
    if by_hand.units == "SUVbw":
        header = PetHeader(corrections=("ATTN",))
    factors, record = suv_factors([header], by_hand, str(path))
    if by_hand.units == "BQML" and by_hand.half_life_s is None:
        record.warnings.append(f"The half-life is taken as that of fluorine-18, {F18_S:g} s.")
    return factors, record


def _assumed_suv(by_hand: SuvByHand, path: Path) -> tuple[np.ndarray, SuvRecord]:
    factors, record = suv_factors(
        [PetHeader(units="GML", suv_type="BW", corrections=("ATTN",))], by_hand, str(path)
    )
    words = "the file does not state its units; its values look like SUV"
    update = {
        "units_found": "not stated, taken as SUVbw",
        "source": words,
        "formula": f"SUVbw = value × 1 ({words})",
        "warnings": [
            *record.warnings,
            "The PET's file does not state its units; its values were taken as SUVbw "
            "(if they are, --pet-units SUVbw says so).",
        ],
    }
    return factors, record.model_copy(update=update)


def _record_beside(path: Path) -> SuvRecord | None:
    """The record that `hnc suv` wrote beside the image: the same name, ending in .json."""
    try:
        text = record_path(path).read_text(encoding="utf-8")
        return SuvRecord.model_validate(json.loads(text))
    except (OSError, ValueError):
        return None  # not there, or another program's


def _on_record(record: SuvRecord, by_hand: SuvByHand, path: Path) -> tuple[np.ndarray, SuvRecord]:
    """A file in SUVbw with its record: by hand, weight and dose can still be put right."""
    header = PetHeader(
        units="GML",
        suv_type="BW",
        corrections=("ATTN",),
        weight=record.weight_kg,
        dose=None if record.dose_mbq is None else record.dose_mbq * 1e6,
    )
    factors, changed = suv_factors([header], by_hand, str(path))
    if not changed.given_by_hand:
        return factors, record
    return factors, record.model_copy(
        update={
            "weight_kg": changed.weight_kg,
            "dose_mbq": changed.dose_mbq,
            "factor_min": record.factor_min * float(factors[0]),
            "factor_max": record.factor_max * float(factors[0]),
            "formula": f"{record.formula}; then {changed.formula}",
            "given_by_hand": list(dict.fromkeys([*record.given_by_hand, *changed.given_by_hand])),
        }
    )


def _differences(one: Grid, other: Grid, cropped: bool = False) -> str:
    """How grid ``one`` lies against ``other``, in words; ``cropped``: its size need not agree."""
    words = []
    if one.size != other.size and not cropped:
        words.append(f"{_by(one.size)} voxels, not {_by(other.size)}")
    if not np.allclose(one.spacing, other.spacing, rtol=1e-3):
        words.append(f"{_by(one.spacing)} mm apart, not {_by(other.spacing)}")
    if not np.allclose(one.direction, other.direction, atol=1e-3):
        words.append("turned or flipped against it")
    if words:
        return ", ".join(words)
    first = other.indices([one.origin])
    between = np.linalg.norm(other.points(np.rint(first)) - one.origin)
    if cropped and between <= 1e-2:
        return "it marks voxels outside the image"
    if cropped:
        return f"its voxels lie {between:.2f} mm beside the image's"
    apart = np.linalg.norm(np.subtract(one.origin, other.origin))
    return f"its first voxel {apart:.2f} mm away"


def _by(numbers: tuple) -> str:
    return " x ".join(f"{n:.4g}" for n in numbers)
