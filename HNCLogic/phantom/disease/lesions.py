"""Tumours: where they sit, how they grow, and the uptake they and harmless look-alikes get.

A lesion grows to its volume from a seed point, over the tissues it can invade, along a warped
ellipsoid; its true uptake is set so that its maximum, seen through the scanner's blur, is the
SUVmax drawn for it (where recovery allows). Look-alikes (``confounders.py``) grow the same way.

Sites and volumes of primaries and nodes: Nikulin et al. 2023, main dataset (primary: median
8.16 ml, mean 13.2; nodes 2.74 and 5.45, in the external dataset 0.70 and 4.30; 1.5 nodes a scan;
oropharynx 63 %, larynx 17 %, oral cavity, hypopharynx and nasopharynx 6 % each). The rest are
plausible figures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter, label

from HNCLogic.phantom.body.landmarks import NODAL_LEVELS, PRIMARY_SITES, Point
from HNCLogic.phantom.body.noise import on_grid, smooth_field
from HNCLogic.phantom.body.shapes import Canvas, ellipsoid
from HNCLogic.phantom.body.tissues import LABEL, only
from HNCLogic.phantom.scanners.scanner import FWHM

# Share of patients by site of the primary; the paper's shares leave 2 % unsaid.
SITES = {"oropharynx": 0.63, "larynx": 0.17, "hypopharynx": 0.07, "oral cavity": 0.07,
         "nasopharynx": 0.06}  # fmt: skip
# Share of nodes by level, for each site of the primary.
LEVELS = {
    "oropharynx": {"Ib": 0.07, "II": 0.55, "III": 0.2, "IV": 0.07, "V": 0.06,
                   "retropharyngeal": 0.05},
    "larynx": {"II": 0.4, "III": 0.38, "IV": 0.17, "V": 0.05},
    "hypopharynx": {"II": 0.4, "III": 0.33, "IV": 0.15, "V": 0.05, "retropharyngeal": 0.07},
    "oral cavity": {"Ib": 0.45, "II": 0.35, "III": 0.15, "IV": 0.05},
    "nasopharynx": {"II": 0.4, "III": 0.12, "V": 0.2, "retropharyngeal": 0.28},
}  # fmt: skip
NODES = (0.28, 0.27, 0.2, 0.13, 0.08, 0.04)  # share of patients with none, one, … five
COOLER = 0.5  # share of primaries that are not the hottest spot
BARRIERS = (
    "outside", "skin", "bone", "marrow", "teeth", "mastoid", "csf", "cord", "disc", "lung", "eye",
    "grey matter", "white matter", "deep grey", "cerebellum", "brainstem", "tumour", "necrosis",
)  # fmt: skip
NODE_BARRIERS = (*BARRIERS, "airway", "mucosa", "cartilage", "larynx", "tonsil", "tongue")
MALIGNANT = ("primary", "node")
NECROTIC_ML = 2.5  # smaller lesions have no cold core that a PET could show


@dataclass(frozen=True)
class Lesion:
    """One lesion, or one harmless look-alike; positions in atlas space until it is placed."""

    kind: str  # "primary", "node", or one of confounders.KINDS
    site: str
    side: str  # "left", "right", "midline"
    centre: tuple[float, float, float]  # LPS mm
    volume_ml: float
    suv_max: float  # aimed at, through the blur and without noise
    necrotic: bool
    ratio: tuple[float, float, float] = (1.0, 1.0, 1.0)  # of the radii
    seed: int = 0
    within: tuple[str, ...] = ()  # the tissues it keeps to; none named: all but its barriers

    @property
    def malignant(self) -> bool:
        return self.kind in MALIGNANT


def lognormal(
    rng: np.random.Generator, median: float, spread: float, low: float, high: float
) -> float:
    return float(np.clip(np.exp(rng.normal(np.log(median), spread)), low, high))


def flip(place: Point, side: int) -> Point:
    """A place of the left (``side`` 1) or its mirror image (-1)."""
    return (side * place[0], place[1], place[2])


def lesion_at(
    rng: np.random.Generator,
    kind: str,
    site: str,
    place: Point,
    ratio: Point,
    scatter_mm: float,
    volume_ml: float,
    suv_max: float,
    necrotic: bool = False,
    within: tuple[str, ...] = (),
) -> Lesion:
    """A lesion about ``scatter_mm`` from ``place``, with its own seed for what it looks like."""
    centre = np.asarray(place) + scatter_mm * np.clip(rng.standard_normal(3), -2, 2)
    side = "midline" if abs(centre[0]) < 5 else ("left" if centre[0] > 0 else "right")
    return Lesion(
        kind, site, side, tuple(float(v) for v in centre), float(volume_ml), float(suv_max),
        bool(necrotic), tuple(float(v) for v in ratio), int(rng.integers(2**31)), within,
    )  # fmt: skip


def draw_malignant(
    rng: np.random.Generator, *, node_median_ml: float, hottest: float
) -> list[Lesion]:
    """A primary, first, and nought to five nodes: one each, in chains, or touching the primary.

    The primary's SUVmax is ``hottest``, or now and then a node's; in ``COOLER`` of the patients
    both leave that to something harmless. Hot primaries are larger than cool ones, at a median of
    8 ml over all.
    """
    of_primary, of_nodes = (np.random.default_rng(rng.integers(2**63)) for _ in range(2))
    site = str(of_primary.choice(list(SITES), p=list(SITES.values())))
    spots = PRIMARY_SITES[site]
    spot = spots[int(of_primary.integers(len(spots)))]
    side = int(of_primary.choice([-1, 1]))
    volume = lognormal(of_primary, 8.2 * (hottest / 8.4) ** 0.5, 0.95, 0.8, 65)
    cold = of_primary.random() < 0.23 and volume > NECROTIC_ML
    ratio = np.asarray(spot.ratio) * np.exp(0.15 * of_primary.standard_normal(3))
    primary = lesion_at(
        of_primary, "primary", site, flip(spot.place, side), ratio, 3.0, volume, hottest, cold
    )
    nodes = _draw_nodes(of_nodes, primary, side, node_median_ml, hottest)
    cooler, share = of_primary.random() < COOLER, of_primary.uniform(0.45, 0.9)
    lead, factor = of_nodes.random() < 0.15, of_nodes.uniform(0.5, 0.9)
    if lead and nodes and hottest <= 12:
        largest = max(range(len(nodes)), key=lambda i: nodes[i].volume_ml)
        nodes[largest] = replace(nodes[largest], suv_max=hottest)
        primary = replace(primary, suv_max=max(4.0, hottest * factor))
    elif cooler:
        primary = replace(primary, suv_max=max(4.0, hottest * share))
    return [primary, *nodes]


def _draw_nodes(rng, primary: Lesion, side: int, median_ml: float, hottest: float) -> list[Lesion]:
    count = int(rng.choice(len(NODES), p=NODES))
    if primary.site == "larynx" and rng.random() < 0.5:
        count = 0
    shares = LEVELS[primary.site]
    # Where nodes are small as a rule, a few are large all the same: 4.3 ml on average at 0.7.
    spread = 1.15 if median_ml > 1.5 else 1.35
    nodes: list[Lesion] = []
    for _ in range(count):
        own = np.random.default_rng(rng.integers(2**63))
        level = str(own.choice(list(shares), p=list(shares.values())))
        here = side if own.random() < 0.75 else -side
        volume = lognormal(own, median_ml, spread, 0.2, 30)
        suv = lognormal(own, 4.0 * (volume / 2.7) ** 0.25, 0.38, min(2 + volume / 4, 3.5), 12)
        cold = own.random() < 0.38 and volume > NECROTIC_ML
        ratio = np.array((0.9, 1, 1.25)) * np.exp(0.12 * own.standard_normal(3))
        place, scatter = flip(NODAL_LEVELS[level], here), 5.0
        chained, touching = own.random() < 0.25, own.random() < 0.1
        if chained and nodes:  # a conglomerate: beside the last one, mostly below it
            level, scatter = nodes[-1].site, 1.0
            place = _beside(nodes[-1], volume, own.normal((0, 0.3, -1), 0.35))
        elif touching and level in ("II", "III", "Ib") and abs(primary.centre[2] - place[2]) < 45:
            scatter = 1.0
            place = _beside(primary, volume, np.array((np.sign(primary.centre[0]), 0.3, 0)))
        nodes.append(
            lesion_at(own, "node", level, place, ratio, scatter, volume, min(suv, 0.95 * hottest),
                      cold)
        )  # fmt: skip
    return nodes


def _beside(other: Lesion, volume_ml: float, direction: np.ndarray) -> Point:
    """A centre at which a lesion of ``volume_ml`` just touches ``other``."""
    reach = 0.9 * (radius(other.volume_ml) + radius(volume_ml))
    return tuple(np.asarray(other.centre) + reach * direction / np.linalg.norm(direction))


def radius(volume_ml: float) -> float:
    """Of a sphere, mm."""
    return (3 * volume_ml * 1000 / (4 * np.pi)) ** (1 / 3)


def grow(lesion: Lesion, canvas: Canvas) -> tuple[tuple[slice, ...], np.ndarray, np.ndarray]:
    """Where the lesion is on the canvas: slices (z, y, x), its mask, and its core for necrosis.

    It takes the tissues it can invade, nearest first, until it has its volume. One that keeps to
    tissues of which there are too few here grows as if it kept to none.
    """
    rng = np.random.default_rng(lesion.seed)
    size_mm = radius(lesion.volume_ml)
    ratio = np.asarray(lesion.ratio) / np.prod(lesion.ratio) ** (1 / 3)
    angles = tuple(15 * rng.standard_normal(3))
    shape = ellipsoid(lesion.centre, size_mm * ratio, angles)
    wide = ellipsoid(lesion.centre, 2.2 * size_mm * ratio + 6, angles)
    cuts, (x, y, z) = canvas.window(wide)
    level = shape.level(x, y, z)
    none = np.zeros(level.shape, bool)
    if not level.size:
        return cuts, none, none
    low = [float(axis.ravel()[0]) for axis in (x, y, z)]
    size = level.shape[::-1]
    # The surface is drawn on a grid of its own, so that it does not depend on the canvas.
    start = np.asarray(lesion.centre) - 2.6 * size_mm - 12
    stop = np.asarray(lesion.centre) + 2.6 * size_mm + 12
    for length, amount in ((1.1 * size_mm, 0.24), (max(0.5 * size_mm, 3.0), 0.12)):
        bumps = smooth_field(rng, tuple(start), tuple(stop), max(length, 3.0))
        level = level + amount * size_mm * on_grid(bumps, low, canvas.spacing, size)
    wanted = max(round(lesion.volume_ml * 1000 / canvas.spacing**3), 4)
    open_to = _open_to(lesion)[canvas.labels[cuts]]
    if lesion.within and open_to.sum() < 0.25 * wanted:
        open_to = _open_to(replace(lesion, within=()))[canvas.labels[cuts]]
    level = np.where(open_to, level, np.inf)
    wanted = min(wanted, int(open_to.sum()))
    if wanted == 0:
        return cuts, none, none
    reach = np.partition(level.ravel(), wanted - 1)[wanted - 1]
    mask = level <= reach
    parts, count = label(mask)
    if count > 1:
        mask = parts == 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    core = mask & (level <= reach - 0.45 * size_mm) if lesion.necrotic else none
    return cuts, mask, core


def _open_to(lesion: Lesion) -> np.ndarray:
    """Which labels the lesion grows over: bool (256,)."""
    if lesion.within:
        return only(*lesion.within)
    return ~only(*(NODE_BARRIERS if "node" in lesion.kind else BARRIERS))


# What a CT or MR shows of it; the rest takes up FDG and looks like its surroundings.
TISSUE = {"primary": "tumour", "node": "tumour", "reactive node": "node", "parotid focus": "node"}


def paint_tissue(lesions: list[Lesion], canvas: Canvas) -> None:
    """The lesions as tissue, for CT and MR."""
    for lesion in lesions:
        cuts, mask, core = grow(lesion, canvas)
        _label(lesion, canvas, cuts, mask, core)


def _label(lesion: Lesion, canvas: Canvas, cuts, mask: np.ndarray, core: np.ndarray) -> None:
    if lesion.kind in TISSUE:
        canvas.labels[cuts][mask] = LABEL[TISSUE[lesion.kind]]
        canvas.labels[cuts][core] = LABEL["necrosis"]


def paint_uptake(
    lesions: list[Lesion], canvas: Canvas, suv: np.ndarray, blur_mm: float
) -> tuple[list[Lesion], np.ndarray]:
    """The lesions as uptake, and the truth; changes ``suv`` and the canvas's labels.

    ``blur_mm`` is the scanner's full width at half maximum. Returns the lesions with the volume
    they got, core included (those that found no room are left out), and the truth on the canvas:
    uint8, 1 for the primary, 2, 3, … for the nodes in their order; only the active tumour, not
    the necrotic core.
    """
    truth, grown, nodes = np.zeros(canvas.labels.shape, np.uint8), [], 0
    for lesion in lesions:
        cuts, mask, core = grow(lesion, canvas)
        if mask.sum() < 3:
            continue
        active = mask & ~core
        rng = np.random.default_rng(lesion.seed + 1)
        uneven = gaussian_filter(rng.standard_normal(mask.shape).astype(np.float32), 1.2)
        uneven = 1 + 0.18 * np.clip(uneven / max(float(uneven.std()), 1e-6), -2.5, 2)
        target = suv[cuts]
        target[core] = 0.8
        target[active] = (
            _strength(lesion, target, active, uneven, blur_mm / canvas.spacing) * (uneven[active])
        )
        _label(lesion, canvas, cuts, mask, core)
        if lesion.malignant:
            nodes += lesion.kind == "node"
            truth[cuts][active] = 1 if lesion.kind == "primary" else 1 + nodes
        volume = float(mask.sum()) * canvas.spacing**3 / 1000
        grown.append(replace(lesion, volume_ml=volume, necrotic=bool(core.any())))
    return grown, truth


def _strength(
    lesion: Lesion, around: np.ndarray, active: np.ndarray, uneven: np.ndarray, blur: float
) -> float:
    """The uptake at which the blurred maximum, spill from around included, is the lesion's.

    Blurring is linear: at each voxel the blurred uptake is b + s p, with b from the surroundings
    and p from the lesion at strength 1. The largest s that keeps all below SUVmax is sought, at
    most 2.5 SUVmax, for what is too small to be recovered. Beside something hotter a tumour keeps
    three quarters of it, about the least that tumours standing alone have. ``blur``: FWHM, voxels.
    """
    sigma = blur / FWHM
    own = np.pad(np.where(active, uneven, 0).astype(np.float32), 4)
    rest = np.pad(np.where(active, 0, around).astype(np.float32), 4, mode="edge")
    inside = np.pad(active, 4)
    p = gaussian_filter(own, sigma, truncate=3.0)[inside]
    b = gaussian_filter(rest, sigma, truncate=3.0)[inside]
    seen = p > 0.5 * p.max()  # not the edge, which something hotter may light up
    strength = ((lesion.suv_max - b[seen]) / p[seen]).min()
    least = 0.75 if lesion.malignant else 0.5
    return float(np.clip(strength, least * lesion.suv_max, 2.5 * lesion.suv_max))
