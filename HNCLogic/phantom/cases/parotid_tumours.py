"""Tumours of the parotid gland: what each kind looks like on MR, and growing one in a gland.

The kinds and the share of malignant ones are those of Liu et al., Laryngoscope 2023;133:327 (218
benign, 48 malignant; 59.6 % and 47.9 % men); the paper does not split its benign tumours, so
their shares are plausible ones that also give its share of men. T2, diffusion and enhancement are
plausible figures for what is generally known: pleomorphic adenomas are bright on T2 with high
diffusion, Warthin tumours have low diffusion, enhance little, and sit in the tail of older men's
glands, now and then several; basal cell adenomas enhance most; malignant tumours lie between
with ragged margins. All of them overlap widely.

What tells malignant from benign, measured as AUC. Mean signals of 4000 drawn tumours, without
noise or receiver gain: T1 0.52, T2 0.72, CE-T1 0.72, DWI b0 0.72, b1000 0.57, ADC 0.68;
cross-validated logistic regression on T2, CE-T1 and b1000 0.79, with squares and products 0.85, on
all six 0.79 and 0.87, with the margin's raggedness 0.94. Mean values in the masks of 60 simulated
cases, 30 malignant, as the scanner gives them, by cross-validated logistic regression: T2 0.69,
CE-T1 0.74, b0 0.62, b1000 0.51, ADC 0.68; T2, CE-T1 and b1000 0.81, all six 0.84. Sixty cases
say that to some 0.06.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_erosion, label

from HNCLogic.errors import InputError
from HNCLogic.phantom.body.noise import on_grid, smooth_field
from HNCLogic.phantom.body.shapes import Canvas, ellipsoid
from HNCLogic.phantom.body.tissues import LABEL
from HNCLogic.phantom.mr.tissues import Relaxation

SUBTYPES = ("pleomorphic adenoma", "Warthin tumour", "basal cell adenoma", "malignant")
PREVALENCE = (0.45, 0.27, 0.10, 0.18)  # malignant: 48 of 266
# Labels on the canvas of what is no tissue of the table.
SOLID, LOOSE, CYST, CAPSULE = 200, 201, 202, 203
# How much further than the gland another tissue is from a growing tumour, mm.
RESISTANCE = {"parotid": 0.0, "fat": 2.5, "soft": 3.0, "node": 0.0, "vessel": 5.0,
              "neck muscle": 6.0, "muscle": 6.0, "masticator": 6.0}  # fmt: skip


class Look(NamedTuple):
    """One kind of tumour; pairs are a median and a standard deviation of the logarithm."""

    t1: float  # ms
    t2: tuple[float, float]  # ms
    adc: tuple[float, float]  # 1e-3 mm²/s
    gadolinium: tuple[float, float]  # mmol/l
    volume: tuple[float, float]  # ml
    rough: tuple[float, float]  # of the surface, share of the radius: mean, standard deviation
    infiltrates: float  # share of the tumours
    cystic: float  # share
    capsule: float  # share
    deep: float  # share in the deep lobe
    tail: float  # share in the tail
    men: float  # share
    age: tuple[float, float]  # years: mean, standard deviation
    several: float  # share with a second focus in the gland


LOOKS = {
    "pleomorphic adenoma": Look(1300, (132, 0.28), (1.75, 0.17), (0.20, 0.32), (5.0, 0.8),
                                (0.11, 0.06), 0.06, 0.12, 0.75, 0.17, 0.22, 0.45, (46, 14), 0.0),
    "Warthin tumour": Look(1050, (76, 0.24), (0.88, 0.15), (0.10, 0.38), (5.0, 0.8),
                           (0.08, 0.05), 0.05, 0.40, 0.60, 0.08, 0.65, 0.88, (61, 9), 0.15),
    "basal cell adenoma": Look(1150, (90, 0.26), (1.30, 0.17), (0.36, 0.28), (3.6, 0.7),
                               (0.09, 0.05), 0.05, 0.35, 0.70, 0.12, 0.22, 0.42, (53, 12), 0.0),
    "malignant": Look(1150, (73, 0.28), (1.08, 0.20), (0.29, 0.32), (6.5, 0.8),
                      (0.165, 0.09), 0.40, 0.35, 0.15, 0.20, 0.24, 0.48, (54, 16), 0.0),
}  # fmt: skip


@dataclass(frozen=True)
class ParotidTumour:
    """One tumour, before it is grown on a canvas."""

    subtype: str
    side: str  # "left", "right"
    place: str  # "superficial", "deep", "tail"
    volume_ml: float  # aimed at
    rough: float  # of the surface, share of the radius
    infiltrates: bool
    cyst: float  # share of the volume
    loose: float  # share of the solid part that is less cellular
    capsule: bool
    several: bool
    properties: dict[int, Relaxation]  # of the labels SOLID, LOOSE, CYST, CAPSULE
    seed: int

    @property
    def malignant(self) -> bool:
        return self.subtype == "malignant"


def draw_subtype(rng: np.random.Generator, malignant: float | None = None) -> str:
    """By prevalence; ``malignant``: that share of malignant ones, benign ones as to each other."""
    shares = np.array(PREVALENCE)
    if malignant is not None:
        there = np.array(SUBTYPES) == "malignant"
        benign = shares * ~there
        shares = np.where(there, malignant, benign / benign.sum() * (1 - malignant))
    return SUBTYPES[int(rng.choice(len(SUBTYPES), p=shares))]


def draw_tumour(rng: np.random.Generator, subtype: str) -> ParotidTumour:
    """A tumour of this kind. The number of draws is fixed. Raises InputError for another kind."""
    if subtype not in LOOKS:
        raise InputError(f"unknown parotid tumour {subtype!r}; there are: {', '.join(SUBTYPES)}")
    look, u = LOOKS[subtype], rng.random(12)
    n = np.clip(rng.standard_normal(10), -2.2, 2.2)
    # What is myxoid or oedematous is so on T2 and in diffusion alike.
    t2 = look.t2[0] * np.exp(look.t2[1] * n[0])
    adc = look.adc[0] * np.exp(look.adc[1] * (0.5 * n[0] + 0.87 * n[1]))
    gadolinium = look.gadolinium[0] * np.exp(look.gadolinium[1] * n[2])
    t1 = look.t1 * np.exp(0.08 * n[3])
    loose = np.exp(0.15 + 0.3 * u[0])  # how much brighter the less cellular part is
    properties = {
        SOLID: Relaxation(t1, t2, 0.88, adc, gadolinium, grain=0.10),
        LOOSE: Relaxation(1.1 * t1, loose * t2, 0.9, loose**0.6 * adc, 0.8 * gadolinium,
                          grain=0.10),
        # The fluid's protein varies, and with it T1 and T2.
        CYST: Relaxation(900 + 1600 * u[1], 110 + 250 * u[1], 0.95, 1.2 + 1.2 * u[2], 0.02),
        CAPSULE: Relaxation(900, 32, 0.6, 0.9, 0.6 * gadolinium),
    }  # fmt: skip
    place = (
        "deep" if u[3] < look.deep else "tail" if u[3] < look.deep + look.tail else "superficial"
    )
    return ParotidTumour(
        subtype=subtype,
        side="left" if u[4] < 0.5 else "right",
        place=place,
        volume_ml=float(np.clip(look.volume[0] * np.exp(look.volume[1] * n[4]), 0.6, 30)),
        rough=float(np.clip(look.rough[0] + look.rough[1] * n[5], 0.03, 0.4)),
        infiltrates=bool(u[5] < look.infiltrates),
        cyst=float(0.1 + 0.4 * u[7]) if u[6] < look.cystic else 0.0,
        loose=float(0.1 + 0.4 * u[8]),
        capsule=bool(u[9] < look.capsule),
        several=bool(u[10] < look.several),
        properties=properties,
        seed=int(u[11] * 2**31),
    )


def draw_person(rng: np.random.Generator, subtype: str) -> tuple[float, str]:
    """Age in years and sex, which go with the kind as in life; no image knows them."""
    look, n, u = LOOKS[subtype], rng.standard_normal(), rng.random()
    age = float(np.clip(look.age[0] + look.age[1] * n, 15, 88))
    return age, "male" if u < look.men else "female"


def paint_tumour(tumour: ParotidTumour, canvas: Canvas) -> np.ndarray:
    """Grow the tumour in its gland; changes the canvas's labels.

    Returns uint8 (z, y, x): 1 the tumour with cysts and capsule, 2 a second focus.
    Raises InputError where the canvas shows no parotid gland on that side.
    """
    rng = np.random.default_rng(tumour.seed)
    x = canvas.axes[0][None, None, :] * (1 if tumour.side == "left" else -1)
    gland = (canvas.labels == LABEL["parotid"]) & (x > 0)
    if not gland.any():
        raise InputError(f"there is no {tumour.side} parotid gland on the canvas")
    found = np.zeros(canvas.labels.shape, np.uint8)
    places, weights = rng.random(2), rng.random()
    _grow(tumour, canvas, gland, tumour.place, tumour.volume_ml, 1, places[0], rng, found)
    if tumour.several:
        volume = tumour.volume_ml * (0.15 + 0.3 * weights)
        _grow(tumour, canvas, gland, "superficial", volume, 2, places[1], rng, found)
    return found


def _grow(tumour, canvas, gland, place, volume_ml, value, pick, rng, found) -> None:
    start = np.asarray(_start(canvas, gland & (found == 0), place, pick))
    radius = (3000 * volume_ml / (4 * np.pi)) ** (1 / 3)
    ratio = np.exp(0.12 * rng.standard_normal(3)) * (0.92, 1.0, 1.12)
    shape = ellipsoid(
        start, radius * ratio / np.prod(ratio) ** (1 / 3), tuple(rng.normal(0, 20, 3))
    )
    wide = ellipsoid(start, np.full(3, 2.4 * radius + 8))
    cuts, (x, y, z) = canvas.window(wide)
    level = shape.level(x, y, z).astype(np.float32)
    low = [float(axis.ravel()[0]) for axis in (x, y, z)]
    corner, far = start - 2.6 * radius - 12, start + 2.6 * radius + 12

    def bumps(length):
        field = smooth_field(rng, tuple(corner), tuple(far), max(length, 2.5))
        return on_grid(field, low, canvas.spacing, level.shape[::-1])

    level += tumour.rough * radius * (0.8 * bumps(radius) + 0.6 * bumps(0.45 * radius))
    strands = bumps(4.0)
    if tumour.infiltrates:
        level += 2.2 * strands
    resistance = np.full(256, np.inf, np.float32)
    for name, mm in RESISTANCE.items():
        resistance[LABEL[name]] = mm * (0.35 if tumour.infiltrates else 1.0)
    level = level + resistance[canvas.labels[cuts]]
    level[found[cuts] > 0] = np.inf
    wanted = max(round(volume_ml * 1000 / canvas.spacing**3), 8)
    wanted = min(wanted, int(np.isfinite(level).sum()))
    mask = level <= np.partition(level.ravel(), wanted - 1)[wanted - 1]
    parts, count = label(mask)
    if count > 1:
        mask = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    inside = canvas.labels[cuts]
    inner = binary_erosion(mask)
    loose, fluid = bumps(0.5 * radius), bumps(0.7 * radius)
    inside[mask] = SOLID
    _share(inside, mask, -loose, tumour.loose, LOOSE)
    deep = np.where(inner, level / radius + 0.35 * fluid, np.inf)
    _share(inside, inner, deep, tumour.cyst, CYST)
    if tumour.capsule:
        inside[mask & ~inner] = CAPSULE
    found[cuts][mask] = value


def _share(labels: np.ndarray, mask: np.ndarray, order: np.ndarray, share: float, to: int) -> None:
    """Give the label ``to`` to the ``share`` of the mask that comes first in ``order``."""
    if share > 0 and mask.any():
        labels[mask & (order <= np.quantile(order[mask], share))] = to


def _start(canvas: Canvas, gland: np.ndarray, place: str, pick: float) -> list[float]:
    """A point of that part of the gland, mm: its lateral two thirds, the rest, or its low end."""
    z, y, x = np.nonzero(binary_erosion(gland, iterations=2) if gland.sum() > 2000 else gland)
    depth = np.abs(canvas.low[0] + canvas.spacing * x)
    lateral = depth >= np.quantile(depth, 0.4)
    lowest = z <= np.quantile(z, 0.22)
    chosen = {"superficial": lateral & ~lowest, "deep": ~lateral & ~lowest, "tail": lowest}[place]
    where = np.flatnonzero(chosen) if chosen.any() else np.arange(len(z))
    index = where[min(int(pick * len(where)), len(where) - 1)]
    return [float(canvas.low[i] + canvas.spacing * v[index]) for i, v in enumerate((x, y, z))]
