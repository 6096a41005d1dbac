"""Tissues of the simulated head and neck as MR sees them, and the table of them for signals.

Relaxation times, proton densities and diffusion are textbook ranges at 1.5 T and 37 °C, rounded
(white matter T1 600-800 ms, grey 950-1150, muscle 900-1050, fat 230-280, CSF about 4000; T2 75,
95, 35-45, and beyond 1500; ADC of brain 0.7-0.8, of CSF 3.0, of lymphoid tissue 0.8-1.0e-3
mm²/s). Gadolinium is the concentration some minutes after 0.1 mmol/kg: plausible figures that
give blood, mucosa and glands their known strong enhancement, and muscle and brain little.
Each tissue is water with a share of fat: the parotid owes its brightness on T1 to its fat.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from HNCLogic.phantom.body.tissues import LABEL, NAMES

FAT_T1, FAT_T2 = 250.0, 130.0  # ms; T2 as trains of echoes see it, which stop its J-coupling
R1, R2 = 4.3, 5.3  # relaxivities of gadolinium chelates in plasma, 1/(mM s), 1.5 T


class Relaxation(NamedTuple):
    t1: float  # of the water in it, ms
    t2: float  # of the water in it, ms
    density: float  # protons, CSF = 1
    adc: float  # of the water in it, 1e-3 mm²/s
    gadolinium: float = 0.0  # mmol/l after contrast
    fat: float = 0.0  # share of the protons that are in fat
    fat_grain: float = 0.0  # standard deviation of that share in the fine structure
    grain: float = 0.04  # the same of T2 and ADC, relative, over some millimetres
    flow: float = 1.0  # what flowing leaves of the signal of an echo that takes its time


MR_TISSUES: dict[str, Relaxation] = {
    "outside": Relaxation(1000, 10, 0.0, 0.0, grain=0),
    "airway": Relaxation(1000, 10, 0.0, 0.0, grain=0),
    "lung": Relaxation(1200, 20, 0.15, 1.0, 0.1),
    "fat": Relaxation(900, 45, 0.95, 0.8, 0.04, 0.9, 0.06),
    "skin": Relaxation(850, 35, 0.75, 1.0, 0.15, 0.12, 0.08),
    "soft": Relaxation(970, 42, 0.82, 1.3, 0.09, 0.28, 0.07),
    "muscle": Relaxation(1020, 36, 0.85, 1.4, 0.06, 0.05, 0.06),
    "masticator": Relaxation(1020, 36, 0.85, 1.4, 0.06, 0.05, 0.06),
    "neck muscle": Relaxation(1020, 36, 0.85, 1.4, 0.06, 0.05, 0.06),
    "bone": Relaxation(600, 6, 0.12, 0.5, grain=0.1),
    "marrow": Relaxation(950, 50, 0.7, 0.6, 0.07, 0.55, 0.08),
    "teeth": Relaxation(600, 5, 0.03, 0.5),
    "mastoid": Relaxation(900, 20, 0.10, 0.8, 0.05, grain=0.3),
    "disc": Relaxation(1000, 70, 0.75, 1.6, 0.02),
    "grey matter": Relaxation(1080, 96, 0.86, 0.80, 0.015),
    "white matter": Relaxation(680, 76, 0.72, 0.72, 0.01, grain=0.02),
    "deep grey": Relaxation(900, 80, 0.80, 0.76, 0.012),
    "cerebellum": Relaxation(960, 88, 0.82, 0.75, 0.015),
    "brainstem": Relaxation(720, 78, 0.74, 0.75, 0.01),
    "csf": Relaxation(4000, 1800, 1.0, 3.0, 0.0, grain=0.01),
    "eye": Relaxation(3800, 1000, 0.98, 2.8, 0.0, grain=0.01),
    "eye muscle": Relaxation(1000, 45, 0.85, 1.4, 0.2),
    "mucosa": Relaxation(1100, 80, 0.88, 1.3, 0.22),
    "concha": Relaxation(1200, 100, 0.90, 1.5, 0.45),
    "tongue": Relaxation(960, 48, 0.85, 1.4, 0.10, 0.16, 0.06),
    "soft palate": Relaxation(1000, 60, 0.85, 1.3, 0.2, 0.12, 0.06),
    "tonsil": Relaxation(1150, 95, 0.88, 0.90, 0.26),
    "lingual tonsil": Relaxation(1150, 95, 0.88, 0.90, 0.26),
    "adenoid": Relaxation(1150, 95, 0.88, 0.90, 0.26),
    "parotid": Relaxation(880, 66, 0.85, 1.05, 0.20, 0.36, 0.10),
    "submandibular": Relaxation(950, 72, 0.86, 1.25, 0.28, 0.12, 0.06),
    "sublingual": Relaxation(1000, 75, 0.86, 1.25, 0.25, 0.10, 0.06),
    "thyroid": Relaxation(1050, 65, 0.86, 1.4, 0.38),
    "larynx": Relaxation(1000, 60, 0.85, 1.4, 0.15, 0.18, 0.09),
    "cartilage": Relaxation(900, 34, 0.5, 1.2, 0.06, 0.22, 0.10),
    "vocal cord": Relaxation(1000, 48, 0.84, 1.3, 0.12),
    "cord": Relaxation(800, 82, 0.75, 0.85, 0.01),
    "oesophagus": Relaxation(1000, 60, 0.85, 1.3, 0.22),
    "vessel": Relaxation(1400, 180, 0.85, 1.6, 0.5, flow=0.12),
    "node": Relaxation(1100, 76, 0.87, 0.95, 0.24),
    "brown fat": Relaxation(900, 45, 0.9, 0.8, 0.08, 0.7, 0.08),
    "tumour": Relaxation(1150, 86, 0.88, 1.05, 0.30, grain=0.10),
    "necrosis": Relaxation(1900, 220, 0.95, 2.1, 0.02, grain=0.10),
    "myocardium": Relaxation(1000, 45, 0.85, 1.4, 0.10),
}
# Between patients: standard deviations of the logarithm. Fat in the parotid grows with age and
# weight and differs most of all.
SPREAD = {"t1": 0.04, "t2": 0.05, "adc": 0.05, "gadolinium": 0.15, "fat": 0.12}
SPREAD_OF = {"parotid": {"fat": 0.30}, "tumour": {"t2": 0.18, "adc": 0.16, "gadolinium": 0.25},
             "necrosis": {"t1": 0.15, "t2": 0.25, "adc": 0.15},
             "marrow": {"fat": 0.25}}  # fmt: skip

Columns = dict[str, np.ndarray]  # property → (256,) float64, to be indexed by a label array


def columns(special: dict[int, Relaxation] | None = None) -> Columns:
    """All properties of all labels. ``special`` gives labels beyond the tissues, or replaces some.

    Raises KeyError for a tissue without properties.
    """
    table = {field: np.zeros(256) for field in Relaxation._fields}
    table["t1"] += 1000.0
    table["t2"] += 10.0
    rows = {LABEL[name]: MR_TISSUES[name] for name in NAMES}
    for label, row in {**rows, **(special or {})}.items():
        for field in Relaxation._fields:
            table[field][label] = getattr(row, field)
    return table


def draw_columns(rng: np.random.Generator, special: dict[int, Relaxation] | None = None) -> Columns:
    """The same for one patient, who differs from the table; ``special`` labels are left as given.

    Takes a number of draws that depends on the table alone.
    """
    table = columns(special)
    for name in NAMES:
        for field, usual in SPREAD.items():
            spread = SPREAD_OF.get(name, {}).get(field, usual)
            factor = np.exp(spread * np.clip(rng.standard_normal(), -2, 2))
            if LABEL[name] not in (special or {}):
                table[field][LABEL[name]] *= factor
    table["fat"] = np.minimum(table["fat"], 0.95)
    return table
