"""What a positive and a negative of a matched pair have in common besides position and scanner.

The hottest spot of a head and neck must not tell whether there is a tumour. So how hot it is to
be is drawn once for both of a pair (their stratum): the positive reaches it with the primary or a
node, the negative with something harmless.
"""

from __future__ import annotations

import numpy as np

MEDIAN, SPREAD = 8.4, 0.34  # of the log-normal distribution; SPREAD of the logarithm
RANGE = (4.0, 25.0)  # SUVmax of primaries


def draw_hottest(rng: np.random.Generator) -> float:
    """SUVmax outside the brain that a pair's stratum aims at, noise apart: 4 to 25, median 8.4."""
    return float(np.clip(MEDIAN * np.exp(SPREAD * rng.standard_normal()), *RANGE))
