"""Tumours, nodes, and the harmless uptake that looks like them.

A lesion grows to its volume from a seed point, over the tissues it can invade, along a warped
ellipsoid; its true uptake is set so that its maximum, seen through the scanner's blur, is the
SUVmax drawn for it (where recovery allows).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter, label

from HNCLogic.phantom.landmarks import NODAL_LEVELS, PRIMARY_SITES, TONSIL
from HNCLogic.phantom.noise import on_grid, smooth_field
from HNCLogic.phantom.shapes import Canvas, ellipsoid
from HNCLogic.phantom.tissues import LABEL

# Share of patients by site of the primary, of nodes by level.
SITES = {"oropharynx": 0.58, "larynx": 0.17, "hypopharynx": 0.09, "oral cavity": 0.10,
         "nasopharynx": 0.06}  # fmt: skip
LEVELS = {"Ib": 0.10, "II": 0.42, "III": 0.22, "IV": 0.10, "V": 0.10, "retropharyngeal": 0.06}
BARRIERS = (
    "outside", "skin", "bone", "marrow", "teeth", "mastoid", "csf", "cord", "disc", "lung", "eye",
    "grey matter", "white matter", "deep grey", "cerebellum", "brainstem", "tumour", "necrosis",
)  # fmt: skip
NODE_BARRIERS = (*BARRIERS, "airway", "mucosa", "cartilage", "larynx", "tonsil", "tongue")
TRUTH = {"primary": 1, "node": 2}


@dataclass(frozen=True)
class Lesion:
    """One lesion, or one harmless look-alike; positions in atlas space until it is placed."""

    kind: str  # "primary", "node"; harmless: "inflammation", "active tonsil", "reactive node"
    site: str
    side: str  # "left", "right", "midline"
    centre: tuple[float, float, float]  # LPS mm
    volume_ml: float
    suv_max: float  # aimed at, through the blur and without noise
    necrotic: bool
    ratio: tuple[float, float, float] = (1.0, 1.0, 1.0)
    seed: int = 0

    @property
    def malignant(self) -> bool:
        return self.kind in TRUTH


def _lognormal(rng, median: float, spread: float, low: float, high: float) -> float:
    return float(np.clip(np.exp(rng.normal(np.log(median), spread)), low, high))


def _side(x: float) -> str:
    return "midline" if abs(x) < 5 else ("left" if x > 0 else "right")


def _lesion(rng, kind, site, place, ratio, spread, volume, suv, necrotic) -> Lesion:
    centre = np.asarray(place) + spread * np.clip(rng.standard_normal(3), -2, 2)
    seed = int(rng.integers(2**31))
    return Lesion(
        kind, site, _side(centre[0]), tuple(float(v) for v in centre), volume, suv, necrotic, ratio,
        seed,
    )  # fmt: skip


def _flip(place: tuple[float, float, float], side: int) -> tuple[float, float, float]:
    return (side * place[0], place[1], place[2])


def draw_malignant(rng: np.random.Generator, node_median_ml: float) -> list[Lesion]:
    """A primary (median 8 ml) and nought to five nodes; now and then nodes or primary alone."""
    names = list(SITES)
    site = names[int(rng.choice(len(names), p=list(SITES.values())))]
    place, ratio = PRIMARY_SITES[site][int(rng.integers(len(PRIMARY_SITES[site])))]
    side = int(rng.choice([-1, 1]))
    volume = _lognormal(rng, 8.0, 0.9, 0.8, 70)
    suv = _lognormal(rng, 8.5 * (volume / 8) ** 0.2, 0.45, 4, 25)
    necrotic = volume > 5 and rng.random() < 0.25
    found = [
        _lesion(rng, "primary", site, _flip(place, side), ratio, 3.0, volume, suv, bool(necrotic))
    ]
    nodes = int(rng.choice(6, p=[0.25, 0.25, 0.2, 0.15, 0.1, 0.05]))
    if site == "larynx" and rng.random() < 0.5:
        nodes = 0
    levels = list(LEVELS)
    chosen = rng.choice(len(levels), nodes, replace=True, p=list(LEVELS.values()))
    for level in (levels[int(i)] for i in chosen):
        here = side if rng.random() < 0.75 else -side
        ml = _lognormal(rng, node_median_ml, 0.9, 0.25, 40)
        suv = _lognormal(rng, 4.6 * (ml / 2.7) ** 0.2, 0.4, 2, 12)
        necrotic = ml > 3 and rng.random() < 0.25
        where = _flip(NODAL_LEVELS[level], here)
        found.append(
            _lesion(rng, "node", level, where, (0.9, 1, 1.2), 5.0, ml, suv, bool(necrotic))
        )
    return found


def draw_harmless(rng: np.random.Generator, likelihood: float) -> list[Lesion]:
    """Inflammation, one active tonsil, reactive nodes; each there with about ``likelihood``."""
    found = []
    side = int(rng.choice([-1, 1]))
    if rng.random() < likelihood:
        site = list(SITES)[int(rng.integers(len(SITES)))]
        place, ratio = PRIMARY_SITES[site][int(rng.integers(len(PRIMARY_SITES[site])))]
        ratio = tuple(np.asarray(ratio) * (1.6, 0.6, 1.2))  # spread along the mucosa
        volume = _lognormal(rng, 3, 0.6, 0.8, 12)
        suv = float(rng.uniform(2.5, 6))
        found.append(
            _lesion(rng, "inflammation", site, _flip(place, side), ratio, 5.0, volume, suv, False)
        )
    if rng.random() < likelihood * 0.6:
        volume, suv = _lognormal(rng, 1.8, 0.3, 0.8, 4), float(rng.uniform(3.5, 8))
        where = _flip(TONSIL, side)
        found.append(
            _lesion(
                rng, "active tonsil", "oropharynx", where, (0.8, 1, 1.6), 1.0, volume, suv, False
            )
        )
    levels = list(LEVELS)
    for _ in range(int(rng.binomial(4, likelihood * 0.5))):
        level = levels[int(rng.choice(len(levels), p=list(LEVELS.values())))]
        where = _flip(NODAL_LEVELS[level], int(rng.choice([-1, 1])))
        ml, suv = _lognormal(rng, 0.5, 0.4, 0.2, 1.5), float(rng.uniform(1.8, 3.6))
        found.append(
            _lesion(rng, "reactive node", level, where, (0.7, 0.8, 1.5), 5.0, ml, suv, False)
        )
    return found


def grow(lesion: Lesion, canvas: Canvas) -> tuple[tuple[slice, ...], np.ndarray, np.ndarray]:
    """Where the lesion is on the canvas: slices (z, y, x), its mask, and its core for necrosis.

    It takes the tissues it can invade, nearest first, until it has its volume.
    """
    rng = np.random.default_rng(lesion.seed)
    radius = (3 * lesion.volume_ml * 1000 / (4 * np.pi)) ** (1 / 3)
    ratio = np.asarray(lesion.ratio) / np.prod(lesion.ratio) ** (1 / 3)
    angles = tuple(15 * rng.standard_normal(3))
    shape = ellipsoid(lesion.centre, radius * ratio, angles)
    wide = ellipsoid(lesion.centre, 2.2 * radius * ratio + 6, angles)
    cuts, (x, y, z) = canvas.window(wide)
    level = shape.level(x, y, z)
    low = [float(axis.ravel()[0]) for axis in (x, y, z)]
    size = level.shape[::-1]
    # The surface is drawn on a grid of its own, so that it does not depend on the canvas.
    start = np.asarray(lesion.centre) - 2.6 * radius - 12
    stop = np.asarray(lesion.centre) + 2.6 * radius + 12
    for length, amount in ((1.1 * radius, 0.22), (max(0.5 * radius, 3.0), 0.10)):
        bumps = smooth_field(rng, tuple(start), tuple(stop), max(length, 3.0))
        level = level + amount * radius * on_grid(bumps, low, canvas.spacing, size)
    barriers = NODE_BARRIERS if "node" in lesion.kind else BARRIERS
    closed = np.zeros(256, bool)
    closed[[LABEL[name] for name in barriers]] = True
    level = np.where(closed[canvas.labels[cuts]], np.inf, level)
    wanted = max(round(lesion.volume_ml * 1000 / canvas.spacing**3), 4)
    wanted = min(wanted, int(np.isfinite(level).sum()))
    if wanted == 0:
        return cuts, np.zeros(level.shape, bool), np.zeros(level.shape, bool)
    reach = np.partition(level.ravel(), wanted - 1)[wanted - 1]
    mask = level <= reach
    parts, count = label(mask)
    if count > 1:
        mask = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    core = mask & (level <= reach - 0.45 * radius) if lesion.necrotic else np.zeros_like(mask)
    return cuts, mask, core


def paint_tissue(lesions: list[Lesion], canvas: Canvas) -> None:
    """The lesions as tissue, for CT and MR."""
    for lesion in lesions:
        cuts, mask, core = grow(lesion, canvas)
        tissue = {"primary": "tumour", "node": "tumour", "reactive node": "node"}
        if lesion.kind in tissue:
            canvas.labels[cuts][mask] = LABEL[tissue[lesion.kind]]
            canvas.labels[cuts][core] = LABEL["necrosis"]


def paint_uptake(
    lesions: list[Lesion], canvas: Canvas, suv: np.ndarray, blur_mm: float
) -> tuple[list[Lesion], np.ndarray]:
    """The lesions as uptake, and the truth; changes ``suv`` and the canvas's labels.

    ``blur_mm`` is the scanner's full width at half maximum. Returns the lesions with the volume
    they got (those that found no room are left out) and the truth on the canvas: uint8, 1
    primary, 2 node, the necrotic core included.
    """
    truth, grown = np.zeros(canvas.labels.shape, np.uint8), []
    sigma = blur_mm / 2.3548 / canvas.spacing
    for lesion in lesions:
        cuts, mask, core = grow(lesion, canvas)
        if mask.sum() < 3:
            continue
        rng = np.random.default_rng(lesion.seed + 1)
        uneven = gaussian_filter(rng.standard_normal(mask.shape).astype(np.float32), 1.2)
        uneven = 1 + 0.18 * np.clip(uneven / max(float(uneven.std()), 1e-6), -2.5, 2)
        profile = np.where(mask & ~core, uneven, 0).astype(np.float32)
        padded = np.pad(profile, 6)
        recovered = float(gaussian_filter(padded, sigma).max())
        around = float(np.median(suv[cuts]))
        spill = max(1 - recovered, 0) * min(around, 2.0)
        strength = min((lesion.suv_max - spill) / max(recovered, 0.2), 2.5 * lesion.suv_max)
        target = suv[cuts]
        target[mask] = np.maximum(strength * profile[mask], 0.8)
        if lesion.malignant:
            truth[cuts][mask] = TRUTH[lesion.kind]
            canvas.labels[cuts][mask] = LABEL["tumour"]
            canvas.labels[cuts][core] = LABEL["necrosis"]
        elif lesion.kind == "reactive node":
            canvas.labels[cuts][mask] = LABEL["node"]
        volume = float(mask.sum()) * canvas.spacing**3 / 1000
        grown.append(replace(lesion, volume_ml=volume, necrotic=bool(core.any())))
    return grown, truth
