"""Which nodes hold metastases, in which levels, how large, and which of them break their capsule.

Number, level, side and neighbourhood do not know whether there is extension. The size knows a
little, as in reality: the node that extends is ``EXTENSION_GROWS`` times larger than it would
have been (paper of the extension method: nodes of 2.7 cm with, 1.8 cm without extension, an AUC
of size near 0.7; here about 0.6 on purpose, so that size alone is no answer).
Shares and volumes are plausible figures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

LEVELS = {"Ib": 0.12, "II": 0.42, "III": 0.26, "IV": 0.10, "V": 0.10}
EXTENSION_GROWS = 1.4  # in volume
SIGNS = ("irregular border", "indistinct border", "stranding", "invasion", "lost fat plane",
         "thick rim", "matting")  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """Where one node is, as far as a matched pair shares it."""

    level: str
    side: int  # 1 left, -1 right
    beside: int | None  # the node it lies against, by its place in the list


@dataclass(frozen=True)
class Node:
    """A metastatic node as it is to be painted; ``signs`` are empty with an intact capsule."""

    level: str
    side: int  # 1 left, -1 right
    beside: int | None
    volume_ml: float
    radii: tuple[float, float, float]  # mm, before lobes
    angles: tuple[float, float, float]  # degrees about x, y, z
    lobes: float  # how far lobes move the surface, as a share of the radius
    enhancement: float  # HU of the solid part
    rim: float  # HU that the capsule is brighter
    necrosis: float  # how far from the capsule the necrotic core begins, as a share; 0: none
    fat_plane: float  # mm of fat between capsule and neighbours, on average; negative: touching
    blur: float  # mm: of its border by the scanner and by swallowing
    push: float  # how much of its volume it makes by pushing its neighbours away
    seed: int
    signs: tuple[str, ...] = ()
    strength: float = 0.0  # of the signs, 0.7 to 1.3

    @property
    def extended(self) -> bool:
        return bool(self.signs)

    @property
    def radius(self) -> float:
        """Of the sphere of its volume, mm."""
        return (3000 * self.volume_ml / (4 * np.pi)) ** (1 / 3)


def draw_spread(rng: np.random.Generator) -> list[Spread]:
    """One to five nodes, most on one side; nearly half of the later ones lie against another."""
    count = 1 + int(rng.choice(5, p=[0.2, 0.3, 0.27, 0.15, 0.08]))
    side = int(rng.choice([-1, 1]))
    names, shares = list(LEVELS), list(LEVELS.values())
    found: list[Spread] = []
    for index in range(5):
        level = names[int(rng.choice(len(names), p=shares))]
        beside, other, attached = int(rng.integers(5)), rng.random() < 0.2, rng.random() < 0.45
        if index >= count:
            continue
        if index and attached:
            at = beside % index
            found.append(Spread(found[at].level, found[at].side, at))
        else:
            found.append(Spread(level, -side if other and index else side, None))
    return found


def draw_nodes(rng: np.random.Generator, spread: list[Spread], extension: bool) -> list[Node]:
    """The nodes of ``spread`` with size and build; with ``extension`` at least one is extended."""
    nodes = [_draw_node(rng, place) for place in spread]
    volumes = np.array([node.volume_ml for node in nodes])
    index = int(rng.choice(len(nodes), p=volumes / volumes.sum()))
    nodes[index] = _resized(nodes[index], max(nodes[index].volume_ml, 1.2))
    chance, several = rng.random(len(nodes)), rng.random((len(nodes), len(SIGNS)))
    strength = rng.uniform(0.7, 1.3, len(nodes))
    if not extension:
        return nodes
    for i, node in enumerate(nodes):
        near = node.beside == index or nodes[index].beside == i
        if i == index or (node.volume_ml > 0.8 and chance[i] < (0.6 if near else 0.25)):
            alone = node.beside is None and all(other.beside != i for other in nodes)
            shares = (1, 1, 0.8, 0.75, 0.75, 0.6, 0 if alone else 0.8)
            signs = tuple(s for s, p, u in zip(SIGNS, shares, several[i], strict=True) if u < p)
            nodes[i] = replace(node, signs=signs, strength=float(strength[i]))
    nodes[index] = _resized(nodes[index], EXTENSION_GROWS * nodes[index].volume_ml)
    return nodes


def _draw_node(rng: np.random.Generator, place: Spread) -> Node:
    volume = float(np.clip(3.2 * np.exp(0.75 * rng.standard_normal()), 0.5, 16))
    ratio = rng.uniform((0.75, 0.85, 0.95), (1.0, 1.1, 1.4))
    angles = 15 * rng.standard_normal(3)
    lobed, lobes = rng.random() < 0.4, rng.uniform(0.12, 0.26)
    enhancement = float(np.clip(rng.normal(86, 9), 64, 108))
    rim = float(rng.uniform(8, 34))
    chance, core = rng.random(), rng.uniform(0.25, 0.5)
    necrotic = chance < (0.5 if volume > 1.5 else 0.15)
    node = Node(
        place.level, place.side, place.beside, volume, tuple(ratio), tuple(angles),
        float(lobes if lobed else 0.06), enhancement, rim, float(core) if necrotic else 0.0,
        float(rng.uniform(-2.0, 0.8)), float(rng.uniform(0.45, 0.85)),
        float(rng.uniform(0.35, 0.75)), int(rng.integers(2**31)),
    )  # fmt: skip
    return _resized(node, volume)


def _resized(node: Node, volume_ml: float) -> Node:
    ratio = np.asarray(node.radii) / np.prod(node.radii) ** (1 / 3)
    grown = replace(node, volume_ml=float(volume_ml))
    return replace(grown, radii=tuple(float(v) for v in grown.radius * ratio))
