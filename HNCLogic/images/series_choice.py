"""Which DICOM series is the PET, the CT, the T1 … where a folder holds several."""

from __future__ import annotations

from HNCLogic.errors import ChoiceNeeded, InputError
from HNCLogic.images.dicom import Series

MODALITIES = {"PET": "PT", "CT": "CT"}  # every other role is an MR
MODALITY_NAMES = {"PT": "PET", "CT": "CT", "MR": "MR"}


def choose_series(series: list[Series], role: str, choice: str | None = None) -> Series:
    """The one series for ``role`` (PET, CT, or an MR role), by modality or by ``choice``.

    ``choice`` is a series number or a series instance UID. Localizers, single slices and
    projections stand back where a proper volume exists; beyond that nothing is guessed:
    several that fit are listed in the ``ChoiceNeeded`` that is raised. Raises ``InputError``
    where none fits, and for two patients in one folder.
    """
    folder = series[0].folder
    patients = {s.patient for s in series} - {None}
    if len(patients) > 1:
        raise InputError(
            f"{folder} holds images of {len(patients)} patients: "
            "give a folder with one patient's images"
        )
    wanted = MODALITIES.get(role, "MR")
    fitting = [s for s in series if s.modality == wanted]
    if choice is not None:
        return _chosen(series, fitting, role, str(choice).strip())
    if not fitting:
        held = sorted({MODALITY_NAMES.get(s.modality, s.modality) for s in series})
        raise InputError(
            f"{folder} was given as {role} but holds {' and '.join(held)}, "
            f"no {MODALITY_NAMES[wanted]} image"
        )
    volumes = [s for s in fitting if not s.aside] or fitting
    if len(volumes) > 1:
        holds = f"{folder} holds {len(volumes)} {MODALITY_NAMES[wanted]} series; choose one with"
        raise _choice_needed(holds, volumes, role)
    return volumes[0]


def _chosen(series: list[Series], fitting: list[Series], role: str, choice: str) -> Series:
    matching = [s for s in series if choice in (s.uid, str(s.number))]
    right = [s for s in matching if s in fitting]
    if len(right) == 1:
        return right[0]
    folder = series[0].folder
    if len(right) > 1:
        holds = f"{folder} holds {len(right)} series numbered {choice}; choose one by its UID with"
        raise _choice_needed(holds, right, role)
    if matching:
        is_a = MODALITY_NAMES.get(matching[0].modality, matching[0].modality)
        raise InputError(f"{folder}: series {choice} was chosen as {role} but is {is_a}")
    held = "; ".join(_listed(fitting)) if fitting else "none that fits"
    raise InputError(f"{folder} holds no series {choice} for {role}; it holds {held}")


def _choice_needed(holds: str, series: list[Series], role: str) -> ChoiceNeeded:
    ambiguous = _ambiguous(series)
    return ChoiceNeeded(
        f"{holds} {_how(series, role)}: " + "; ".join(_listed(series)),
        role,
        [(s.uid if ambiguous else str(s.number), s.in_words()) for s in series],
    )


def _how(series: list[Series], role: str) -> str:
    return f"--series {role}={'UID' if _ambiguous(series) else 'NUMBER'}"


def _listed(series: list[Series]) -> list[str]:
    if _ambiguous(series):
        return [f"UID {s.uid} = {s.in_words()}" for s in series]
    return [s.in_words() for s in series]


def _ambiguous(series: list[Series]) -> bool:
    numbers = [s.number for s in series]
    return None in numbers or len(set(numbers)) < len(numbers)
