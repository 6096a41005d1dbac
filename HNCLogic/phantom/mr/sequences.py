"""MR sequences: what signal a tissue gives, by the textbook equations, and how hospitals set them.

Spin echo and trains of spin echoes: density (1 - exp(-TR/T1)) exp(-TE/T2). Spoiled gradient echo
(Ernst, Rev Sci Instrum 1966;37:93): density sin a (1 - E1) / (1 - cos a E1) exp(-TE/T2*) with
E1 = exp(-TR/T1). Diffusion (Stejskal and Tanner, J Chem Phys 1965;42:288): spin echo times
exp(-b ADC). Gadolinium adds its relaxivity to 1/T1 and 1/T2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from HNCLogic.phantom.mr.tissues import FAT_T1, FAT_T2, R1, R2, Columns

ROLES = ("T1", "T2", "CE-T1", "DWI-b0", "DWI-b1000", "ADC")
B_VALUE = 1000.0  # s/mm²


@dataclass(frozen=True)
class Sequence:
    kind: Literal["spin echo", "gradient echo", "diffusion"]
    tr: float  # ms
    te: float  # ms
    flip: float = 90.0  # degrees; of the gradient echo
    b: float = 0.0  # s/mm²; of diffusion
    fat_left: float = 1.0  # share of the fat's signal that suppression leaves
    contrast: bool = False  # after gadolinium
    gain: float = 1000.0  # what the receiver makes of a signal of 1
    noise: float = 0.006  # standard deviation in each of the two channels, in units of the signal


def signal(sequence: Sequence, table: Columns) -> np.ndarray:
    """The signal of each label, in shares of what pure water gives at most: (256,) float64."""
    t1, t2 = table["t1"], table["t2"]
    if sequence.contrast:
        t1 = 1 / (1 / t1 + R1 * table["gadolinium"] / 1000)
        t2 = 1 / (1 / t2 + R2 * table["gadolinium"] / 1000)
    water = _echo(sequence, t1, t2)
    if sequence.kind != "gradient echo":
        water = water * table["flow"]
    water = water * np.exp(-sequence.b * table["adc"] * 1e-3)
    # Fat hardly diffuses: what suppression leaves of it stays at any b.
    fat = sequence.fat_left * _echo(sequence, np.array(FAT_T1), np.array(FAT_T2))
    return table["density"] * ((1 - table["fat"]) * water + table["fat"] * fat)


def _echo(sequence: Sequence, t1: np.ndarray, t2: np.ndarray) -> np.ndarray:
    if sequence.kind == "gradient echo":
        angle, left = np.radians(sequence.flip), np.exp(-sequence.tr / t1)
        decay = np.exp(-sequence.te / np.minimum(0.5 * t2, 30.0))  # T2*
        return np.sin(angle) * (1 - left) / (1 - np.cos(angle) * left) * decay
    return (1 - np.exp(-sequence.tr / t1)) * np.exp(-sequence.te / t2)


def grains(sequence: Sequence, table: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The signal of each label, and what one standard deviation of its structure adds to it.

    The structure is that of the fat (fine) and that of the water's T2 and ADC (over millimetres).
    """
    mean = signal(sequence, table)
    fatter = {**table, "fat": np.clip(table["fat"] + table["fat_grain"], 0, 1)}
    wetter = {**table, "t2": table["t2"] * (1 + table["grain"]),
              "adc": table["adc"] * (1 + 0.5 * table["grain"])}  # fmt: skip
    return mean, signal(sequence, fatter) - mean, signal(sequence, wetter) - mean


@dataclass(frozen=True)
class Habits:
    """How a hospital examines necks, whoever the patient is."""

    t2_suppressed: float = 0.4  # share of the T2 images that are fat-suppressed
    slice_mm: tuple[float, float] = (3.6, 4.4)  # range between patients; diffusion 1.1 times that
    noise: float = 1.0  # against the usual


# By virtual hospital, see ``centres.py``: invented habits.
HABITS = {
    "north": Habits(0.1, (3.8, 4.2), 1.0),
    "south": Habits(0.9, (3.5, 4.0), 0.85),
    "midland": Habits(0.4, (3.9, 4.4), 1.1),
    "east": Habits(0.5, (3.6, 4.2), 1.15),
    "west": Habits(0.7, (4.0, 4.5), 1.3),
}


def draw_protocol(rng: np.random.Generator, habits: Habits | None = None) -> dict[str, Sequence]:
    """The sequences one patient got; the figures are usual ones for the neck at 1.5 T.

    CE-T1 is a fat-suppressed spoiled gradient echo, T2 is fat-suppressed now and then. The
    number of draws is fixed.
    """
    habits = habits or Habits()
    noise, suppressed = habits.noise, habits.t2_suppressed
    u, gain = rng.random(11), np.exp(0.15 * np.clip(rng.standard_normal(4), -2, 2))
    left = 0.04 + 0.06 * u[9]
    diffusion = {"kind": "diffusion", "tr": 3600 + 2000 * u[6], "te": 64 + 18 * u[7],
                 "fat_left": left, "gain": 1600 * gain[3], "noise": 0.0045 * noise}  # fmt: skip
    return {
        "T1": Sequence("spin echo", 450 + 230 * u[0], 9 + 5 * u[1], gain=900 * gain[0],
                       noise=0.0075 * noise),
        "T2": Sequence("spin echo", 3500 + 1800 * u[2], 76 + 26 * u[3], gain=1300 * gain[1],
                       fat_left=left if u[10] < suppressed else 1.0, noise=0.0065 * noise),
        "CE-T1": Sequence("gradient echo", 3.8 + 2 * u[4], 1.5 + 0.8 * u[5], flip=10 + 4 * u[8],
                          fat_left=left, contrast=True, gain=8000 * gain[2], noise=0.0013 * noise),
        "DWI-b0": Sequence(**diffusion),
        "DWI-b1000": Sequence(**diffusion, b=B_VALUE),
    }  # fmt: skip
