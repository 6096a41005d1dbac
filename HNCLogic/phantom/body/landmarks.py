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
        Spot((18, -20, 34), (0.9, 1, 1.2)),  # tonsil
        Spot((9, -22, 16), (1.1, 1, 1)),  # base of the tongue
        Spot((8, -28, 55), (1.4, 1, 0.8)),  # soft palate
        Spot((9, -9, 22), (1.2, 0.7, 1.4)),  # back wall
    ),
    "larynx": (Spot((6, -25, -23), (0.8, 1.3, 1)), Spot((10, -23, -9), (0.9, 1, 1.2))),
    "hypopharynx": (Spot((13, -18, -2), (0.8, 1, 1.5)), Spot((3, -3, -29), (1.2, 0.8, 1.3))),
    "oral cavity": (Spot((17, -52, 36), (0.8, 1.5, 0.9)), Spot((8, -60, 29), (1, 1.2, 0.9))),
    "nasopharynx": (Spot((9, -7, 74), (1.2, 0.8, 1.1)),),
}
NODAL_LEVELS: dict[str, Point] = {
    "Ib": (37, -42, 9),
    "II": (43, 6, 26),
    "III": (42, 9, -9),
    "IV": (43, 1, -42),
    "V": (54, 28, -22),
    "retropharyngeal": (17, -3, 60),
}
TONSIL: Point = (17, -20, 35)
BROWN_FAT: tuple[Point, ...] = (
    (54, 22, -40), (78, 34, -48), (98, 42, -66), (50, 24, -26), (21, 58, -83),
)  # fmt: skip
# Middles of organs that take up FDG without a tumour.
ORGANS: dict[str, Point] = {
    "mandible": (41, -26, 31),
    "molar": (23, -56, 46),
    "parotid": (56, 5, 48),
    "submandibular": (33, -28, 10),
    "sublingual": (13, -59, 22),
    "thyroid": (17, -15, -44),
    "vocal cord": (6, -25, -23),
    "masseter": (58, -20, 52),
    "pterygoid": (38, -17, 54),
    "sternomastoid": (51, 5, 10),
    "longus colli": (10, -6, 10),
}
NOSE: Point = (0, -116, 77)  # its tip
ACROMION: Point = (160, 56, -58)  # of shoulders neither drawn up nor let down
BACK: Point = (0, 136, -180)  # the lowest skin of who lies on his back; the couch is under it
