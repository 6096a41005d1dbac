"""What a positive and a negative of a matched pair have in common besides position and scanner.

The hottest spot of a head and neck must not tell whether there is a tumour. So how hot it is to
be is drawn once for both of a pair (their stratum): the positive reaches it with the primary or a
node and, in most, with something harmless that is as hot or hotter; the negative with that alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MEDIAN, SPREAD = 8.4, 0.34  # of the log-normal distribution; SPREAD of the logarithm
RANGE = (4.0, 25.0)  # SUVmax of primaries
CLOSENESS = (0.9, 1.5)  # SUVmax of the first look-alike over the tumour's, range


class Heat(NamedTuple):
    """SUVmax outside the brain that both of a pair aim at, through the blur and without noise."""

    tumour: float
    look_alike: float  # of the first one, as far as its kind gets


def draw_heat(rng: np.random.Generator) -> Heat:
    """Of one stratum: a tumour's is 4 to 25, median 8.4; its look-alike's 0.9 to 1.5 times that."""
    tumour = float(np.clip(MEDIAN * np.exp(SPREAD * rng.standard_normal()), *RANGE))
    return Heat(tumour, tumour * float(rng.uniform(*CLOSENESS)))
