"""Tissues of the simulated head and neck: CT number and FDG uptake.

FDG uptake is SUVmean. Tonsils, soft palate, lingual tonsil, salivary glands, cord, vocal cords,
concha, tongue and thyroid: Nakamoto et al., Radiology 2005;234:879-885. Grey and white matter,
blood, muscle: usual clinical ranges (grey 8-14, white 3-5, blood 1.5-2, muscle 0.6-1). The rest
are plausible figures for a scan one hour after injection; the skin's so that the rim it leaves is
nothing in some, as in thighs of real patients, and a quarter over what lies under it in others, as
at the back of a real head and neck. CT numbers are textbook figures at 120 kV. What MR sees of
them is in ``mr/tissues.py``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Tissue(NamedTuple):
    hu: float  # mean CT number
    hu_texture: float  # standard deviation of its fine structure, HU
    suv: float  # mean FDG uptake, SUVbw
    suv_spread: float  # between patients: standard deviation of the logarithm
    asymmetry: float  # between left and right: the same; 0 where the tissue is one organ


TISSUES: dict[str, Tissue] = {
    "outside": Tissue(-1000, 0, 0.0, 0, 0),
    "airway": Tissue(-990, 5, 0.15, 0, 0),
    "lung": Tissue(-820, 50, 0.4, 0.15, 0),
    "fat": Tissue(-100, 16, 0.35, 0.2, 0),
    "skin": Tissue(10, 25, 2.0, 0.25, 0),
    "soft": Tissue(28, 24, 0.85, 0.12, 0),
    "muscle": Tissue(48, 13, 0.78, 0.1, 0),
    "masticator": Tissue(52, 12, 0.92, 0.2, 0.18),
    "neck muscle": Tissue(47, 14, 0.88, 0.12, 0.12),
    "bone": Tissue(1050, 200, 0.6, 0.15, 0),
    "marrow": Tissue(205, 60, 1.3, 0.2, 0),
    "teeth": Tissue(2000, 250, 0.5, 0, 0),
    "mastoid": Tissue(0, 230, 0.6, 0.1, 0),
    "disc": Tissue(85, 12, 0.6, 0.1, 0),
    "grey matter": Tissue(39, 4, 11, 0.1, 0.02),
    "white matter": Tissue(28, 3, 4, 0.08, 0.02),
    "deep grey": Tissue(38, 4, 11, 0.1, 0.03),
    "cerebellum": Tissue(37, 4, 7.5, 0.14, 0.03),
    "brainstem": Tissue(30, 4, 4.6, 0.12, 0),
    "csf": Tissue(8, 4, 0.7, 0.1, 0),
    "eye": Tissue(12, 3, 0.6, 0.1, 0),
    "eye muscle": Tissue(50, 8, 3, 0.25, 0.18),
    "mucosa": Tissue(45, 10, 1.9, 0.22, 0),
    "concha": Tissue(42, 10, 1.56, 0.2, 0.22),
    "tongue": Tissue(47, 15, 1.39, 0.15, 0),
    "soft palate": Tissue(45, 8, 3.13, 0.28, 0),
    "tonsil": Tissue(50, 8, 3.48, 0.28, 0.24),
    "lingual tonsil": Tissue(50, 8, 3.11, 0.28, 0),
    "adenoid": Tissue(48, 8, 2.8, 0.25, 0),
    "parotid": Tissue(5, 20, 1.9, 0.3, 0.2),
    "submandibular": Tissue(40, 10, 2.11, 0.3, 0.2),
    "sublingual": Tissue(38, 10, 2.93, 0.3, 0.2),
    "thyroid": Tissue(105, 10, 1.31, 0.18, 0.15),
    "larynx": Tissue(50, 12, 1.2, 0.15, 0),
    "cartilage": Tissue(170, 90, 0.9, 0.1, 0),
    "vocal cord": Tissue(48, 8, 1.77, 0.25, 0.22),
    "cord": Tissue(34, 4, 2.12, 0.22, 0),
    "oesophagus": Tissue(40, 8, 1.7, 0.2, 0),
    "vessel": Tissue(50, 6, 1.75, 0.06, 0),
    "node": Tissue(45, 8, 1.1, 0.15, 0),
    "brown fat": Tissue(-80, 14, 0.4, 0.1, 0),
    "tumour": Tissue(62, 12, 6.0, 0, 0),
    "necrosis": Tissue(22, 8, 1.2, 0.1, 0),
    "myocardium": Tissue(50, 8, 3.0, 0.5, 0),
}

NAMES: tuple[str, ...] = tuple(TISSUES)
LABEL: dict[str, int] = {name: index for index, name in enumerate(NAMES)}


def column(field: str) -> np.ndarray:
    """One property of all tissues, (256,) float32, to be indexed by a label array."""
    values = np.zeros(256, np.float32)
    values[: len(NAMES)] = [getattr(tissue, field) for tissue in TISSUES.values()]
    return values


def only(*names: str) -> np.ndarray:
    """Which labels are among ``names``: bool (256,)."""
    chosen = np.zeros(256, bool)
    chosen[[LABEL[name] for name in names]] = True
    return chosen
