"""FDG uptake of a patient's healthy tissues, in SUVbw, with what physiology adds to it.

Means and their sources are in ``tissues.py``. Tonsils and sublingual glands take up less with age
(Nakamoto et al., Radiology 2005); ranges are the benchmark's, the rest plausible figures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation, binary_erosion, find_objects

from HNCLogic.phantom.body.landmarks import BROWN_FAT, Point
from HNCLogic.phantom.body.noise import on_grid, smooth_field
from HNCLogic.phantom.body.shapes import Canvas, ellipsoid
from HNCLogic.phantom.body.tissues import LABEL, NAMES, TISSUES, only

BRAIN = ("grey matter", "white matter", "deep grey", "cerebellum", "brainstem")
FALL_WITH_AGE = {"tonsil": 0.010, "sublingual": 0.008}  # share lost in a year after 60
RANGE = {"grey matter": (8, 14), "deep grey": (8, 14), "white matter": (3, 5), "vessel": (1.5, 2),
         "muscle": (0.6, 1), "tonsil": (1.8, 6.8), "masticator": (0.5, 6),
         "neck muscle": (0.5, 6), "myocardium": (0.8, 14)}  # fmt: skip
EVEN = 0.12  # how uneven a tissue is within one patient: standard deviation as a share
UNEVEN = {"tonsil": 0.32, "lingual tonsil": 0.25, "adenoid": 0.25, "soft palate": 0.22,
          "mucosa": 0.25, "parotid": 0.25, "submandibular": 0.22, "sublingual": 0.22, "tongue": 0.2,
          "myocardium": 0.25, "larynx": 0.2, "grey matter": 0.1, "muscle": 0.18,
          "neck muscle": 0.18, "masticator": 0.18, "marrow": 0.2, "soft": 0.25, "fat": 0.4,
          "skin": 0.3, "thyroid": 0.18, "concha": 0.25, "cord": 0.35}  # fmt: skip
FINE_MM, WIDE_MM, WIDE = 9.0, 30.0, 0.6  # grain of the unevenness; the wide one's share
FACE_MM = (2.0, 10.0)  # depth of the lips and the muscles of expression under the surface
FACE = (1.9, 0.25, (1.0, 3.0))  # SUV of lips and chin: median, spread of the logarithm, range
CHEEK = 0.4  # of these, the share left at the side of the face
LINING_MM = 4.0  # round tongue and teeth: mucosa, gums and what is in saliva
LINING = (2.3, 0.25, (1.2, 3.5))  # its SUV, as FACE
CERVICAL_MM = 130.0  # length of the cervical cord
# mm from its upper end; uptake, relative
CORD = ((0, 50, 100, 130, 160, 220), (1.0, 1.15, 0.95, 0.65, 0.45, 0.4))
BENEATH_TONGUE_MM = 12.0  # how much lower than the tongue the chin lies
ACTIVE = 0.15  # share of patients who spoke, chewed or were tense after the injection
ACTIVE_SUV = {"masticator": (2, 6), "neck muscle": (2, 3), "eye muscle": (3, 6),
              "vocal cord": (2.5, 5), "tongue": (2, 3.5)}  # fmt: skip
BROWN = 0.1  # share of patients with active brown fat
LUMPY = 0.5  # how uneven that is, as EVEN


@dataclass(frozen=True)
class Uptake:
    """SUV of each tissue for one patient; (256,) float32, indexed by label."""

    left: np.ndarray
    right: np.ndarray
    tip: float = 0.0  # how much more than its middle the tip of the tongue takes up, as a share
    base: float = 0.0  # the same for its base
    speech: float = 0.0  # the same for the back of the larynx, where the cords are moved
    face: float = 0.0  # SUV of lips and chin
    lining: float = 0.0  # SUV of the mucosa round tongue and teeth


def draw_uptake(rng: np.random.Generator, age: float) -> Uptake:
    """One patient's uptake: tissues vary on their own, the brain and the body also as a whole.

    ``age`` in years: tonsils and sublingual glands take up less with it.
    """
    body, brain = np.exp(0.06 * rng.standard_normal()), np.exp(0.08 * rng.standard_normal())
    left, right = np.zeros(256, np.float32), np.zeros(256, np.float32)
    for name in NAMES:
        index, tissue = LABEL[name], TISSUES[name]
        # The logarithm is centred so that the mean, not the median, is the table's.
        spread = tissue.suv_spread
        own = np.exp(spread * np.clip(rng.standard_normal(), -2, 2) - spread**2 / 2)
        tilt = np.exp(tissue.asymmetry * np.clip(rng.standard_normal(), -2, 2))
        whole = brain if name in BRAIN else body
        value = tissue.suv * own * whole * (1 - FALL_WITH_AGE.get(name, 0) * (age - 60))
        low, high = RANGE.get(name, (0, np.inf))
        left[index], right[index] = np.clip([value * tilt**0.5, value / tilt**0.5], low, high)
    active = rng.random() < ACTIVE
    name = str(rng.choice(list(ACTIVE_SUV)))
    suv, sides = rng.uniform(*ACTIVE_SUV[name]), rng.permutation([0, 1])[: rng.integers(1, 3)]
    if active:
        for side in (0, 1) if name == "tongue" else sides:
            values = (left, right)[side]
            values[LABEL[name]] = max(suv, values[LABEL[name]])
    tip, base, speech = rng.uniform(0, 0.7), rng.uniform(0, 0.7), rng.exponential(0.35)
    face, lining = (
        float(np.clip(median * np.exp(spread * of.standard_normal()), *limits))
        for (median, spread, limits), of in ((FACE, rng), (LINING, rng.spawn(1)[0]))
    )
    return Uptake(left, right, float(tip), float(base), float(min(speech, 1.5)), face, lining)


def unevenness(rng: np.random.Generator, canvas: Canvas) -> np.ndarray:
    """The ``texture`` of ``activity``: float32, (z, y, x), of two grains.

    The wide one makes one muscle differ from its neighbour, as it does in patients.
    """
    fine = smooth_field(rng, tuple(canvas.low), tuple(canvas.high), FINE_MM)
    wide = smooth_field(rng, tuple(canvas.low), tuple(canvas.high), WIDE_MM)
    both = np.sqrt(1 - WIDE**2) * sitk.GetArrayViewFromImage(fine)
    low, step = np.array(fine.GetOrigin()), fine.GetSpacing()[0]
    both = both + WIDE * on_grid(wide, low, step, fine.GetSize())
    mixed = sitk.GetImageFromArray(both.astype(np.float32))
    mixed.CopyInformation(fine)
    return on_grid(mixed, canvas.low, canvas.spacing, canvas.size)


def activity(canvas: Canvas, uptake: Uptake, texture: np.ndarray) -> np.ndarray:
    """SUVbw on the canvas: float32, axes (z, y, x).

    ``texture``: noise of mean 0 and variance 1 on the canvas, see ``unevenness``, which makes
    organs uneven: most by 12 to 25 %, tonsils and fat the most.
    """
    boxes = find_objects(canvas.labels)
    middle = int(np.searchsorted(canvas.axes[0], _midline(canvas, boxes)))
    suv = np.empty(canvas.labels.shape, np.float32)
    suv[..., :middle] = uptake.right[canvas.labels[..., :middle]]
    suv[..., middle:] = uptake.left[canvas.labels[..., middle:]]
    amount = np.full(256, EVEN, np.float32)
    for name, share in UNEVEN.items():
        if name in LABEL:
            amount[LABEL[name]] = share
    uneven = np.clip(texture, -3, 3)
    uneven *= amount[canvas.labels]
    uneven += 1
    suv *= np.maximum(uneven, 0.2, out=uneven)
    _along(canvas, suv, boxes, ("tongue",), uptake.tip, uptake.base)
    _along(canvas, suv, boxes, ("larynx", "vocal cord"), 0.0, uptake.speech)
    _fade_cord(canvas, suv, boxes)
    _add_face(canvas, suv, boxes, uptake.face, texture)
    _add_lining(canvas, suv, boxes, uptake.lining, texture)
    return suv


def _box(boxes: list, *names: str) -> tuple[slice, ...] | None:
    """The box (z, y, x) that holds tissues; ``boxes``: of each label from 1, None where it has no
    voxel, as ``find_objects`` gives them. None where there are none of them."""
    labels = [LABEL[name] for name in names]
    held = [boxes[n - 1] for n in labels if n <= len(boxes) and boxes[n - 1] is not None]
    if not held:
        return None
    return tuple(
        slice(min(box[i].start for box in held), max(box[i].stop for box in held)) for i in range(3)
    )


def _fade_cord(canvas: Canvas, suv: np.ndarray, boxes: list) -> None:
    """The cervical cord takes up most in its middle, the thoracic cord less; changes ``suv``.

    The table's figure is the mean of the cervical one.
    """
    box = _box(boxes, "cord")
    if box is None:
        return
    inside = canvas.labels[box] == LABEL["cord"]
    z = np.nonzero(inside)[0]
    down = (z.max() - z) * canvas.spacing
    gain = np.interp(down, *CORD)
    suv[box][inside] *= (gain / gain[down <= CERVICAL_MM].mean()).astype(np.float32)


def _add_face(
    canvas: Canvas, suv: np.ndarray, boxes: list, face: float, texture: np.ndarray
) -> None:
    """Lips, nose, chin and the thin muscles of expression, which no mask shows; changes ``suv``.

    They lie in the fat close under the skin, from the chin to the nose, and take up less from the
    front of the face to the ramus of the mandible.
    """
    tongue, concha = _box(boxes, "tongue"), _box(boxes, "concha")
    if tongue is None or concha is None or not face:
        return
    bottom = max(int(tongue[0].start - BENEATH_TONGUE_MM / canvas.spacing), 0)
    box = (slice(bottom, concha[0].stop), slice(0, tongue[1].stop - 1))
    labels = canvas.labels[box]
    inside = labels != LABEL["outside"]
    first, last = (max(1, round(depth / canvas.spacing)) for depth in FACE_MM)
    # Beyond the box's other sides the body goes on.
    layer = binary_erosion(inside, iterations=first, border_value=1)
    layer &= ~binary_erosion(inside, iterations=last, border_value=1)
    layer &= only("fat", "soft", "muscle", "skin", "cartilage")[labels]
    y = np.nonzero(layer)[1]
    if not len(y):
        return
    share = np.interp(y, (np.percentile(y, 2), inside.shape[1]), (1, CHEEK))
    patchy = 1 + 0.35 * np.clip(texture[box][layer], -2, 2)
    here = suv[box]
    here[layer] = np.maximum(here[layer], face * share * patchy)


def _add_lining(
    canvas: Canvas, suv: np.ndarray, boxes: list, lining: float, texture: np.ndarray
) -> None:
    """The mucosa of the mouth, a ring round the tongue and along the teeth; changes ``suv``.

    Beside and before the tongue's upper part only: beneath it lie the sublingual glands.
    """
    box = _box(boxes, "tongue", "teeth")
    if box is None or not lining:
        return
    reach = round(LINING_MM / canvas.spacing)
    rows, columns = (slice(max(cut.start - reach, 0), cut.stop + reach) for cut in box[1:])
    box = (slice(box[0].start + (box[0].stop - box[0].start) * 2 // 5, box[0].stop), rows, columns)
    labels = canvas.labels[box]
    in_slice = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], bool)
    layer = binary_dilation(only("tongue", "teeth")[labels], in_slice, reach)
    layer &= only("airway", "fat", "soft", "muscle")[labels]
    patchy = 1 + 0.25 * np.clip(texture[box][layer], -2, 2)
    here = suv[box]
    here[layer] = np.maximum(here[layer], lining * patchy)


def _midline(canvas: Canvas, boxes: list) -> float:
    """x of the spinal cord, mm: parts left from right, also where a real body lies askew."""
    box = _box(boxes, "cord")
    if box is None:
        return 0.0
    held = (canvas.labels[box] == LABEL["cord"]).any(axis=(0, 1))
    return float(canvas.axes[0][box[2]][held].mean())


def _along(canvas: Canvas, suv: np.ndarray, boxes: list, names, front: float, back: float) -> None:
    """More uptake at the front and the back of an organ, the mean kept; changes ``suv``."""
    box = _box(boxes, *names)
    if box is None:
        return
    inside = only(*names)[canvas.labels[box]]
    y = np.nonzero(inside)[1]
    low, middle, high = np.percentile(y, (2, 50, 98))
    place = np.interp(y, (low, middle, max(high, middle + 1)), (-1, 0, 1))
    gain = 1 + np.where(place < 0, front, back) * place**2
    suv[box][inside] *= (gain / gain.mean()).astype(np.float32)


def add_brown_fat(
    rng: np.random.Generator,
    canvas: Canvas,
    suv: np.ndarray,
    place: Callable[[Point], np.ndarray] = np.asarray,
    texture: np.ndarray | None = None,
) -> bool:
    """In one patient of ten, active brown fat on both sides of the lower neck; changes ``suv``.

    ``place``: where a position of the atlas lies on the canvas, see ``anatomy.Anatomy``;
    ``texture`` as in ``activity``: brown fat is lumpy, and strands of it lie in ordinary fat.
    """
    present = rng.random() < BROWN
    strength = float(np.clip(np.exp(rng.normal(np.log(4), 0.5)), 2, 15))
    fat = only("fat", "soft")
    for x, y, z in BROWN_FAT:
        for side in (-1, 1):
            centre = place((side * x, y, z)) + 4 * rng.standard_normal(3)
            share = rng.uniform(0.5, 1)
            if not present:
                continue
            cuts, inside = canvas.inside(ellipsoid(centre, (17, 8, 11), roughness=5))
            inside = inside & fat[canvas.labels[cuts]]
            lumps = np.float32(1)
            if texture is not None:
                lumps = np.clip(1 + LUMPY * texture[cuts][inside], 0.1, 1.9)
            suv[cuts][inside] = np.maximum(strength * share * lumps, suv[cuts][inside])
            canvas.labels[cuts][inside] = LABEL["brown fat"]
    return bool(present)
