"""What sort of body a patient has: sex, age, size, fatness, the neck's length and girth.

Drawn first, and read by all that paints organs, so that they vary together. Plausible figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Sex = Literal["female", "male"]


@dataclass(frozen=True)
class Build:
    """Without a unit: a factor of the atlas's figure, about 1 over men and women."""

    sex: Sex
    age: float  # years
    size: float  # of the whole body; brought in by the pose
    fatness: float  # thickness of the fat under the skin and between the muscles
    muscle: float  # radius of the muscles; falls with age
    neck_length: float  # from skull base to shoulders; brought in by the pose
    neck_girth: float  # the same across
    larynx: float
    glands: float  # salivary glands and thyroid
    lymphoid: float  # tonsils and adenoid; they shrink with age
    atrophy: float  # of the brain, mm: how far its surface draws back from the skull
    shoulders_mm: float  # how far the shoulders are drawn up; below 0: let down
    elbows_mm: tuple[float, float]  # how far the elbows lie outwards, and to the back
    axilla_mm: float  # how much lower than usual the arms part from the chest


def draw_build(rng: np.random.Generator, sex: Sex | None = None, age: float | None = None) -> Build:
    """Fifteen variates, whatever is given. Three of four with cancer of head and neck are men."""
    chance = rng.random()
    n = np.clip(rng.standard_normal(11), -2, 2)
    of_arms = np.clip(rng.spawn(1)[0].standard_normal(3), -2, 2)  # leaves other draws as they are
    sex = sex or ("male" if chance < 0.75 else "female")
    age = float(np.clip(61 + 10 * n[0], 30, 88)) if age is None else float(age)
    man = sex == "male"
    old = (age - 61) / 10  # decades
    fatness = float(np.clip(np.exp(0.35 * n[2]) * (0.95 if man else 1.15), 0.5, 2.2))
    return Build(
        sex=sex,
        age=age,
        size=float((1.015 if man else 0.955) * np.exp(0.03 * n[1])),
        fatness=fatness,
        muscle=float((1.03 if man else 0.92) * np.exp(0.05 * n[3]) * (1 - 0.02 * old)),
        neck_length=float((0.99 if man else 1.02) * np.exp(0.075 * n[4])),
        neck_girth=float((1.02 if man else 0.93) * np.exp(0.045 * n[5]) * fatness**0.06),
        larynx=float((1.04 if man else 0.86) * np.exp(0.05 * n[6])),
        glands=float(np.exp(0.06 * n[7]) * fatness**0.08),
        lymphoid=float(np.exp(0.10 * n[8]) * (1 - 0.05 * old)),
        atrophy=float(np.clip(1.0 + 0.8 * old + 0.6 * n[9], 0.0, 5.0)),
        shoulders_mm=float(11.0 * n[10] - 3.0),
        elbows_mm=(float(7.0 * of_arms[0] - 4.0), float(14.0 * of_arms[1])),
        axilla_mm=float(12.0 * of_arms[2]),
    )
