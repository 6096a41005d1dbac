"""MR of a simulated patient: each sequence on its own oblique grid, as a hospital would send it.

The patient's tissues give signals (``mr_sequences.py``); slices blur them, the coil sees some
places better than others, the patient moves a little from one sequence to the next, echo-planar
images are bent where air bends the field, and the noise of the two channels makes magnitudes
Rician. There is no chemical shift. Protocol, grids and noise know nothing of disease.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter, map_coordinates

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.noise import on_grid, smooth_field
from HNCLogic.phantom.body.pose import Pose
from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.body.tissues import only
from HNCLogic.phantom.mr.sequences import B_VALUE, ROLES, Habits, grains
from HNCLogic.phantom.mr.study import NECK, Acquisition, plan_study, view_box
from HNCLogic.phantom.mr.susceptibility import field_ppm, shift_mm
from HNCLogic.phantom.mr.tissues import Columns, Relaxation, draw_columns

COARSE = 4.0  # mm: about the spacing at which coil and field are known
AIR = only("outside", "airway", "lung")


def simulate_mr(
    canvas: Canvas,
    pose: Pose,
    roles: Iterable[str],
    rng: np.random.Generator,
    *,
    centre: np.ndarray | tuple[float, float, float] = NECK,
    length_mm: float = 220.0,
    habits: Habits | None = None,
    special: dict[int, Relaxation] | None = None,
) -> dict[str, sitk.Image]:
    """MR images by role, float32 with whole numbers from 0; ADC in 1e-6 mm²/s, background 0.

    ``canvas``: tissue labels, 1.5 mm or finer. ``roles``: of ``ROLES``; asking for one more
    changes no other. ``centre``: what lies in the middle, mm on the canvas. ``length_mm``: from
    the first slice to the last.
    ``habits``: the hospital's, of ``mr_sequences.HABITS``; None: those of no one hospital.
    ``special``: properties of labels that are no tissue of the table. ``rng`` is to be fresh.
    Raises InputError for an unknown role.
    """
    plan, tissue, scan = rng.spawn(3)
    study = plan_study(pose, plan, centre=centre, length_mm=length_mm, habits=habits)
    return acquire(canvas, study, roles, draw_columns(tissue, special), scan)


def acquire(
    canvas: Canvas,
    study: dict[str, Acquisition],
    roles: Iterable[str],
    table: Columns,
    rng: np.random.Generator,
) -> dict[str, sitk.Image]:
    """The images of a study that was planned; see ``simulate_mr``. ``rng`` is to be fresh.

    Raises InputError for an unknown role.
    """
    roles = tuple(roles)
    unknown = [role for role in roles if role not in ROLES]
    if unknown:
        raise InputError(f"unknown MR role {unknown[0]!r}; there are: {', '.join(ROLES)}")
    texture, coil, *noises = rng.spawn(2 + len(study))
    part = _in_view(canvas, study)
    body = Body(part, texture, coil)
    noise = dict(zip(study, noises, strict=True))
    images: dict[str, sitk.Image] = {}
    for role in roles:
        for needed in ("DWI-b0", "DWI-b1000") if role == "ADC" else (role,):
            if needed not in images:
                images[needed] = body.image(study[needed], table, noise[needed])
        if role == "ADC":
            least = 8 * study["DWI-b0"].sequence.noise * study["DWI-b0"].sequence.gain
            images["ADC"] = adc_map(images["DWI-b0"], images["DWI-b1000"], least)
    return {role: images[role] for role in roles}


def mask_on(mask: np.ndarray, canvas: Canvas, acquisition: Acquisition) -> np.ndarray:
    """Where a mask of the canvas lies on a sequence's grid: bool (z, y, x), half a voxel or more.

    The bending of echo-planar images is not in it.
    """
    sigma = [v / canvas.spacing for v in acquisition.blur_mm[::-1]]
    share = gaussian_filter(mask.astype(np.float32), sigma, truncate=3.0)
    seen = _read(share, canvas.low, canvas.spacing, acquisition.grid, acquisition.to_canvas)
    return seen >= 0.5


def adc_map(b0: sitk.Image, b1000: sitk.Image, least: float) -> sitk.Image:
    """ln(S0/S1000)/b in 1e-6 mm²/s, whole numbers from 0 to 4095; 0 where S0 is below ``least``."""
    first, second = (sitk.GetArrayFromImage(image) for image in (b0, b1000))
    ratio = np.log(np.maximum(first, 1.0) / np.maximum(second, 1.0))
    adc = np.where(first >= least, np.clip(np.round(ratio * 1e6 / B_VALUE), 0, 4095), 0)
    return Grid.of(b0).image(adc.astype(np.float32))


class Body:
    """The part of the patient in view, with the structure all sequences see in the same way."""

    def __init__(
        self, canvas: Canvas, texture: np.random.Generator, coil: np.random.Generator
    ) -> None:
        self.canvas = canvas
        fine = texture.standard_normal(canvas.labels.shape, np.float32)
        # Fibres and septa run along the neck: slices would average any shorter structure away.
        fine = gaussian_filter(fine, np.array([4.0, 0.9, 0.9]) / canvas.spacing, truncate=2.5)
        self.fine = fine / max(float(fine.std()), 1e-6)
        patches = smooth_field(
            texture, tuple(canvas.low), tuple(canvas.axes[i][-1] for i in range(3)), 7.0
        )
        self.patches = on_grid(patches, canvas.low, canvas.spacing, canvas.size)
        self.step = max(round(COARSE / canvas.spacing), 1)
        air = AIR[canvas.labels[:: self.step, :: self.step, :: self.step]]
        self.air, self.coarse = air.astype(np.float32), self.step * canvas.spacing
        self.sensitivity = self._sensitivity(coil)

    def _sensitivity(self, rng: np.random.Generator) -> np.ndarray:
        """Of the coil, about 1: higher near the skin, uneven, as the prescan left it."""
        amount, uneven = rng.uniform(0.1, 0.6), rng.uniform(0.05, 0.15)
        high = tuple(self.canvas.axes[i][-1] for i in range(3))
        field = smooth_field(rng, tuple(self.canvas.low), high, 130.0)
        size = self.air.shape[::-1]
        deep = gaussian_filter(1 - self.air, 30.0 / self.coarse, mode="nearest")
        gain = np.exp(uneven * on_grid(field, self.canvas.low, self.coarse, size))
        gain *= 1 + amount * (0.7 - deep)
        coarse = sitk.GetImageFromArray(gain.astype(np.float32))
        coarse.SetSpacing([self.coarse] * 3)
        coarse.SetOrigin([float(v) for v in self.canvas.low])
        near = on_grid(coarse, self.canvas.low, self.canvas.spacing, self.canvas.size)
        return np.where(near > 0, near, 1.0).astype(np.float32)  # beyond the last coarse voxel

    def image(
        self, acquisition: Acquisition, table: Columns, rng: np.random.Generator
    ) -> sitk.Image:
        sequence, grid, canvas = acquisition.sequence, acquisition.grid, self.canvas
        mean, fine, patches = (v.astype(np.float32) for v in grains(sequence, table))
        signal = mean[canvas.labels]
        signal += fine[canvas.labels] * self.fine
        signal += patches[canvas.labels] * self.patches
        np.maximum(signal, 0, out=signal)
        signal *= self.sensitivity
        sigma = [max(v / canvas.spacing, 0.45) for v in acquisition.blur_mm[::-1]]
        signal = gaussian_filter(signal, sigma, truncate=3.0)
        transform, squeeze = acquisition.to_canvas, None
        if acquisition.hertz:
            bend, squeeze = self._distortion(acquisition)
            transform = sitk.CompositeTransform([bend, *_parts(acquisition.to_canvas)])
        every = 6.0 if squeeze is None else grid.spacing[1]
        seen = _read(signal, canvas.low, canvas.spacing, grid, transform, every)
        if squeeze is not None:
            piled = _read(squeeze, canvas.low, self.coarse, grid, acquisition.to_canvas)
            seen *= 1 + piled
        real = seen + sequence.noise * _receiver_noise(rng, seen.shape)
        magnitude = np.hypot(real, sequence.noise * _receiver_noise(rng, seen.shape))
        return grid.image(np.round(sequence.gain * magnitude).astype(np.float32))

    def _distortion(self, acquisition: Acquisition) -> tuple[sitk.Transform, np.ndarray]:
        """Where echo-planar voxels find their tissue, and how much more of it they hold."""
        field = field_ppm(self.air, self.air < 0.5, self.coarse)
        shift = shift_mm(field, self.coarse, acquisition.grid.spacing[1], acquisition.hertz)
        vectors = np.zeros((*shift.shape, 3))
        vectors[..., 1] = -shift
        image = sitk.GetImageFromArray(vectors, isVector=True)
        image.SetSpacing([self.coarse] * 3)
        image.SetOrigin([float(v) for v in self.canvas.low])
        slope = np.clip(-np.gradient(shift, self.coarse, axis=1), -0.8, 1.5)
        return sitk.DisplacementFieldTransform(image), slope.astype(np.float32)


def _receiver_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Unit noise of one channel, a little smooth in plane as interpolating scanners leave it."""
    noise = gaussian_filter(rng.standard_normal(shape, np.float32), (0, 0.45, 0.45), truncate=2.5)
    return noise / noise.std()


def _parts(transform: sitk.CompositeTransform) -> list[sitk.Transform]:
    return [transform.GetNthTransform(i) for i in range(transform.GetNumberOfTransforms())]


def _read(
    values: np.ndarray,
    low: np.ndarray,
    spacing: float,
    grid: Grid,
    transform: sitk.Transform,
    every_mm: float = 6.0,
) -> np.ndarray:
    """Values of a canvas on a scanner's grid, linearly, 0 beyond it: float32, (z, y, x).

    Positions are worked out about ``every_mm`` within slices and interpolated in between, which
    is exact to some hundredths of a millimetre for poses and several times faster.
    """
    counts = [max(int(np.ceil((grid.size[i] - 1) * grid.spacing[i] / every_mm)), 1) for i in (0, 1)]
    steps = [(grid.size[i] - 1) / counts[i] for i in (0, 1)]
    field = sitk.TransformToDisplacementField(
        transform, sitk.sitkVectorFloat64, [counts[0] + 1, counts[1] + 1, grid.size[2]],
        list(grid.origin), [grid.spacing[0] * steps[0], grid.spacing[1] * steps[1],
                            grid.spacing[2]], list(grid.direction),
    )  # fmt: skip
    cells = np.stack(
        np.meshgrid(
            np.arange(grid.size[2]),
            np.arange(counts[1] + 1) * steps[1],
            np.arange(counts[0] + 1) * steps[0],
            indexing="ij",
        )[::-1],
        axis=-1,
    )
    points = grid.points(cells.reshape(-1, 3)) + sitk.GetArrayViewFromImage(field).reshape(-1, 3)
    known = ((points - low) / spacing).reshape(cells.shape)
    along_y, along_x = (_weights(grid.size[i], steps[i], counts[i]) for i in (1, 0))
    places = [along_y @ known[..., i].astype(np.float32) @ along_x.T for i in (2, 1, 0)]
    inside = np.ones(places[0].shape, bool)
    for place, n in zip(places, values.shape, strict=True):
        inside &= (place > -1) & (place < n)
    out = np.zeros(inside.shape, np.float32)
    wanted = np.stack([place[inside] for place in places])
    out[inside] = map_coordinates(values, wanted, np.float32, order=1, mode="constant")
    return out


def _weights(n: int, step: float, count: int) -> np.ndarray:
    """Linear interpolation from ``count`` + 1 points, ``step`` pixels apart, to n pixels."""
    place = np.arange(n) / step
    near = np.minimum(place.astype(int), count - 1)
    weights = np.zeros((n, count + 1), np.float32)
    weights[np.arange(n), near] = 1 - (place - near)
    weights[np.arange(n), near + 1] = place - near
    return weights


def _in_view(canvas: Canvas, study: dict[str, Acquisition]) -> Canvas:
    """The canvas cut to what the whole study sees of the body, whichever roles are asked for."""
    low, high = view_box(study)
    first = np.floor((low - canvas.low) / canvas.spacing)
    last = np.ceil((high - canvas.low) / canvas.spacing) + 1
    room = int(np.ceil(10.0 / canvas.spacing))  # of air round the body, where there is some
    for i in range(3):
        a, b = (
            int(np.clip(first[i], 0, canvas.size[i] - 1)),
            int(np.clip(last[i], 1, canvas.size[i])),
        )
        first[i], last[i] = a, max(b, a + 1)
    for i in range(3):
        view = canvas.labels[
            tuple(slice(int(a), int(b)) for a, b in zip(first[::-1], last[::-1], strict=True))
        ]
        body = np.flatnonzero(view.any(axis=tuple(j for j in range(3) if j != 2 - i)))
        if len(body):
            start = first[i]
            first[i] = max(start + body[0] - room, start)
            last[i] = min(start + body[-1] + 1 + room, last[i])
    part = Canvas(tuple(canvas.low), tuple(canvas.low), canvas.spacing)
    part.low = canvas.low + first * canvas.spacing
    part.size = tuple(int(v) for v in last - first)
    part.labels = canvas.labels[
        tuple(slice(int(a), int(b)) for a, b in zip(first[::-1], last[::-1], strict=True))
    ]
    return part
