"""A metastatic node on contrast-enhanced CT: its capsule, intact or broken, and what lies round it.

The signs are those by which radiologists call extension on CT: a thick or irregular rim, a border
that is not sharp, a lost plane of fat, strands in the fat, growth into muscle or vessel, matted
nodes. All grow from one part of the surface; the rest of the capsule looks as in any other node.
Distances in mm, CT numbers in HU, plausible figures throughout.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from HNCLogic.phantom.body.tissues import LABEL, only
from HNCLogic.phantom.cases.neck_window import NeckWindow
from HNCLogic.phantom.cases.nodal_disease import Node

FAT, CORE = -98.0, 20.0  # HU: fat beside a node, necrosis
SHARP = 0.45  # mm: the scanner's blur of a sharp border
BEYOND = 16.0  # mm round a node in which signs show
OPEN = only("fat", "soft", "skin", "muscle", "neck muscle", "masticator", "node", "submandibular",
            "parotid", "tumour")  # fmt: skip
PARTED = only("fat", "soft", "muscle", "neck muscle", "masticator", "node", "submandibular",
              "parotid", "tumour", "necrosis")  # fmt: skip


def surface(node: Node, centre, x, y, z) -> tuple[np.ndarray, np.ndarray]:
    """Of the node's ellipsoid: about mm to the surface, negative inside; share of the radius."""
    matrix = Rotation.from_euler("xyz", node.angles, degrees=True).as_matrix().astype(np.float32)
    d = (x - centre[0], y - centre[1], z - centre[2])
    along = [sum(matrix[j, i] * d[j] for j in range(3)) / node.radii[i] for i in range(3)]
    share = np.sqrt(sum(a**2 for a in along)) + 1e-6
    slope = np.sqrt(sum((a / r) ** 2 for a, r in zip(along, node.radii, strict=True))) + 1e-6
    return np.maximum(share * (share - 1) / slope, -node.radius).astype(np.float32), share


def push(node: Node, centre, window: NeckWindow, shift: np.ndarray) -> None:
    """Add to ``shift`` (3, z, y, x; mm) how the node moves its neighbours out of its way.

    Like an incompressible fluid: a share ``node.push`` of its volume moves through every shell.
    """
    cuts = window.around(centre, 2.6 * max(node.radii))
    x, y, z = window.coordinates(cuts)
    _, share = surface(node, centre, x, y, z)
    source = np.cbrt(np.maximum(share**3 - node.push, 0))
    fade = np.clip((2.5 - share) / 0.9, 0, 1)
    factor = (source / share - 1) * fade**2 * (3 - 2 * fade)
    for i, axis in enumerate((x, y, z)):
        shift[i][cuts] += factor * (axis - centre[i])


def paint_node(window: NeckWindow, node: Node, centre, number: int, toward) -> None:
    """Paint the node into the window and mark it as ``number``.

    ``toward``: unit vector (x, y, z) to where the capsule breaks, if it does. What is random about
    the node and about its signs are two streams, so that the node is the same with and without.
    """
    own, signs = (np.random.default_rng([node.seed, i]) for i in (0, 1))
    cuts = window.around(centre, max(node.radii) * (1.15 + node.lobes) + BEYOND)
    x, y, z = window.coordinates(cuts)
    level, share = surface(node, centre, x, y, z)
    fade = np.clip(2 * share - 0.2, 0, 1)  # no lobes at the very middle
    lobes = window.noise(own, cuts, 1.1 * node.radius)
    level += node.lobes * node.radius * fade * np.clip(lobes, -2, 2)
    level += 0.25 * window.noise(own, cuts, 4.0)
    gap = node.fat_plane + 1.2 * window.noise(own, cuts, 14.0)
    coarse, fine = window.noise(own, cuts, 9.0), window.noise(own, cuts, 3.5)
    core = window.noise(own, cuts, max(0.7 * node.radius, 4.0))

    broken = _broken_part(window, signs, cuts, (x, y, z), centre, toward) * node.strength
    broken = broken if node.extended else np.zeros_like(level)
    ragged = 0.8 * window.noise(signs, cuts, 4.0) + 0.8 * window.noise(signs, cuts, 7.5)
    patchy, strands = window.noise(signs, cuts, 5.0), _strands(window, signs, cuts)
    finger = _finger(signs, node, centre, toward, x, y, z)
    if node.extended:
        level += broken * 2.5 * ragged
    if "invasion" in node.signs:
        level = np.minimum(level, finger + 1.4 * ragged)
    open_, soft = OPEN[window.labels[cuts]], ~window.hard[cuts]
    # Vessels are left alone but where they would end inside the node, or where it invades them.
    invaded = (broken > 0.5) if "invasion" in node.signs else np.zeros_like(soft)
    allowed = open_ | (soft & ((level < -0.4 * node.radius) | invaded))
    level += _offset(level, allowed, node.volume_ml * 1000 / np.prod(window.spacing))

    hu = window.hu[cuts]
    plane = np.maximum(gap, 0.7 if node.beside is not None else gap)
    if "lost fat plane" in node.signs or "matting" in node.signs:
        plane = plane - 4.0 * broken
    parted = PARTED[window.labels[cuts]] & (hu > FAT)
    share_fat = _edge(level - plane, SHARP) * np.clip(plane / 0.4, 0, 1) * parted
    hu += share_fat * (FAT + 8 * fine - hu)
    fatty = np.clip((20 - hu) / 110, 0, 1) * soft
    if node.extended:
        near = broken * np.exp(-np.maximum(level, 0) / 6.5)
        hu += fatty * near * (110 * strands * ("stranding" in node.signs) + 8)

    blur = node.blur + broken * (0.5 + 0.7 * (patchy > 0))
    solid = node.enhancement + 6 * coarse + 5 * fine
    rim = node.rim * np.exp(-(((level + 0.9) / 0.9) ** 2)) * (1 + 0.35 * coarse)
    if "thick rim" in node.signs:
        thick = node.rim * np.exp(-(((level + 1.6) / 2.2) ** 2)) * (1 + 0.5 * patchy)
        rim += np.minimum(1.6 * broken, 1) * (thick - rim)
    if node.necrosis:
        start = -node.necrosis * node.radius * (1 + 0.45 * np.clip(core, -1.5, 1.5))
        solid += _edge(level - start, 0.8) * (CORE + 4 * coarse - solid)
    blurred = open_ | (soft & (broken > 0.1))
    inside = _edge(level, blur) * np.where(level > 0, blurred, allowed)
    hu += inside * (solid + rim - hu)
    found = (level <= 0) & allowed
    window.marks[cuts][found] = number
    window.labels[cuts][found] = LABEL["tumour"]


def inflame(window: NeckWindow, rng: np.random.Generator, centre, reach: float) -> None:
    """Harmless strands and oedema in the fat within about ``reach`` mm, as after radiation."""
    cuts = window.around(centre, 2.2 * reach)
    x, y, z = window.coordinates(cuts)
    far = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2) / reach**2
    strands, patchy = _strands(window, rng, cuts), window.noise(rng, cuts, 16.0)
    near = np.exp(-0.5 * far) * np.clip(1 + 0.5 * patchy, 0, 1.6)
    hu = window.hu[cuts]
    fatty = np.clip((20 - hu) / 110, 0, 1) * (window.labels[cuts] != 0) * ~window.hard[cuts]
    hu += fatty * near * (105 * strands + 24)


def bleed(window: NeckWindow, rng: np.random.Generator, centre, radius: float) -> None:
    """A haematoma, as after a biopsy: denser than muscle, ill defined, does not enhance."""
    cuts = window.around(centre, 2.0 * radius + 4)
    x, y, z = window.coordinates(cuts)
    stretch = rng.uniform(0.6, 1.3, 3)
    q = sum(((a - c) / s) ** 2 for a, c, s in zip((x, y, z), centre, stretch, strict=True))
    level = np.sqrt(q) - radius + 2.0 * window.noise(rng, cuts, 7.0)
    value = rng.uniform(48, 68) + 7 * window.noise(rng, cuts, 5.0)
    open_ = OPEN[window.labels[cuts]]
    hu = window.hu[cuts]
    hu += _edge(level, 1.2) * open_ * (value - hu)


def _edge(level: np.ndarray, width: float | np.ndarray) -> np.ndarray:
    """1 deep inside, 0 far outside, going over within about 4 ``width``."""
    return 1 / (1 + np.exp(np.clip(level / width, -30, 30)))


def _broken_part(window, rng, cuts, coordinates, centre, toward) -> np.ndarray:
    """How far the capsule is broken in each direction from the centre, 0 to 1."""
    half = np.cos(np.radians(rng.uniform(60, 105)))
    d = [axis - c for axis, c in zip(coordinates, centre, strict=True)]
    length = np.sqrt(sum(v**2 for v in d)) + 1.0
    cosine = sum(v * float(t) for v, t in zip(d, toward, strict=True)) / length
    cosine = cosine + 0.18 * window.noise(rng, cuts, 10.0)
    rise = np.clip((cosine - half) / 0.35 + 0.5, 0, 1)
    return rise**2 * (3 - 2 * rise)


def _strands(window: NeckWindow, rng: np.random.Generator, cuts) -> np.ndarray:
    """Thin crossing sheets in fat, 0 to 1: where one of two random fields passes nought."""
    lines = [np.exp(-((window.noise(rng, cuts, mm) / 0.22) ** 2)) for mm in (7.0, 11.0)]
    return np.maximum(*lines) * np.clip(0.8 + 0.5 * window.noise(rng, cuts, 11.0), 0, 1)


def _finger(rng: np.random.Generator, node: Node, centre, toward, x, y, z) -> np.ndarray:
    """About mm to the surface of the part that grows out of the node into its neighbour."""
    way = np.asarray(toward) + 0.25 * rng.standard_normal(3)
    way *= (node.radius * rng.uniform(0.85, 1.1) + 1.5) / np.linalg.norm(way)
    radius = max(rng.uniform(0.5, 0.7) * node.strength * node.radius, 3.5)
    d2 = sum((a - c - w) ** 2 for a, c, w in zip((x, y, z), centre, way, strict=True))
    return (np.sqrt(d2) - radius).astype(np.float32)


def _offset(level: np.ndarray, allowed: np.ndarray, wanted: float) -> float:
    """What to add to ``level`` so that ``wanted`` allowed voxels are inside."""
    values = level[allowed]
    count = int(np.clip(wanted, 1, max(values.size - 1, 1)))
    shift = -float(np.partition(values, count)[count]) if values.size > count else 0.0
    return float(np.clip(shift, -4, 4))
