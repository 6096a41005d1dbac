"""Harmless uptake that looks like a tumour: in negatives after treatment, and in positives too.

Its hottest spot lies where tumours sit and is as hot as theirs (``matching.py``). What tells it
from a tumour is what tells a reader: it keeps to its organ or runs along the mucosa, comes on both
sides, and makes no mass in the CT. SUVmean of inflammation 2.5 to 6 and of an active tonsil 2.5
to 6.8 are the benchmark's; an SUVmax is about 1.6 times that. The frequencies are plausible
figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from HNCLogic.phantom.body.landmarks import NODAL_LEVELS, ORGANS, PRIMARY_SITES, TONSIL, Point
from HNCLogic.phantom.disease.lesions import SITES, Lesion, flip, lesion_at, lognormal, radius
from HNCLogic.phantom.disease.matching import Heat

MUCOSAL = ("mucosa", "tonsil", "lingual tonsil", "soft palate", "adenoid", "concha", "larynx",
           "vocal cord")  # fmt: skip
NEAR_MUCOSA = (*MUCOSAL, "tongue", "soft", "muscle", "fat", "cartilage", "sublingual")
JAW = ("bone", "marrow", "teeth", "soft", "muscle", "masticator", "mucosa")
MUSCLES = ("masticator", "neck muscle", "muscle")
KINDS = ("inflammation", "active tonsil", "reactive node", "asymmetric gland", "active muscle",
         "vocal cord", "thyroid focus", "parotid focus")  # fmt: skip


class LookAlike(NamedTuple):
    kind: str  # one of KINDS
    organ: str  # in landmarks.ORGANS, "tonsil", or "" for the sites of primaries
    within: tuple[str, ...]
    ratio: Point  # of the radii; for the sites of primaries a factor on theirs
    ml: float  # median volume
    spread: float  # of the volume's logarithm
    suv: tuple[float, float]  # SUVmax, range
    often: tuple[float, float]  # chance in a negative and in a positive, beside the hottest


LOOK_ALIKES = {
    # Along the mucosa, as after radiotherapy.
    "mucositis": LookAlike("inflammation", "", MUCOSAL, (1.5, 0.9, 1.6), 9, 0.6, (3.6, 9.6),
                           (0.3, 0.28)),
    # A focus, as an ulcer or abscess.
    "focus": LookAlike("inflammation", "", NEAR_MUCOSA, (1, 1, 1), 8, 0.8, (3.6, 9.6),
                       (0.22, 0.22)),
    "osteoradionecrosis": LookAlike("inflammation", "mandible", JAW, (0.7, 1.7, 0.9), 6, 0.6,
                                    (3.6, 9.6), (0.08, 0.06)),
    "dental infection": LookAlike("inflammation", "molar", JAW, (0.9, 1.1, 1), 1.5, 0.5,
                                  (3.2, 8), (0.18, 0.18)),
    "active tonsil": LookAlike("active tonsil", "tonsil", ("tonsil",), (0.8, 1, 1.6), 3, 0.4,
                               (3.8, 10.5), (0.25, 0.25)),
    "vocal cord": LookAlike("vocal cord", "vocal cord", ("vocal cord", "larynx"),
                            (0.7, 1.9, 0.7), 1.8, 0.4, (3, 9), (0.12, 0.12)),
    "thyroid": LookAlike("thyroid focus", "thyroid", ("thyroid",), (0.9, 0.9, 1.3), 3, 0.6,
                         (3, 15), (0.06, 0.06)),
    "parotid": LookAlike("parotid focus", "parotid", ("parotid",), (1, 1, 1.2), 3, 0.6,
                         (4, 18), (0.05, 0.05)),
    "asymmetric parotid": LookAlike("asymmetric gland", "parotid", ("parotid",), (0.8, 1, 1.5),
                                    22, 0.3, (3, 6), (0.12, 0.12)),
    "submandibular": LookAlike("asymmetric gland", "submandibular", ("submandibular",),
                               (0.9, 1.3, 1.1), 8, 0.3, (3.2, 8), (0.2, 0.2)),
    "sublingual": LookAlike("asymmetric gland", "sublingual", ("sublingual",), (0.6, 1.7, 0.7),
                            3, 0.3, (3.4, 8), (0.12, 0.12)),
    "masseter": LookAlike("active muscle", "masseter", MUSCLES, (0.5, 1.1, 1.8), 12, 0.4,
                          (3, 8), (0.05, 0.05)),
    "pterygoid": LookAlike("active muscle", "pterygoid", MUSCLES, (0.6, 1, 1.4), 6, 0.4,
                           (3, 9), (0.06, 0.06)),
    "sternomastoid": LookAlike("active muscle", "sternomastoid", MUSCLES, (0.7, 1, 2.4), 9, 0.4,
                               (3, 7), (0.05, 0.05)),
    "longus colli": LookAlike("active muscle", "longus colli", MUSCLES, (1.1, 0.8, 2.4), 4, 0.4,
                              (3, 7), (0.04, 0.04)),
}  # fmt: skip
# What the hottest spot of a negative is, by the site a tumour would have had.
INSTEAD = {
    "oropharynx": {"focus": 0.34, "active tonsil": 0.27, "mucositis": 0.23, "pterygoid": 0.03,
                   "submandibular": 0.1, "parotid": 0.03},
    "larynx": {"focus": 0.45, "vocal cord": 0.3, "thyroid": 0.15, "mucositis": 0.1},
    "hypopharynx": {"focus": 0.6, "mucositis": 0.4},
    "oral cavity": {"osteoradionecrosis": 0.35, "focus": 0.3, "dental infection": 0.2,
                    "sublingual": 0.15},
    "nasopharynx": {"focus": 0.5, "mucositis": 0.5},
}  # fmt: skip
# Sites of the hottest one: as primaries', so that its height tells nothing.
LEAD_SITES = {"oropharynx": 0.62, "larynx": 0.16, "hypopharynx": 0.1, "oral cavity": 0.07,
              "nasopharynx": 0.05}  # fmt: skip
BOTH_SIDES = {"mucositis": 0.6, "active tonsil": 0.3, "submandibular": 0.2, "sublingual": 0.3,
              "masseter": 0.3, "pterygoid": 0.3, "thyroid": 0.3, "longus colli": 0.5}  # fmt: skip
CLEAR_MM = 8.0  # farther than one blur's width
RIVAL = 0.95  # share of positives with a look-alike as hot as the tumour, or hotter
TRIES = 20  # at a place for it
SECOND = (0.85, 0.8)  # share of negatives and positives with a second one, nearly as hot


def draw_harmless(
    rng: np.random.Generator, *, positive: bool, heat: Heat, malignant: Sequence[Lesion] = ()
) -> list[Lesion]:
    """What looks like a tumour and is none; never hotter than the ranges above allow.

    The first is as hot as ``heat`` says, in negatives and, beside the tumour, in most positives
    alike; where its kind's range ends below, it is left there or, in half of the cases, drawn from
    those that get as hot. It keeps away from ``malignant``: were it left out beside a tumour,
    positives would come out less hot than their negatives.
    """
    hottest = heat.tumour
    lead, extras, nodes = (np.random.default_rng(rng.integers(2**63)) for _ in range(3))
    rival = lead.random() < RIVAL
    second, share = lead.random() < SECOND[int(positive)], lead.uniform(0.7, 1)
    first = _hottest_apart(lead, heat.look_alike, malignant)
    other = _hottest_apart(lead, hottest * share, malignant)
    found = [first] if rival or not positive else []
    if second:
        found.append(other)
    for name, what in LOOK_ALIKES.items():
        own = np.random.default_rng(extras.integers(2**63))
        there = own.random() < what.often[int(positive)]
        site = str(own.choice(list(SITES), p=list(SITES.values())))
        top = max(min(what.suv[1], 0.9 * hottest), 2.5)
        drawn = _draw(own, name, site, own.uniform(min(what.suv[0], top), top))
        if there:
            found.append(drawn)
        if there and own.random() < BOTH_SIDES.get(name, 0):
            found.append(_mirrored(drawn, own))
    return found + _reactive_nodes(nodes, positive, hottest)


def _hottest_apart(rng: np.random.Generator, aim: float, malignant: Sequence[Lesion]) -> Lesion:
    """One that stays where tumours are about; after ``TRIES`` one that may have to go."""
    for _ in range(TRIES):
        found = _hottest(rng, aim)
        if apart([found], malignant):
            break
    return found


def _hottest(rng: np.random.Generator, aim: float) -> Lesion:
    site = str(rng.choice(list(LEAD_SITES), p=list(LEAD_SITES.values())))
    shares = INSTEAD[site]
    name = str(rng.choice(list(shares), p=list(shares.values())))
    swap, hotter = rng.random() < 0.7, str(rng.choice(["parotid", "thyroid"], p=[0.6, 0.4]))
    if aim > 1.1 * LOOK_ALIKES[name].suv[1] and swap:
        name = hotter
    low, high = LOOK_ALIKES[name].suv
    return _draw(rng, name, site, float(np.clip(aim, min(low, 4), high * rng.uniform(1, 1.1))))


def _draw(rng: np.random.Generator, name: str, site: str, suv: float) -> Lesion:
    what, side = LOOK_ALIKES[name], int(rng.choice([-1, 1]))
    place, ratio, scatter = ORGANS.get(what.organ, TONSIL), np.asarray(what.ratio), 1.5
    spots = PRIMARY_SITES[site]
    spot = spots[int(rng.integers(len(spots)))]
    if not what.organ:
        place, ratio, scatter = spot.place, ratio * spot.ratio, 3.0
    ratio = ratio * np.exp(0.12 * rng.standard_normal(3))
    volume = lognormal(rng, what.ml, what.spread, 0.5, 40)
    return lesion_at(
        rng, what.kind, what.organ or site, flip(place, side), ratio, scatter, volume, suv, False,
        what.within,
    )  # fmt: skip


def apart(harmless: Sequence[Lesion], malignant: Sequence[Lesion]) -> list[Lesion]:
    """The look-alikes that would not run into a tumour; those that would change sides, or go.

    For positions in atlas space: a PET could not show where the one ends and the other begins.
    """
    kept = []
    for lesion in harmless:
        x, y, z = lesion.centre
        across = {"left": "right", "right": "left"}.get(lesion.side, lesion.side)
        for one in (lesion, replace(lesion, side=across, centre=(-x, y, z))):
            if all(_gap(one, other) > CLEAR_MM for other in malignant):
                kept.append(one)
                break
    return kept


def _gap(one: Lesion, other: Lesion) -> float:
    """Between the surfaces, taken for spheres, mm."""
    between = float(np.linalg.norm(np.subtract(one.centre, other.centre)))
    return between - radius(one.volume_ml) - radius(other.volume_ml)


def _mirrored(lesion: Lesion, rng: np.random.Generator) -> Lesion:
    """The same on the other side, a little less hot and of its own shape."""
    x, y, z = lesion.centre
    sides = {"left": "right", "right": "left"}
    return replace(
        lesion, side=sides.get(lesion.side, lesion.side), centre=(-x, y, z),
        suv_max=lesion.suv_max * rng.uniform(0.75, 1), seed=int(rng.integers(2**31)),
    )  # fmt: skip


def _reactive_nodes(rng: np.random.Generator, positive: bool, hottest: float) -> list[Lesion]:
    """Small ones in pairs, on both sides; now and then a single larger one."""
    shares = {"II": 0.55, "Ib": 0.2, "III": 0.15, "V": 0.1}
    found = []
    for _ in range(2):
        own = np.random.default_rng(rng.integers(2**63))
        there = own.random() < (0.35 if positive else 0.5)
        level = str(own.choice(list(shares), p=list(shares.values())))
        larger = own.random() < 0.25
        suv = own.uniform(2.4, 5.5) if larger else own.uniform(1.8, 4)
        median = 2.0 if larger else 0.7
        for side in own.permutation([-1, 1])[: 1 if larger else 2]:
            volume = lognormal(own, median, 0.4, 0.25, 5)
            where, own_suv = flip(NODAL_LEVELS[level], int(side)), suv * own.uniform(0.85, 1.15)
            node = lesion_at(own, "reactive node", level, where, (0.7, 0.8, 1.5), 4.0, volume,
                             min(own_suv, 0.9 * hottest))  # fmt: skip
            if there:
                found.append(node)
    return found
