"""What would make a model's figures worthless: the same image on both sides of a split, and labels
that the scanner's settings give away.

In the data of Liedes et al. 2025 scanner and sequence nearly encode the label; a network that reads
them off is no better than a table of metadata.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.study import Study
from HNCLogic.training.cohort import Scan
from HNCLogic.training.splits import Fold

GIVEN_AWAY = 0.6  # AUC of metadata alone above which a label counts as given away
# Columns of a cohort's table that are metadata; others (a reader's verdict, a subtype) are answers.
METADATA = ("age", "sex", "weight", "height", "scanner", "manufacturer", "model", "sequence",
            "protocol", "contrast", "dose", "uptake_time", "year", "date")  # fmt: skip


@dataclass(frozen=True)
class ScanFacts:
    """What a scan's images are, apart from what they show."""

    patient: str
    label: bool | None
    hashes: frozenset[str]  # of each image as it is
    voxels: frozenset[str]  # of each image's values in whatever order: the same for mirrored copies
    numbers: dict[str, float]
    words: dict[str, str]


def facts_of(scan: Scan, study: Study) -> ScanFacts:
    """Hashes and metadata of the images of ``scan``, which are in ``study``."""
    hashes, voxels, numbers = set(), set(), {}
    for role, image in study.images.items():
        values = sitk.GetArrayViewFromImage(image)
        grid = Grid.of(image)
        digest = hashlib.sha256(np.ascontiguousarray(values))
        digest.update(repr(grid).encode())
        hashes.add(digest.hexdigest())
        voxels.add(hashlib.sha256(np.sort(values, axis=None)).hexdigest())
        ends = grid.points(np.array([[0, 0, 0], np.array(grid.size) - 1]))[:, 2]
        for axis, name in enumerate("xyz"):
            numbers[f"{role} spacing {name}"] = grid.spacing[axis]
            numbers[f"{role} size {name}"] = grid.size[axis]
        numbers[f"{role} lowest"], numbers[f"{role} highest"] = ends.min(), ends.max()
        numbers[f"{role} given"] = 1.0
    words = {"centre": scan.centre}
    for name, value in scan.facts.items():
        if name.lower() not in METADATA or not value:
            continue
        try:
            numbers[name] = float(value)
        except ValueError:
            words[name] = value
    return ScanFacts(scan.patient, scan.label, frozenset(hashes), frozenset(voxels), numbers, words)


def refuse_shared_images(facts: Iterable[ScanFacts], folds: Iterable[Fold]) -> None:
    """Raises InputError where an image stands on two sides of a fold, as it is or mirrored.

    Mirrored and turned copies have the same values in another order: augmentation belongs into
    the training part, after the split.
    """
    facts = list(facts)
    for what, words in (
        ("hashes", "the same image stands under different patients"),
        ("voxels", "an image and a mirrored, turned or shifted copy of it stand under different "
         "patients; augment after the split, never before"),
    ):  # fmt: skip
        owners = defaultdict(set)
        for one in facts:
            for digest in getattr(one, what):
                owners[digest].add(one.patient)
        shared = [patients for patients in owners.values() if len(patients) > 1]
        for number, fold in enumerate(folds, start=1):
            parts = (fold.train, fold.validation, fold.test)
            parted = sum(sum(bool(p & part) for part in parts) > 1 for p in shared)
            if parted:
                raise InputError(
                    f"{words}, in different parts of fold {number} ({parted} times): give such "
                    "patients one name, or leave the copies out"
                )


def metadata_auc(facts: Sequence[ScanFacts], seed: int = 0, repeats: int = 5) -> float:
    """How well everything but the images' content tells the label: AUC, cross-validated.

    Logistic regression on spacing, size, extent, centre and all further columns; patients are
    kept whole. Mean over ``repeats`` divisions. Raises ValueError where a label is missing, only
    one is there, or patients are too few to divide.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if any(one.label is None for one in facts):
        raise ValueError("every scan needs a label")
    label = np.array([one.label for one in facts])
    if label.all() or not label.any():
        raise ValueError("labels of both kinds are needed")
    table = _table(facts)
    patients = [one.patient for one in facts]
    parts = min(5, len({p for p, y in zip(patients, label, strict=True) if y}),
                len({p for p, y in zip(patients, label, strict=True) if not y}))  # fmt: skip
    if parts < 2:
        raise ValueError("two patients with and two without cancer are needed")
    values = []
    for repeat in range(repeats):
        splitter = StratifiedGroupKFold(parts, shuffle=True, random_state=seed + repeat)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        cuts = list(splitter.split(table, label, patients))
        if any(len(set(label[train])) < 2 for train, _ in cuts):
            continue  # so few patients that a part took all of one label: nothing can be learnt
        told = cross_val_predict(model, table, label, cv=cuts, method="predict_proba")[:, 1]
        # Each part has a model of its own, so parts are compared within themselves.
        each = [
            roc_auc_score(label[test], told[test]) for _, test in cuts if 0 < label[test].mean() < 1
        ]
        values += [float(np.mean(each))] if each else []
    if not values:
        raise ValueError("too few patients to divide")
    return float(np.mean(values))


def _table(facts: Sequence[ScanFacts]) -> np.ndarray:
    """Numbers as they are (missing: the mean, and a column that says so), words one by one."""
    columns = []
    for name in sorted({n for one in facts for n in one.numbers}):
        column = np.array([one.numbers.get(name, np.nan) for one in facts], float)
        absent = ~np.isfinite(column)
        if absent.any():
            columns.append(absent.astype(float))
            column[absent] = column[~absent].mean() if not absent.all() else 0.0
        columns.append(column)
    for name in sorted({n for one in facts for n in one.words}):
        said = [one.words.get(name, "") for one in facts]
        different = sorted(set(said))
        if len(different) < len(facts):  # else a name, which tells nothing of others
            columns += [np.array([s == value for s in said], float) for value in different]
    return np.stack(columns, axis=1)


def refuse_given_away(auc: float, accepted: bool) -> str:
    """The sentence for the log. Raises InputError for an ``auc`` over 0.6 that is not accepted."""
    words = f"metadata alone (centre, grids, columns) tells the label with an AUC of {auc:.2f}"
    if auc <= GIVEN_AWAY:
        return words
    if accepted:
        return f"{words}: accepted; what a model learns here may be the scanner and not the disease"
    raise InputError(
        f"{words}: a model could learn the scanner instead of the disease. Balance the cohort, or "
        "accept it with --accept-metadata"
    )
