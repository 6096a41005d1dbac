"""``hnc phantom gallery``: simulated patients in one picture, beside a real PET where there is one.

A patient a row: PET as coronal and sagittal maximum intensity projection, then axial PET and CT at
the tonsils, the larynx and the top of the shoulders. One stretch of the neck, one scale and one
window for all, so that nothing but the uptake itself tells what is simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, resample
from HNCLogic.images.neck import find_region, lateral_centre
from HNCLogic.images.read import read_image
from HNCLogic.phantom.body.landmarks import ORGANS, TONSIL
from HNCLogic.phantom.disease.lesions import flip
from HNCLogic.phantom.patient import SimulatedPatient, simulate
from HNCLogic.progress import Progress

FIRST_SEED = 70000  # beyond those that the honesty gates and the benchmark are frozen on
SUV_WINDOW, HU_WINDOW = (0.0, 7.0), (-160.0, 240.0)
STEP = 2.0  # mm: all are drawn on voxels of that size
WIDE, DEEP, AXIAL = 360.0, 250.0, 250.0  # mm: width and depth of projections, side of slices
LEVELS = ("tonsils", "larynx", "shoulders")
# Heights of these above the lower end of the region that ``find_region`` finds: medians of
# simulated patients, taken where no landmark is known.
USUAL = (178.0, 121.0, 100.0)
BELOW, ABOVE = 100.0, 150.0  # mm below and above the larynx that projections show


@dataclass(frozen=True)
class Exhibit:
    """A patient as hung: images in LPS mm, where to look, and what stands under it."""

    pet: sitk.Image  # SUVbw
    ct: sitk.Image | None
    levels: tuple[float, float, float]  # S, mm, of LEVELS
    middle: tuple[float, float]  # x and y, mm
    caption: str


def gallery(
    out: Path,
    *,
    count: int = 6,
    seed: int = FIRST_SEED,
    real: Path | None = None,
    levels: Sequence[float] | None = None,
    labels: bool = False,
    anatomy: Path | None = None,
    progress: Progress = lambda share, words: None,
) -> None:
    """Simulate ``count`` patients, half of them (or one more) with a tumour, in a drawn order,
    and write the picture as PNG to ``out``.

    ``real``: a PET as DICOM folder or file, hung first; ``levels``: heights of LEVELS in it (S,
    mm), else the usual ones in the region that is found; ``labels``: say which have a tumour;
    ``anatomy``: real CTs with organ masks to take the bodies from.
    Raises InputError for a PET that cannot be read, levels that are not three from above
    downwards, and a file that cannot be written.
    """
    if levels is not None and (len(levels) != 3 or sorted(levels, reverse=True) != list(levels)):
        raise InputError(f"levels are three heights from above downwards: {', '.join(LEVELS)}")
    if count < 1:
        raise InputError(f"a gallery of {count} patients: give at least 1")
    bodies = None
    if anatomy is not None:
        from HNCLogic.phantom.real_ct.real_anatomy import RealAnatomies

        bodies = RealAnatomies(anatomy)
    hung = [] if real is None else [of_real(read_image(real, "PET").image, levels)]
    order = np.random.default_rng(seed).permutation(count)
    for number in range(count):
        progress(number / count, f"patient {number + 1} of {count}")
        patient = simulate(seed + number, bool(order[number] % 2 == 0), anatomy=bodies)
        hung.append(of_simulated(patient, labels))
    try:
        Path(out).write_bytes(picture(hung))
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}") from error


def of_simulated(patient: SimulatedPatient, label: bool = False) -> Exhibit:
    """Levels by the patient's landmarks."""
    words = f"simulated, seed {patient.seed}"
    if label:
        words += ", with tumour" if patient.positive else ", without tumour"
    places = (TONSIL, ORGANS["vocal cord"], ORGANS["thyroid"])
    levels = tuple(
        (patient.landmark(place)[2] + patient.landmark(flip(place, -1))[2]) / 2 for place in places
    )
    return _exhibit(patient.pet, patient.ct, words, levels)


def of_real(pet: sitk.Image, levels: Sequence[float] | None = None) -> Exhibit:
    """``pet``: SUVbw; ``levels`` as in ``gallery``."""
    return _exhibit(pet, None, "real", levels)


def _exhibit(
    pet: sitk.Image, ct: sitk.Image | None, caption: str, levels: Sequence[float] | None
) -> Exhibit:
    region, _ = find_region(pet, ct, None if ct is None else "CT")
    if levels is None:
        levels = [region.inferior_mm + height for height in USUAL]
    heights = tuple(float(level) for level in levels)
    return Exhibit(pet, ct, heights, lateral_centre(pet, region, "PET"), caption)


def picture(hung: Sequence[Exhibit], dpi: int = 100) -> bytes:
    """The gallery as PNG: a row an exhibit, eight panels each, all as near and as dark."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    widths = [WIDE, DEEP, *[AXIAL] * 6]
    wide = 20.0
    high = wide * 0.98 * max(BELOW + ABOVE, AXIAL) / sum(widths) + 0.3
    figure = Figure(figsize=(wide, high * len(hung) + 0.4))
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        len(hung), 8, squeeze=False,
        gridspec_kw={"width_ratios": widths, "wspace": 0.02, "hspace": 0.1, "left": 0.01,
                     "right": 0.99, "bottom": 0.3 / (high * len(hung)),
                     "top": 1 - 0.3 / (high * len(hung))},
    )  # fmt: skip
    for row, exhibit in zip(grid, hung, strict=True):
        for axes, panel in zip(row, _panels(exhibit), strict=True):
            _show(axes, *panel)
        row[0].text(
            0.0, -0.02, exhibit.caption, transform=row[0].transAxes, va="top", fontsize=12
        )  # fmt: skip
    titles = ["PET, coronal projection", "sagittal projection"]
    titles += [f"{name}: {level}" for level in LEVELS for name in ("PET", "CT")]
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title, fontsize=11)
    note = f"SUV {SUV_WINDOW[0]:g} to {SUV_WINDOW[1]:g}, HU {HU_WINDOW[0]:g} to {HU_WINDOW[1]:g}"
    figure.text(0.99, 0.004, note, ha="right", va="bottom", fontsize=10, color="0.35")
    return _png(figure, dpi)


def _panels(exhibit: Exhibit) -> Iterator[tuple[np.ndarray | None, tuple[float, float], str]]:
    """Eight pictures, rows from the head down or from the front back, and their window."""
    x, y = exhibit.middle
    larynx = exhibit.levels[1]
    low = (x - WIDE / 2, y - DEEP / 2, larynx - BELOW)
    block = _read(exhibit.pet, low, (WIDE, DEEP, BELOW + ABOVE), 0.0)
    yield block.max(axis=1)[::-1], SUV_WINDOW, "gray_r"
    yield block.max(axis=2)[::-1], SUV_WINDOW, "gray_r"
    for level in exhibit.levels:
        low = (x - AXIAL / 2, y - AXIAL / 2, level)
        yield _read(exhibit.pet, low, (AXIAL, AXIAL, STEP), 0.0)[0], SUV_WINDOW, "gray_r"
        if exhibit.ct is None:
            yield None, HU_WINDOW, "gray"
        else:
            yield _read(exhibit.ct, low, (AXIAL, AXIAL, STEP), -1000.0)[0], HU_WINDOW, "gray"


def _read(image: sitk.Image, low, extent, outside: float) -> np.ndarray:
    """The box from ``low`` (LPS mm) on voxels of STEP: (z, y, x).

    PET by cubic splines: between voxels of about STEP, linear weights would take noise away here
    and leave it there, in a pattern that no scanner makes.
    """
    size = tuple(max(1, round(v / STEP)) for v in extent)
    grid = Grid(size, (STEP,) * 3, tuple(float(v) for v in low), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    how = sitk.sitkBSpline if outside == 0 else sitk.sitkLinear
    return sitk.GetArrayFromImage(resample(image, grid, outside, how))


def _show(axes: Any, values: np.ndarray | None, window: tuple[float, float], map_: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(values is not None)
        side.set_color("0.8")
    if values is None:
        axes.text(0.5, 0.5, "no CT", ha="center", transform=axes.transAxes, color="0.5")
        return
    axes.imshow(values, cmap=map_, vmin=window[0], vmax=window[1], interpolation="bilinear")
    axes.set_anchor("N")


def _png(figure: Any, dpi: int) -> bytes:
    from io import BytesIO

    held = BytesIO()
    figure.savefig(held, dpi=dpi, format="png", facecolor="white")
    return held.getvalue()
