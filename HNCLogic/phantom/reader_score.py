"""A simulated reader's verdict on a patient: a score of 1 to 5, and yes from 3 on.

As in the comparison of Liu et al. (parotid tumours, Laryngoscope 2023) 1 is definitely no cancer,
3 undetermined, 5 definitely cancer. The reader's evidence is normal with variance 1 and its mean
higher by d' in patients with cancer (the equal-variance binormal model of ROC analysis), so an
operating point states everything: d' = z(sensitivity) + z(specificity), AUC = Φ(d'/√2). Part of
the evidence is how conspicuous the uptake is: a faint tumour is doubted, a hot tonsil is believed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import ndtr, ndtri

YES_FROM = 3
STEPS = (-0.8, 0.0, 0.5, 1.3)  # where scores 2 to 5 begin, from the threshold of yes
WEIGHT = 0.6  # of conspicuity in the evidence
# Of what the reader looks at, log2(SUVmax) + log2(ml)/3: mean and standard deviation, measured.
CONSPICUITY = {True: (3.9, 0.7), False: (4.1, 0.5)}


class OperatingPoint(NamedTuple):
    sensitivity: float
    specificity: float

    @property
    def separation(self) -> float:
        """d' of the binormal model."""
        return float(ndtri(self.sensitivity) + ndtri(self.specificity))

    @property
    def auc(self) -> float:
        return float(ndtr(self.separation / np.sqrt(2.0)))


# Liedes et al. 2025: the radiologist was right in 10 of 10 patients with and 10 of 10 without
# cancer (95 % Wilson interval 0.72 to 1 each); "a larger sample might have revealed more errors".
PRESENCE = OperatingPoint(0.95, 0.90)
# Liu et al. 2023, the radiologist: sensitivity 0.70 (0.44 to 1), specificity 0.70 (0.58 to 0.85),
# AUC 0.74 (0.59 to 0.86). In the binormal model the three do not go together; the AUC is kept.
PAROTID = OperatingPoint(0.68, 0.68)


class Uptake(Protocol):
    """What a reader looks at; a ``lesions.Lesion`` is one."""

    volume_ml: float
    suv_max: float


def conspicuity(positive: bool, uptake: Iterable[Uptake]) -> float:
    """How much the most conspicuous lesion (in negatives: look-alike) stands out, in standard
    deviations of its like, −2 to 2; −1.5 where there is none."""
    values = [np.log2(max(u.suv_max, 0.1)) + np.log2(max(u.volume_ml, 0.01)) / 3 for u in uptake]
    if not values:
        return -1.5
    mean, spread = CONSPICUITY[positive]
    return float(np.clip((max(values) - mean) / spread, -2.0, 2.0))


def draw_score(
    rng: np.random.Generator,
    positive: bool,
    point: OperatingPoint = PRESENCE,
    stands_out: float = 0.0,
) -> int:
    """The reader's score, 1 to 5; one variate is drawn. ``stands_out``: see ``conspicuity``."""
    evidence = WEIGHT * stands_out + np.sqrt(1 - WEIGHT**2) * rng.standard_normal()
    evidence += point.separation if positive else 0.0
    above = evidence - float(ndtri(point.specificity))
    return 1 + int(np.searchsorted(STEPS, above, side="right"))
