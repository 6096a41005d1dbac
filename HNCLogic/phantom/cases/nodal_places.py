"""Where in the neck metastatic nodes come to lie, and in which direction a capsule gives way.

By what growing over a tissue costs: fat nothing, muscle a little, glands and vessels much.
"""

from __future__ import annotations

import numpy as np

from HNCLogic.phantom.body.landmarks import NODAL_LEVELS
from HNCLogic.phantom.body.pose import Pose
from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.body.tissues import LABEL
from HNCLogic.phantom.cases.nodal_disease import Node

_BALL = np.stack(np.meshgrid(*[np.linspace(-1, 1, 7)] * 3), -1).reshape(-1, 3)
_BALL = _BALL[np.linalg.norm(_BALL, axis=1) <= 1.01]
_COST = np.ones(256, np.float32)  # of growing over a tissue
_COST[[LABEL[name] for name in ("fat", "node")]] = 0.0
_COST[[LABEL[name] for name in ("soft", "neck muscle", "muscle", "masticator")]] = 0.35
_COST[[LABEL[name] for name in ("submandibular", "parotid", "tumour")]] = 0.8
_COST[[LABEL["vessel"], LABEL["skin"]]] = 2.0
_COST[LABEL["outside"]] = 4.0


def _cost(canvas: Canvas, points: np.ndarray) -> np.ndarray:
    """What growing over the tissues at atlas ``points`` (n, 3) costs: (n,)."""
    index = np.rint((points - canvas.low) / canvas.spacing).astype(int)
    x, y, z = np.clip(index, 0, np.asarray(canvas.size) - 1).T
    return _COST[canvas.labels[z, y, x]]


def place_nodes(
    rng: np.random.Generator, nodes: list[Node], canvas: Canvas, pose: Pose
) -> list[np.ndarray]:
    """The nodes' centres, LPS mm: where in their level they have most room, or at each other."""
    placed: list[np.ndarray] = []
    for node in nodes:
        tries = np.clip(rng.standard_normal((40, 3)), -2.2, 2.2)
        ball = _BALL * (np.asarray(node.radii) + 3)  # not under the skin either
        if node.beside is None:
            home = np.asarray(NODAL_LEVELS[node.level]) * (node.side, 1, 1)
            points = home + tries * (4 + 0.4 * node.radius)
        else:
            other = nodes[node.beside]
            ways = tries / np.linalg.norm(tries, axis=1, keepdims=True)
            home = pose.atlas_point(placed[node.beside])
            points = home + ways * 0.5 * (sum(node.radii) + sum(other.radii)) / 1.5 * (1, 1, 1.1)
        crowd = np.zeros(len(points))
        for i, there in enumerate(placed):
            near = 1.0 if i == node.beside else 1.25
            apart = np.linalg.norm(points - pose.atlas_point(there), axis=1)
            crowd += 5 * np.maximum(near * (node.radius + nodes[i].radius) - apart, 0) / node.radius
        cost = [_cost(canvas, point + ball).mean() for point in points]
        best = points[int(np.argmin(np.asarray(cost) + crowd))]
        placed.append(pose.scanner_point(best))
    return placed


def weak_points(
    rng: np.random.Generator,
    nodes: list[Node],
    centres: list[np.ndarray],
    canvas: Canvas,
    pose: Pose,
) -> list[np.ndarray]:
    """For each node the direction in which it would break out: to a matted node, to soft tissue."""
    found = []
    for i, node in enumerate(nodes):
        ways = rng.standard_normal((12, 3)) * (1, 1, 0.6)
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
        beside = node.beside
        if beside is None:
            beside = next((j for j, other in enumerate(nodes) if other.beside == i), None)
        if "matting" in node.signs and beside is not None:
            way = centres[beside] - centres[i]
            found.append(way / np.linalg.norm(way))
            continue
        home = pose.atlas_point(centres[i])
        reach = np.mean(node.radii) * np.array([1.15, 1.4, 1.7])
        cost = [_cost(canvas, home + np.outer(reach, way)).mean() for way in ways]
        found.append(ways[int(np.argmin(cost))])
    return found
