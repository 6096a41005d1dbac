"""The second source of anatomies: a folder of real CTs with organ masks, see ``real_cases.py``.

The canvas lies in the real patient. The built-in atlas, bent onto him, says which tissue is where;
his CT and masks overrule it where they reach, and it completes him where they do not: the brain
above, the shoulders, the tops of the lungs and the heart below.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from HNCLogic.errors import InputError
from HNCLogic.phantom.body.anatomy import BuiltIn, draw_anatomy
from HNCLogic.phantom.body.noise import on_grid, smooth_field
from HNCLogic.phantom.body.pose import STEP, Pose, pose_of
from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.real_ct.completing import join, numbers, seen_on
from HNCLogic.phantom.real_ct.fitted_case import Fitted, bent, fit
from HNCLogic.phantom.real_ct.marks import as_case
from HNCLogic.phantom.real_ct.real_cases import WANTED, Case, case_folders, read_case
from HNCLogic.phantom.real_ct.reconcile import reconciled

KEPT = 24  # cases kept fitted; the others are read again when drawn again
REFERENCE = 3.0  # mm: spacing at which the atlas is compared with a CT


@dataclass(frozen=True)
class RealAnatomy:
    """A patient made of one real CT; see ``anatomy.Anatomy``."""

    fitted: Fitted
    atlas: BuiltIn  # says what the CT does not show
    texture_seed: int
    source: str  # "CT of case pt_2"

    @property
    def case(self) -> str:
        return self.fitted.case.name

    def painted(self, spacing: float) -> Canvas:
        """The tissues on a grid of ``spacing`` mm from chest to crown."""
        fitted = self.fitted
        canvas = Canvas(fitted.low, fitted.high, spacing)
        canvas.roughness = on_grid(self.atlas.surface_noise, canvas.low, spacing, canvas.size)
        canvas.folds = on_grid(self.atlas.folds, canvas.low, spacing, canvas.size)
        drawn = self.atlas.painted(spacing)
        canvas.labels = bent(drawn, fitted.warp, canvas)
        view = seen_on(fitted.case, canvas)
        before = canvas.labels.copy()
        row = int(np.searchsorted(canvas.axes[2][view.rows], fitted.lung_top))
        own = reconciled(before[view.rows], view.hu, view.body, view.organs, spacing, row)
        canvas.labels[view.rows][view.known] = own[view.known]
        join(canvas.labels, canvas, view, before)
        return canvas

    def place(self, atlas_point) -> np.ndarray:
        return self.fitted.place(atlas_point)

    def hu(self, canvas: Canvas) -> np.ndarray:
        """The real CT with the fine structure its voxels of 4 mm have lost; NaN beyond it."""
        rng = np.random.default_rng(self.texture_seed)
        grain = gaussian_filter(rng.standard_normal(canvas.labels.shape, np.float32), 0.8)
        return numbers(canvas, seen_on(self.fitted.case, canvas), grain / grain.std())

    @property
    def teeth(self) -> np.ndarray:
        """Where the atlas's teeth lie, each moved to the hardest place within 8 mm."""
        places = [self._hardest(self.fitted.warp.place(p)) for p in self.atlas.teeth]
        return np.array(places).reshape(-1, 3)

    def _hardest(self, point: np.ndarray, reach: float = 8.0) -> np.ndarray:
        case = self.fitted.case
        index = np.round((point - case.origin) / case.spacing).astype(int)[::-1]
        near = np.ceil(reach / np.array(case.spacing)).astype(int)[::-1]
        cut = tuple(
            slice(max(i - n, 0), max(i + n + 1, 0)) for i, n in zip(index, near, strict=True)
        )
        part = case.hu[cut]
        if not part.size or part.max() < 600:
            return point
        best = np.array(np.unravel_index(int(np.argmax(part)), part.shape))
        return case.points((best + [s.start for s in cut])[None])[0]

    def pose(self, rng: np.random.Generator) -> Pose:
        """Somewhere in the scanner, by a gentle deformation that makes no two patients alike."""
        scale = np.exp(0.02 * np.clip(rng.standard_normal(4), -2, 2))
        scale = scale[0] * scale[1:]
        offset = np.array([rng.uniform(-12, 12), rng.uniform(-40, 0), rng.uniform(-700, -150)])
        low, high = self.fitted.low * scale - 20, self.fitted.high * scale + 20
        axes = [np.arange(a, b + STEP, STEP) for a, b in zip(low, high, strict=True)]
        z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
        points = np.stack([x, y, z], axis=-1)
        there = points / scale
        for length, amount in ((110.0, 2.5), (45.0, 0.8)):
            for axis in range(3):
                field = smooth_field(rng, tuple(low), tuple(high), length)
                there[..., axis] += amount * on_grid(field, low, STEP, x.shape[::-1])
        return pose_of(points, there, low, offset)


class RealAnatomies:
    """The usable cases of a folder, drawn from by seed.

    Only as many cases are read as are needed. Raises InputError where the folder holds none that
    can serve: at once for no case at all, else when all of them were tried.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self._folders = case_folders(self.folder)
        self._refused: dict[str, str] = {}
        self._cases: OrderedDict[str, Case] = OrderedDict()
        self._fitted: OrderedDict[tuple[str, bool], Fitted] = OrderedDict()
        self._reference: Case | None = None
        if self._first(range(len(self._folders))) is None:
            first = next(iter(self._refused.values()))
            raise InputError(
                f"none of the {len(self._folders)} cases in {self.folder} can serve (the first: "
                f"{first}); {WANTED}"
            )

    @property
    def left_out(self) -> dict[str, str]:
        """Each case that cannot serve, with its reason; reads every case once."""
        for folder in self._folders:
            self._usable(folder)
        return {f.name: self._refused[f.name] for f in self._folders if f.name in self._refused}

    @property
    def usable(self) -> list[str]:
        """The names of the cases that can serve; reads every case once."""
        out = self.left_out
        return [f.name for f in self._folders if f.name not in out]

    def draw(
        self, rng: np.random.Generator, of_build: np.random.Generator | None = None
    ) -> RealAnatomy:
        """A patient made of one case: the same ``rng`` gives the same one.

        ``of_build`` chooses the case where it is given, so that a matched pair has one in common.
        """
        order = (rng if of_build is None else of_build).permutation(len(self._folders))
        flipped = bool(rng.random() < 0.5)
        seeds = rng.integers(0, 2**32, 2)
        return self._made(self._folders[self._first(order)], flipped, seeds)

    def of_case(self, name: str, rng: np.random.Generator) -> RealAnatomy:
        """As ``draw``, of the case ``name``. Raises InputError where it cannot serve."""
        folder = next((f for f in self._folders if f.name == name), None)
        if folder is None or not self._usable(folder):
            raise InputError(f"{name}: {self._refused.get(name, 'no such case')}")
        rng.permutation(len(self._folders))
        flipped = bool(rng.random() < 0.5)
        return self._made(folder, flipped, rng.integers(0, 2**32, 2))

    def _first(self, order) -> int:
        return next((int(i) for i in order if self._usable(self._folders[int(i)])), None)

    def _usable(self, folder: Path) -> bool:
        if folder.name in self._refused:
            return False
        try:
            self._case(folder)
        except InputError as error:
            self._refused[folder.name] = str(error)
            return False
        return True

    def _case(self, folder: Path) -> Case:
        return _kept(self._cases, folder.name, lambda: read_case(folder))

    def _made(self, folder: Path, flipped: bool, seeds) -> RealAnatomy:
        fitted = _kept(
            self._fitted, (folder.name, flipped), lambda: self._fit(self._case(folder), flipped)
        )
        atlas = draw_anatomy(np.random.default_rng(int(seeds[0])))
        words = f"CT of case {folder.name}" + (", left and right exchanged" if flipped else "")
        return RealAnatomy(fitted, atlas, int(seeds[1]), words)

    def _fit(self, case: Case, flipped: bool) -> Fitted:
        if self._reference is None:
            self._reference = as_case(draw_anatomy(np.random.default_rng(0)).painted(REFERENCE))
        return fit(case.mirrored() if flipped else case, self._reference)


def _kept(store: OrderedDict, key, make):
    """``store[key]``, made where it is not there; the ones not used for longest are dropped."""
    if key not in store:
        store[key] = make()
    store.move_to_end(key)
    while len(store) > KEPT:
        store.popitem(last=False)
    return store[key]
