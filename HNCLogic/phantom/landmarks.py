"""Where disease and its look-alikes start, as positions in atlas space (see ``anatomy.py``).

Millimetres, axes as LPS; the left side where a place has two. The anatomy may move a landmark when
organs move: nothing else in the package holds coordinates of places.
"""

from __future__ import annotations

from typing import NamedTuple

Point = tuple[float, float, float]


class Spot(NamedTuple):
    place: Point
    ratio: Point  # of the radii of what grows there


PRIMARY_SITES: dict[str, tuple[Spot, ...]] = {
    "oropharynx": (
        Spot((19, -18, 34), (0.9, 1, 1.2)),  # tonsil
        Spot((9, -20, 16), (1.1, 1, 1)),  # base of the tongue
        Spot((8, -27, 52), (1.4, 1, 0.8)),  # soft palate
        Spot((7, -2, 28), (1.2, 0.7, 1.4)),  # back wall
    ),
    "larynx": (Spot((6, -26, -30), (0.8, 1.3, 1)), Spot((8, -18, -8), (1, 0.9, 1.2))),
    "hypopharynx": (Spot((16, -10, -18), (0.8, 1, 1.5)), Spot((3, -4, -34), (1.2, 0.8, 1.3))),
    "oral cavity": (Spot((17, -52, 32), (0.8, 1.5, 0.9)), Spot((8, -66, 18), (1, 1.2, 0.9))),
    "nasopharynx": (Spot((9, -6, 79), (1.2, 0.8, 1.1)),),
}
NODAL_LEVELS: dict[str, Point] = {
    "Ib": (37, -38, 6),
    "II": (45, 2, 26),
    "III": (43, 2, -12),
    "IV": (38, 8, -56),
    "V": (52, 36, -22),
    "retropharyngeal": (15, 3, 66),
}
TONSIL: Point = (17, -18, 36)
BROWN_FAT: tuple[Point, ...] = (
    (60, 30, -78), (78, 34, -92), (100, 40, -100), (52, 30, -62), (20, 66, -100),
)  # fmt: skip
# Middles of organs that take up FDG without a tumour.
ORGANS: dict[str, Point] = {
    "mandible": (42, -30, 21),
    "molar": (24, -56, 38),
    "parotid": (56, 6, 48),
    "submandibular": (33, -26, 6),
    "sublingual": (12, -58, 16),
    "thyroid": (17, -16, -58),
    "vocal cord": (6, -26, -31),
    "masseter": (58, -22, 46),
    "pterygoid": (38, -18, 52),
    "sternomastoid": (50, 10, 10),
    "longus colli": (8, 1, 20),
}
NOSE: Point = (0, -114, 74)  # its tip
ACROMION: Point = (165, 42, -98)
