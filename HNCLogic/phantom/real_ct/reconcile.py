"""What a real CT and its organ masks say of the tissue, where the bent atlas says something else.

Air, fat, soft tissue and bone are by CT number; which soft tissue it is, the atlas says, where the
CT allows it, and the nearest of its tissues that fit where it does not.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from HNCLogic.phantom.body.tissues import LABEL, only
from HNCLogic.phantom.real_ct.real_cases import ORGANS

# HU. The bounds of fat leave out the skin and the walls of airways, where a voxel of 4 mm holds
# both air and tissue; marrow is below the bound of bone and is known by the atlas.
AIR, FAT_LOW, FAT, FLUID, MARROW, BONE, CORTEX, ENAMEL = -300, -160, -25, 20, 70, 150, 380, 1300
OUTSIDE, GAS, LIPID, SOFT, BRAIN, HARD = range(6)  # kinds of tissue

BRAIN_ONLY = ("grey matter", "white matter", "deep grey", "cerebellum")
HOT = only("tonsil", "lingual tonsil", "soft palate", "adenoid", "vocal cord", "sublingual",
           "concha", "eye muscle", "submandibular", "thyroid")  # fmt: skip
BONES = only("bone", "marrow", "teeth", "mastoid", "cartilage", "disc")
NEAR, FAR = 4.0, 13.0  # mm: how far small active organs, and all others, reach for their own


def _allowed() -> np.ndarray:
    """Which label may stand in which kind: bool (6, 256)."""
    table = np.zeros((6, 256), bool)
    table[OUTSIDE] = only("outside")
    table[GAS] = only("airway", "lung", "mastoid")
    table[LIPID] = only("fat", "brown fat", "mastoid", "marrow")
    table[HARD] = only("bone", "marrow", "teeth", "mastoid", "cartilage", "disc")
    cerebral = only(*BRAIN_ONLY)
    lifeless = only("outside", "airway", "lung", "fat", "brown fat", "skin", "teeth", "bone",
                    "marrow")  # fmt: skip
    known = np.zeros(256, bool)
    known[list(LABEL.values())] = True
    table[SOFT] = known & ~cerebral & ~lifeless & ~only("parotid")  # parotids are in the masks
    table[BRAIN] = cerebral | only("brainstem", "csf")
    return table


ALLOWED = _allowed()


def reconciled(
    atlas: np.ndarray, hu: np.ndarray, body: np.ndarray, organs: np.ndarray, spacing: float,
    lung_top: int,
) -> np.ndarray:  # fmt: skip
    """Tissue labels where a CT is known: uint8, axes (z, y, x), as all arguments.

    ``atlas``: labels of the bent atlas; ``hu``; ``body``: skin and all inside; ``organs``: see
    ``real_cases.ORGANS``; ``spacing`` in mm; ``lung_top``: slice below which air that the atlas
    does not know is lung.
    """
    kind = _kinds(atlas, hu, body, spacing)
    # Grey and white matter are brighter than the fluid round them.
    atlas = np.where((kind == BRAIN) & (hu > FLUID) & (atlas == LABEL["csf"]), 0, atlas)
    labels = _spread(atlas, kind, spacing)
    _fill(labels, kind, hu, lung_top)
    _refine_bone(labels, kind, hu)
    _paint_organs(labels, kind, hu, organs, spacing)
    rim = body & ~ndimage.binary_erosion(body, np.ones((1, 3, 3), bool), border_value=1)
    labels[rim & (kind != HARD) & ~only("parotid")[labels]] = LABEL["skin"]
    return labels


def _kinds(atlas: np.ndarray, hu: np.ndarray, body: np.ndarray, spacing: float) -> np.ndarray:
    kind = np.full(hu.shape, SOFT, np.uint8)
    kind[(hu > FAT_LOW) & (hu < FAT)] = LIPID
    kind[hu < AIR] = GAS
    bony = BONES[atlas]
    kind[(hu > BONE) | (bony & (hu > MARROW))] = HARD
    # Iodine in vessels: bright, yet far from bone.
    bright = (hu > BONE) & (hu < 600) & ~bony
    if bright.any():
        core = _grown(hu > 450, max(round(5 / spacing), 1))
        kind[bright & ~core & ~only(*BRAIN_ONLY)[atlas]] = SOFT
    inside = _within_skull(atlas, kind, spacing)
    kind[inside] = BRAIN
    kind[~body] = OUTSIDE
    return kind


def _grown(mask: np.ndarray, times: int) -> np.ndarray:
    return ndimage.binary_dilation(mask, iterations=times) if mask.any() else mask


def _within_skull(atlas: np.ndarray, kind: np.ndarray, spacing: float) -> np.ndarray:
    """The brain's room: grown from the bent atlas's brain as far as the real skull lets it."""
    room = np.zeros(atlas.shape, bool)
    brain = only(*BRAIN_ONLY, "csf", "brainstem")[atlas]
    cerebral = only(*BRAIN_ONLY)[atlas]
    levels = np.nonzero(cerebral.any(axis=(1, 2)))[0]
    if not len(levels):
        return room
    steps = max(round(7.5 / spacing), 1)
    where = ndimage.find_objects(cerebral.view(np.uint8))[0]
    cut = tuple(
        slice(max(s.start - 2 * steps, 0), min(s.stop + 2 * steps, n))
        for s, n in zip(where, atlas.shape, strict=True)
    )
    lowest = levels[0] - cut[0].start
    free = (kind[cut] == SOFT) | (kind[cut] == LIPID)
    own = brain[cut].copy()
    own[:lowest] = False  # the spinal canal is no brain
    seed = ndimage.binary_erosion(own, iterations=steps, border_value=1) & free
    # As the crow flies no further than the atlas allows by a little, and never through bone.
    grown = ndimage.binary_dilation(seed, iterations=2 * steps, mask=free)
    if lowest > 0:
        grown[:lowest] = False
    room[cut] = ndimage.binary_closing(grown, iterations=1) & free | grown
    return room


def _spread(atlas: np.ndarray, kind: np.ndarray, spacing: float) -> np.ndarray:
    """``atlas`` where its labels fit; elsewhere, from the neighbours inwards, those that do.

    0 where none within ``FAR`` does.
    """
    padded = np.pad(atlas, 1)
    kinds = np.pad(kind, 1).ravel()
    flat = padded.ravel()  # a view
    fits = ALLOWED[kinds, flat]
    flat[~fits] = 0
    wanting = np.flatnonzero(~fits & (kinds != OUTSIDE) & (kinds != LIPID))
    steps = (1, -1, padded.shape[2], -padded.shape[2], padded.shape[1] * padded.shape[2],
             -padded.shape[1] * padded.shape[2])  # fmt: skip
    for turn in range(max(round(FAR / spacing), 1)):
        if not len(wanting):
            break
        found = np.zeros(len(wanting), np.uint8)
        own = kinds[wanting]
        for step in steps:
            there = flat[wanting + step]
            good = (found == 0) & (there > 0) & ALLOWED[own, there]
            if (turn + 1) * spacing > NEAR:
                good &= ~HOT[there]
            found[good] = there[good]
        flat[wanting] = found
        wanting = wanting[found == 0]
    return padded[1:-1, 1:-1, 1:-1].copy()


def _fill(labels: np.ndarray, kind: np.ndarray, hu: np.ndarray, lung_top: int) -> None:
    """What no tissue of the atlas reaches: by CT number alone; changes ``labels``."""
    empty = labels == 0
    labels[empty & (kind == LIPID)] = LABEL["fat"]
    labels[empty & (kind == SOFT)] = LABEL["soft"]
    labels[empty & (kind == SOFT) & (hu > 35)] = LABEL["muscle"]
    labels[empty & (kind == BRAIN)] = LABEL["white matter"]
    labels[empty & (kind == HARD)] = LABEL["bone"]
    labels[empty & (kind == GAS)] = LABEL["airway"]
    low = slice(None, max(lung_top, 0))
    labels[low][empty[low] & (kind[low] == GAS) & (hu[low] > -940)] = LABEL["lung"]


def _refine_bone(labels: np.ndarray, kind: np.ndarray, hu: np.ndarray) -> None:
    hard = (kind == HARD) & only("bone", "marrow", "teeth")[labels]
    teeth = hard & (labels == LABEL["teeth"]) & (hu > ENAMEL)
    labels[hard] = np.where(hu[hard] > CORTEX, LABEL["bone"], LABEL["marrow"])
    labels[teeth] = LABEL["teeth"]


def _paint_organs(
    labels: np.ndarray, kind: np.ndarray, hu: np.ndarray, organs: np.ndarray, spacing: float
) -> None:
    """The organs that were drawn take the place of the atlas's; changes ``labels``."""
    alive = (kind != GAS) & (kind != OUTSIDE)
    glands = (organs == ORGANS["left parotid"]) | (organs == ORGANS["right parotid"])
    labels[glands & alive & (hu < 350)] = LABEL["parotid"]

    own = organs == ORGANS["larynx"]
    voice = only("larynx", "cartilage", "vocal cord", "mucosa", "airway", "bone", "marrow")
    labels[own & alive & ~voice[labels]] = LABEL["larynx"]

    own = organs == ORGANS["oesophagus"]
    if own.any():
        _instead(labels, own & alive & (hu < 250), own, "oesophagus", "soft")
    own = organs == ORGANS["brainstem"]
    if own.any():
        within = own & (kind != HARD) & alive
        _instead(labels, within, own, "brainstem", "csf", near=own, reach=12 / spacing)
    own = organs == ORGANS["cord"]
    if own.any():
        within = own & alive & (hu < 200)
        canal = _grown(own, max(round(4 / spacing), 1)) & (kind == SOFT)
        rows = own.any(axis=(1, 2))
        labels[(labels == LABEL["csf"]) & (kind == SOFT) & rows[:, None, None]] = LABEL["soft"]
        _instead(labels, within, own, "cord", "soft")
        labels[canal & ~within] = LABEL["csf"]
    own = organs == ORGANS["mandible"]
    jaw = own & (hu > BONE) & (labels != LABEL["teeth"])
    labels[jaw] = np.where(hu[jaw] > CORTEX, LABEL["bone"], LABEL["marrow"])


def _instead(labels, within, own, name, other, near=None, reach=0.0) -> None:
    """``name`` within the mask, and ``other`` where the atlas had it in the same slices.

    ``near``, ``reach`` (voxels): only within that distance of the mask's box.
    """
    rows = own.any(axis=(1, 2))
    old = (labels == LABEL[name]) & rows[:, None, None] & ~within
    if near is not None:
        for axis, keep in ((1, (0, 2)), (2, (0, 1))):
            seen = np.nonzero(near.any(axis=keep))[0]
            index = np.arange(labels.shape[axis])
            good = (index >= seen[0] - reach) & (index <= seen[-1] + reach)
            old &= np.expand_dims(good, tuple(i for i in range(3) if i != axis))
    labels[old] = LABEL[other]
    labels[within] = LABEL[name]
