"""Tissues of the simulated head and neck: CT number, FDG uptake, T1 signal.

FDG uptake is SUVmean. Tonsils, soft palate, lingual tonsil, salivary glands, cord, vocal cords,
concha, tongue and thyroid: Nakamoto et al., Radiology 2005;234:879-885. Grey and white matter,
blood, muscle: usual clinical ranges (grey 8-14, white 3-5, blood 1.5-2, muscle 0.6-1). The rest
are plausible figures for a scan one hour after injection. CT numbers and T1-weighted signals
(arbitrary, fat = 100) are textbook figures at 120 kV and 1.5 T.
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
    t1: float  # T1-weighted signal, fat = 100


TISSUES: dict[str, Tissue] = {
    "outside": Tissue(-1000, 0, 0.0, 0, 0, 0),
    "airway": Tissue(-990, 5, 0.15, 0, 0, 1),
    "lung": Tissue(-820, 50, 0.4, 0.15, 0, 6),
    "fat": Tissue(-100, 14, 0.25, 0.15, 0, 100),
    "skin": Tissue(10, 25, 1.0, 0.1, 0, 45),
    "soft": Tissue(35, 22, 0.75, 0.1, 0, 44),
    "muscle": Tissue(58, 10, 0.78, 0.1, 0, 36),
    "masticator": Tissue(60, 10, 0.85, 0.2, 0.18, 36),
    "neck muscle": Tissue(58, 10, 0.8, 0.12, 0.12, 36),
    "bone": Tissue(1050, 200, 0.6, 0.15, 0, 8),
    "marrow": Tissue(260, 60, 1.3, 0.2, 0, 62),
    "teeth": Tissue(2000, 250, 0.5, 0, 0, 4),
    "mastoid": Tissue(0, 230, 0.6, 0.1, 0, 12),
    "disc": Tissue(85, 12, 0.6, 0.1, 0, 30),
    "grey matter": Tissue(39, 4, 11, 0.1, 0.02, 40),
    "white matter": Tissue(28, 3, 4, 0.08, 0.02, 52),
    "deep grey": Tissue(38, 4, 11, 0.1, 0.03, 42),
    "cerebellum": Tissue(37, 4, 7.5, 0.14, 0.03, 42),
    "brainstem": Tissue(30, 4, 4.6, 0.12, 0, 47),
    "csf": Tissue(8, 4, 0.7, 0.1, 0, 12),
    "eye": Tissue(12, 3, 0.6, 0.1, 0, 12),
    "eye muscle": Tissue(50, 8, 3, 0.25, 0.18, 40),
    "mucosa": Tissue(45, 10, 1.9, 0.15, 0, 40),
    "concha": Tissue(42, 10, 1.56, 0.2, 0.22, 42),
    "tongue": Tissue(55, 12, 1.39, 0.15, 0, 44),
    "soft palate": Tissue(45, 8, 3.13, 0.25, 0, 42),
    "tonsil": Tissue(50, 8, 3.48, 0.26, 0.24, 42),
    "lingual tonsil": Tissue(50, 8, 3.11, 0.25, 0, 42),
    "adenoid": Tissue(48, 8, 2.8, 0.25, 0, 42),
    "parotid": Tissue(5, 20, 1.9, 0.2, 0.2, 72),
    "submandibular": Tissue(40, 10, 2.11, 0.2, 0.2, 56),
    "sublingual": Tissue(38, 10, 2.93, 0.26, 0.2, 55),
    "thyroid": Tissue(105, 10, 1.31, 0.18, 0.15, 46),
    "larynx": Tissue(50, 12, 1.2, 0.15, 0, 42),
    "cartilage": Tissue(170, 90, 0.9, 0.1, 0, 40),
    "vocal cord": Tissue(48, 8, 1.77, 0.25, 0.22, 38),
    "cord": Tissue(34, 4, 2.12, 0.12, 0, 45),
    "oesophagus": Tissue(40, 8, 1.7, 0.2, 0, 38),
    "vessel": Tissue(50, 6, 1.75, 0.06, 0, 10),
    "node": Tissue(45, 8, 1.1, 0.15, 0, 40),
    "brown fat": Tissue(-80, 14, 0.4, 0.1, 0, 90),
    "tumour": Tissue(62, 12, 6.0, 0, 0, 40),
    "necrosis": Tissue(22, 8, 1.2, 0.1, 0, 28),
    "myocardium": Tissue(50, 8, 3.0, 0.5, 0, 36),
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
