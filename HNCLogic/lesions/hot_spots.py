"""Hot spots: the peaks of a PET, the ground that falls away from each, and the passes between.

Every voxel is followed uphill, always to its hottest neighbour, until nothing hotter is left;
voxels that end at the same peak form a basin. Two basins meet at a pass, the highest voxel over
which one can walk from peak to peak. What lies above any level and hangs together with a peak is
then known from peaks and passes alone, without looking at the voxels again.

A peak that is hardly higher than the pass to a hotter one is a bump on its flank (noise, or a
ragged tumour) and joins the hotter one's hot spot. A peak that stands out is a hot spot of its
own, so a mild node beside a very hot tumour is not lost in the tumour's slope.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from HNCLogic.lesions.components import bounding_box

PASS_SHARE = 0.8  # a peak whose pass to a hotter one reaches this share of it is a mere bump


@dataclass(frozen=True)
class HotSpots:
    """Basins are numbered from the hottest peak (0) down; voxels by flat index of the volume."""

    voxels: np.ndarray  # flat indices of the volume, basin after basin, in each from the hottest
    values: np.ndarray  # their SUV
    starts: np.ndarray  # basin i has voxels[starts[i] : starts[i + 1]]; its first is the peak
    spot: np.ndarray  # basin → the basin whose peak its hot spot has; the same for a hot spot's own
    neighbours: np.ndarray  # basins across a pass, basin after basin
    passes: np.ndarray  # SUV of those passes
    edges: np.ndarray  # basin i has neighbours[edges[i] : edges[i + 1]]

    @property
    def peaks(self) -> np.ndarray:
        """SUV of every basin's peak."""
        return self.values[self.starts[:-1]]

    def basins_above(self, basin: int, level: float, open_basins: np.ndarray) -> np.ndarray:
        """The basins reached from a peak without going below ``level``.

        ``open_basins``: for every basin, may it be entered.
        """
        reached, waiting = {basin}, [basin]
        while waiting:
            i = waiting.pop()
            across = slice(self.edges[i], self.edges[i + 1])
            over = self.neighbours[across][self.passes[across] >= level]
            new = [j for j in over[open_basins[over]].tolist() if j not in reached]
            reached.update(new)
            waiting.extend(new)
        return np.fromiter(sorted(reached), int)

    def voxels_above(self, basins: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Flat indices and SUV of the voxels of ``basins`` at or above ``level``."""
        parts = [slice(self.starts[i], self.starts[i + 1]) for i in basins]
        # Within a basin the voxels go from the hottest down.
        cut = [p.start + np.searchsorted(-self.values[p], -level, side="right") for p in parts]
        parts = [slice(p.start, stop) for p, stop in zip(parts, cut, strict=True)]
        return (
            np.concatenate([self.voxels[p] for p in parts]),
            np.concatenate([self.values[p] for p in parts]),
        )


def find_hot_spots(suv: np.ndarray, zone: np.ndarray) -> HotSpots:
    """Peaks, basins and passes among the voxels of ``zone`` (z, y, x), 26 neighbours each.

    ``zone`` must not be empty. Voxels outside it are as if cold.
    """
    box = bounding_box(zone)
    inner = np.pad(zone[box], 1)
    flat = np.flatnonzero(inner)
    values = np.pad(suv[box], 1).ravel()[flat]
    # Height as a rank, 1 the lowest: no two voxels are equal, so flat tops have one peak too.
    order = np.lexsort((-flat, values))
    flat, values = flat[order], values[order]
    rank = np.zeros(inner.size, np.int32)
    rank[flat] = np.arange(1, len(flat) + 1)

    steps = _neighbour_steps(inner.shape)
    uphill = np.arange(1, len(flat) + 1, dtype=np.int32)
    for step in (*steps, *-steps):
        np.maximum(uphill, rank[flat + step], out=uphill)
    top = uphill - 1
    while True:
        further = top[top]
        if np.array_equal(further, top):
            break
        top = further
    peaks, basin = np.unique(-top, return_inverse=True)  # basin 0 has the highest peak
    basin = basin.ravel().astype(np.int64)

    first, second, height = _passes(rank, flat, steps, basin)
    spot = _join_bumps(values[-peaks], first, second, values[height])
    neighbours, passes, edges = _both_ways(first, second, values[height], len(peaks))

    by_basin = np.lexsort((-np.arange(len(flat)), basin))  # higher ranks first in each
    places = np.array(np.unravel_index(flat[by_basin], inner.shape))
    places += np.array([[s.start - 1] for s in box])
    starts = np.searchsorted(basin[by_basin], np.arange(len(peaks) + 1))
    voxels = np.ravel_multi_index(tuple(places), suv.shape)
    return HotSpots(voxels, values[by_basin], starts, spot, neighbours, passes, edges)


def _neighbour_steps(shape: tuple[int, ...]) -> np.ndarray:
    """Flat steps to 13 neighbours; the other 13 are their opposites."""
    strides = (shape[1] * shape[2], shape[2], 1)
    moves = [m for m in itertools.product((-1, 0, 1), repeat=3) if m > (0, 0, 0)]
    return np.array([np.dot(m, strides) for m in moves])


def _passes(
    rank: np.ndarray, flat: np.ndarray, steps: np.ndarray, basin: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of touching basins (lower number first) and the voxel of their highest pass."""
    keys, heights = [], []
    count = int(basin.max()) + 1
    here = np.arange(len(flat))
    for step in steps:
        there = rank[flat + step].astype(np.int64) - 1
        across = np.flatnonzero(there >= 0)
        across = across[basin[across] != basin[there[across]]]
        a, b = basin[across], basin[there[across]]
        key = np.minimum(a, b) * count + np.maximum(a, b)
        key, height = _highest(key, np.minimum(here[across], there[across]))
        keys.append(key)
        heights.append(height)
    key, height = _highest(np.concatenate(keys), np.concatenate(heights))
    return key // count, key % count, height


def _highest(key: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every key once, with the largest of its heights."""
    order = np.lexsort((height, key))
    key, height = key[order], height[order]
    last = np.append(key[1:] != key[:-1], True)[: len(key)]
    return key[last], height[last]


def _join_bumps(
    peaks: np.ndarray, first: np.ndarray, second: np.ndarray, passes: np.ndarray
) -> np.ndarray:
    """For every basin the one whose hot spot it belongs to, passes taken from the highest down."""
    spot = list(range(len(peaks)))

    def summit(i: int) -> int:
        while spot[i] != i:
            spot[i] = spot[spot[i]]
            i = spot[i]
        return i

    height = peaks.tolist()
    order = np.argsort(-passes, kind="stable")
    for a, b, over in zip(
        first[order].tolist(), second[order].tolist(), passes[order].tolist(), strict=True
    ):
        high, low = sorted((summit(a), summit(b)))  # a lower number is a higher peak
        if high != low and over >= PASS_SHARE * height[low]:
            spot[low] = high
    return np.array([summit(i) for i in range(len(peaks))])


def _both_ways(
    first: np.ndarray, second: np.ndarray, passes: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    start = np.concatenate([first, second])
    end = np.concatenate([second, first])
    order = np.argsort(start, kind="stable")
    edges = np.searchsorted(start[order], np.arange(count + 1))
    return end[order], np.concatenate([passes, passes])[order], edges
