"""The body's outline: skin, the fat under it, and what fills the inside before organs come.

Atlas space (``atlas.py``). Widths and depths at each height are the medians of 89 planning CTs of
the head and neck (OpenKBP), level with the lower end of the brain stem.
"""

from __future__ import annotations

import numpy as np

from HNCLogic.phantom.body.build import Build
from HNCLogic.phantom.body.plan import Plan
from HNCLogic.phantom.body.shapes import Shape, ellipsoid, loft, mottled, tube

SKIN_MM = 1.7
# Head, neck and the middle of the chest: z, half width, front, back, how much the front narrows.
COLUMN = np.array(
    [
        (217, 4, -4, 20, 0.0),
        (213, 26, -26, 44, 0.0),
        (203, 48, -52, 70, 0.0),
        (183, 67, -75, 93, 0.0),
        (155, 76, -88, 103, 0.06),
        (130, 78, -92, 106, 0.1),
        (110, 77, -94, 106, 0.15),
        (90, 75, -95, 104, 0.2),
        (75, 74, -97, 101, 0.25),
        (64, 73, -98, 97, 0.28),
        (54, 72, -97, 89, 0.3),
        (44, 71, -97, 83, 0.3),
        (30, 70, -96, 78, 0.3),
        (20, 67, -93, 75, 0.3),
        (12, 65, -84, 74, 0.3),
        (4, 64, -70, 74, 0.35),
        (-6, 64, -59, 76, 0.4),
        (-16, 65, -52, 80, 0.42),
        (-28, 67, -46, 84, 0.42),
        (-40, 70, -41, 92, 0.42),
        (-54, 78, -37, 102, 0.4),
        (-74, 94, -37, 114, 0.3),
        (-100, 110, -44, 122, 0.1),
        (-136, 122, -60, 128, 0.0),
        (-176, 128, -78, 130, 0.0),
        (-245, 132, -96, 130, 0.0),
    ],
    float,
)
# Shoulders and arms, a wedge behind the neck that widens downwards.
WINGS = np.array(
    [
        (6, 40, 44, 74, 0.5),
        (-8, 68, 14, 82, 0.8),
        (-20, 90, 4, 90, 0.8),
        (-31, 132, 0, 98, 0.75),
        (-41, 172, -3, 105, 0.7),
        (-52, 196, -8, 111, 0.6),
        (-64, 209, -18, 116, 0.4),
        (-76, 218, -28, 120, 0.3),
        (-96, 227, -38, 126, 0.15),
        (-136, 234, -54, 129, 0.05),
        (-176, 237, -62, 130, 0.0),
        (-245, 239, -66, 130, 0.0),
    ],
    float,
)


def add_outline(plan: Plan, build: Build) -> None:
    """Skin, fat and the inside of head, neck, shoulders and upper chest."""
    fat = build.fatness
    column, wings = COLUMN.copy(), WINGS.copy()
    # The scalp stays as it is; cheeks, chin, neck and chest grow with the fat.
    more = 7.0 * (fat - 1) * np.interp(column[:, 0], [-60, 0, 40, 90], [1.2, 1.0, 0.5, 0.0])
    column[:, 1] += more + np.interp(column[:, 0], [-60, -30, 40, 80], [0, 3, 3, 0])
    column[:, 2] -= more * np.interp(column[:, 0], [-20, 6, 30, 60], [0.6, 1.3, 0.5, 0.1])
    column[:, 3] += 0.7 * more
    wings[:, 0] += build.shoulders_mm * np.interp(-wings[:, 0], [0, 20, 90, 140], [1, 1, 1, 0])
    wings[:, 1] += np.interp(-wings[:, 0], [0, 60], [0, 1]) * (
        9 * (fat - 1) + plan.rng.normal(0, 6)
    )
    wings[:, 3] += 6 + 4 * (fat - 1)
    for tissue, by, rough in (
        ("skin", None, 0.0),
        ("fat", (0.0, 0.0, 0.0, 0.0), 0.0),
        ("soft", tuple(fat * np.array([9, 6, 6, 3])), 2.0),
    ):
        plan.add(tissue, [_trunk(column, by, rough, 0.0), _trunk(wings, by, rough, 0.7)])
    # Between the organs of the neck, fat and strands of other soft tissue are mixed.
    share = 6.0 * np.clip(np.log(fat), -0.8, 0.8)
    for centre, radii, usual in (
        ((0, 24, -10), (78, 74, 106), 4.0),
        ((0, -40, 50), (70, 58, 48), 3.0),
    ):
        plan.add("fat", mottled(centre, radii, usual + share), ("soft",))
    _add_nose_and_ears(plan)
    plan.add("fat", ellipsoid(plan.at(0, -62, 8), (26, 14, 8 * fat**0.5), roughness=3), ("soft",))


def _trunk(knots: np.ndarray, by: tuple | None, rough: float, sunk: float) -> Shape:
    """The outline, or what is left under the skin and ``by`` mm of fat.

    ``by``: at the chest, the neck, the face and the scalp. ``sunk``: how far the inside also lies
    lower, as a share of that depth: the fat lies on the shoulders as well.
    """
    inner = knots.copy()
    if by is not None:
        depth = SKIN_MM + np.interp(knots[:, 0], [-120, -60, 20, 100], by)
        inner[:, 1] = np.maximum(inner[:, 1] - depth, 1)
        inner[:, 2] += depth
        inner[:, 3] = np.maximum(inner[:, 3] - depth, inner[:, 2] + 1)
        inner[:, 0] -= sunk * depth
    return loft(inner, power=2.25, roughness=rough)


def _add_nose_and_ears(plan: Plan) -> None:
    nose = [(0, -89, 108), (0, -99, 92), (0, -109, 77), (0, -101, 70)]
    plan.add("skin", tube(nose, [6, 8, 10, 10]), onto=("outside",))
    plan.add("soft", tube(nose, [4, 6, 8, 8]), onto=("skin", "fat"))
    ear = ellipsoid(plan.at(79, 16, 82), (3.5, 14, 28), (0, 0, 20))
    plan.add_both("skin", ear, ("outside",), uneven=2)
    plan.add_both("airway", tube([(79, 6, 80), (56, 6, 80)], 3))
