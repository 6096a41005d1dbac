"""Makes the first models that ship, one for each of methods 1 and 3.

    python -m HNCLogic.training.first_models presence --sarcoma FOLDER --out RUN
    python -m HNCLogic.training.first_models tumour-volume --sarcoma FOLDER --out RUN

All folds start from one network that was trained on further simulated patients, who are in no
fold: it saves most of the time. Simulated patients are made on the spot; ``--sarcoma`` is a
folder of real patients with ``PET_image``, ``CT_image`` and ``PET_mask`` each (PET in SUV). The
patients in ``HELD_OUT`` are never trained on, never validated on:
``python -m HNCLogic.training.held_out`` scores them. A fold that lies finished in the run's
folder is not trained again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.study import Study
from HNCLogic.methods import presence, tumour_volume
from HNCLogic.training import samples
from HNCLogic.training.loop import bf16_here, stratified_folds, train_fold
from HNCLogic.training.losses import dice_and_cross_entropy
from HNCLogic.training.thresholds import equitable_threshold

HELD_OUT = ("STS_002", "STS_010", "STS_019", "STS_028", "STS_035")
FOLDS = 5
LEAST_PATIENTS = 10  # one with and one without tumour in every fold
SEED = 20260
PRESENCE_NETWORK = {"in_channels": 1, "entry_filters": 8, "filters": [16, 32], "dense": 64}
VOLUME_NETWORK = {"in_channels": 2, "classes": 3, "widths": [8, 16, 24, 32, 40]}
PATCH = (16, 32, 32)  # voxels z, y, x of a training patch of method 1, 64 x 128 x 128 mm
PATCHES = 8  # in a batch
VALIDATED = 14  # patients with tumour a fold of method 3 is validated on, to save time
CT_MISSING = 0.3  # share of volume training patches whose CT is left out


def sarcoma_study(folder: Path) -> tuple[Study, sitk.Image]:
    """A real patient's PET (SUV) and CT, and the contour on the PET's grid as primary."""
    read = lambda name: sitk.ReadImage(str(folder / f"{name}.nii.gz"))  # noqa: E731
    pet, ct, mask = read("PET_image"), read("CT_image"), read("PET_mask")
    images = {"PET": sitk.Cast(pet, sitk.sitkFloat32), "CT": sitk.Cast(ct, sitk.sitkFloat32)}
    return Study(images), sitk.Cast(mask > 0, sitk.sitkUInt8)


def painted_out(pet: sitk.Image, mask: sitk.Image, rng: np.random.Generator) -> sitk.Image:
    """``pet`` with the tumour replaced by what lies around it, blurred in, and noise.

    Makes a tumour-free twin of a real patient, so that looking real does not mean cancer.
    What it shows at the tumour's place is simulated.
    """
    from scipy.ndimage import binary_dilation, gaussian_filter

    values = sitk.GetArrayFromImage(pet)
    spacing = pet.GetSpacing()[::-1]
    tumour = sitk.GetArrayFromImage(mask) > 0
    hidden = binary_dilation(tumour, iterations=2)
    shown = (~hidden).astype(np.float32)
    sigma = [12.0 / s for s in spacing]
    weight = gaussian_filter(shown, sigma)
    for _ in range(6):  # wider and wider until every hidden voxel has seen something
        if weight[hidden].min() > 1e-3:
            break
        sigma = [s * 1.5 for s in sigma]
        weight = gaussian_filter(shown, sigma)
    calm = np.minimum(values, np.percentile(values[~hidden], 97))
    filled = gaussian_filter(calm * shown, sigma) / np.maximum(weight, 1e-6)
    grain = gaussian_filter(rng.normal(size=values.shape), 0.8)
    filled *= 1 + 0.12 * grain / grain.std()
    soft = gaussian_filter(hidden.astype(np.float32), 0.7)
    out = sitk.GetImageFromArray((values * (1 - soft) + filled * soft).astype(np.float32))
    out.CopyInformation(pet)
    return out


def gather(method: str, sarcoma: Path | None, count: int, say) -> list[samples.Sample]:
    """All training samples of a method: simulated patients, then the real ones."""
    from HNCLogic.phantom.patient import simulate

    gathered: list[samples.Sample] = []
    for number in range(count):
        patient = simulate(SEED + number, positive=number % 2 == 0)
        study = Study({"PET": patient.pet, "CT": patient.ct})
        name = f"simulated-{number}"
        gathered.append(_sample(method, name, study, patient.truth, real=False))
        if number % 20 == 19:
            say(f"{number + 1} of {count} simulated patients made")
    folders = sorted(p for p in sarcoma.iterdir() if p.is_dir()) if sarcoma else []
    rng = np.random.default_rng(SEED)
    for folder in folders:
        if folder.name in HELD_OUT:
            continue
        study, mask = sarcoma_study(folder)
        gathered.append(_sample(method, folder.name, study, mask, real=True))
        if method == "presence":
            twin = Study({"PET": painted_out(study.pet, mask, rng)})
            gathered.append(_sample(method, folder.name, twin, mask * 0, real=True))
    say(f"{len(gathered)} samples, {sum(s.real for s in gathered)} of them of real patients")
    return gathered


def gathered_once(path: Path, make) -> list[samples.Sample]:
    """What ``make`` gathers, kept in ``path`` (.npz) for when the run is taken up again."""
    if path.exists():
        with np.load(path) as kept:
            facts = json.loads(str(kept["facts"]))
            return [
                samples.Sample(values=kept[f"v{i}"], truth=kept[f"t{i}"], **each)
                for i, each in enumerate(facts)
            ]
    gathered = make()
    facts = [{"patient": s.patient, "positive": s.positive, "real": s.real} for s in gathered]
    arrays = {f"v{i}": s.values for i, s in enumerate(gathered)}
    arrays |= {f"t{i}": s.truth for i, s in enumerate(gathered)}
    np.savez(path, facts=json.dumps(facts), **arrays)
    return gathered


def _sample(method: str, name: str, study: Study, truth: sitk.Image, real: bool) -> samples.Sample:
    if method == "presence":
        alone = Study({"PET": study.pet})
        return samples.presence_sample(
            name, alone, truth, presence.Preparation(), ["PET"], real=real
        )
    return samples.volume_sample(name, study, truth, tumour_volume.Preparation(), real=real)


def folds_of(gathered: list[samples.Sample]) -> list[tuple[set[str], set[str]]]:
    """Five pairs of (training, validation) patient names; a real patient's twin goes with it."""
    strata: dict[str, str] = {}
    for sample in gathered:
        strata.setdefault(sample.patient, "real" if sample.real else f"sim {sample.positive}")
    return stratified_folds(list(strata.items()), FOLDS, SEED)


def train_presence(train, validation, start, seed: int, epochs: int, say) -> tuple[dict, dict]:
    """Weights and figures of one network of method 1; ``start`` are weights to begin with."""
    import torch

    from HNCLogic.inference.windows import window_starts
    from HNCLogic.networks.registry import make
    from HNCLogic.training.guided import Guided, fit_head, pooled_channel, tumour_channel_loss

    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    preparation = presence.Preparation()
    tumours = [s for s in train if s.positive]
    steps = max(len(train) * 4 // PATCHES, 1)

    def batches():
        for _ in range(steps):
            values, truth = [], []
            for number in range(PATCHES):
                sample = tumours[rng.integers(len(tumours))] if number % 2 else None
                sample = sample or train[rng.integers(len(train))]
                window, mask = samples.hot_patch(sample, PATCH, rng, on_tumour=bool(number % 2))
                window, mask = samples.augmented(window, mask, rng, turns=True)
                values.append(window)
                truth.append(mask > 0)
            yield np.stack(values), np.stack(truth).astype(np.float32)

    def windows_of(sample) -> tuple[np.ndarray, list[bool]]:
        length = preparation.window
        starts = window_starts(sample.values.shape[1], length, preparation.stride)
        cuts = [samples.cut(sample.values, first, length) for first in starts]
        marked = [bool(samples.cut(sample.truth, first, length).any()) for first in starts]
        return np.stack(cuts), marked

    def validate(guided) -> float:
        from sklearn.metrics import roc_auc_score

        most = [pooled_channel(guided.network, windows_of(s)[0]).max() for s in validation]
        return float(roc_auc_score([s.positive for s in validation], most))

    network = make("presence", PRESENCE_NETWORK)
    guided = Guided(network)
    if start is not None:
        guided.load_state_dict(start)
    course = train_fold(
        guided,
        batches,
        tumour_channel_loss,
        validate,
        epochs=epochs,
        steps=steps,
        learning_rate=3e-3 if start is None else 2e-4,
        say=say,
        keep_start=start is not None,
    )
    guided.load_state_dict(course.state)
    if start is None:
        return course.state, {}
    pooled, labels = [], []
    for sample in train:
        windows, marked = windows_of(sample)
        for value, tumour in zip(pooled_channel(network, windows), marked, strict=True):
            if tumour or not sample.positive:  # a positive's windows beside the tumour are neither
                pooled.append(value)
                labels.append(tumour)
    fit_head(network, np.array(pooled), np.array(labels), seed)
    probabilities = []
    with torch.inference_mode():
        for sample in validation:
            windows = torch.from_numpy(windows_of(sample)[0].astype(np.float32))
            probabilities.append(float(torch.sigmoid(network(windows).double()).mean()))
    state = {name: values.contiguous() for name, values in network.state_dict().items()}
    return state, _figures(validation, probabilities, course.epoch)


def _figures(validation, probabilities: list[float], epoch: int) -> dict:
    """AUC, threshold and every validation patient's probability."""
    from sklearn.metrics import roc_auc_score

    positive = [s.positive for s in validation]
    simulated = [i for i, s in enumerate(validation) if not s.real]
    return {
        "auc": float(roc_auc_score(positive, probabilities)),
        "auc_simulated": float(
            roc_auc_score([positive[i] for i in simulated], [probabilities[i] for i in simulated])
        ),
        "epoch": epoch,
        "threshold": equitable_threshold(np.array(probabilities), np.array(positive)),
        "patients": [
            {"patient": s.patient, "real": s.real, "positive": s.positive, "probability": p}
            for s, p in zip(validation, probabilities, strict=True)
        ],
    }


def train_volume(train, validation, start, seed: int, epochs: int, say) -> tuple[dict, dict]:
    """Weights and figures of one network of method 3; ``start`` are weights to begin with."""
    import torch

    from HNCLogic.inference.windows import window_starts
    from HNCLogic.networks.registry import make

    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    tumours = [s for s in validation if s.positive]
    validation = sorted(tumours, key=lambda s: not s.real)[:VALIDATED]  # the few real ones first
    length = tumour_volume.Preparation().patch_slices
    real = [i for i, s in enumerate(train) if s.real]
    tumour = [i for i, s in enumerate(train) if s.positive and start is None]
    seen = [*range(len(train)), *real * 2, *tumour]  # the base sees tumours twice as often
    heights = [0.5]

    def batches():
        # Real patients are few: each is seen three times as often.
        for index in rng.permutation(seen):
            sample = train[index]
            depth = max(sample.values.shape[1] - length, 0)
            if sample.positive and rng.random() < 0.75:
                first = samples.window_start(sample, length, heights, rng)
            else:
                first = int(rng.integers(depth + 1))
            patch = samples.cut(sample.values, first, length).astype(np.float32)
            classes = samples.cut(sample.truth, first, length)
            patch, classes = samples.augmented(patch, classes, rng, turns=False)
            if rng.random() < CT_MISSING:
                patch[1] = 0
            yield patch[None], classes[None].astype(np.int64)

    def validate(network) -> float:
        overlap, size = np.zeros(2), np.zeros(2)
        for sample in validation:
            for first in window_starts(max(sample.values.shape[1], length), length, length):
                values = samples.cut(sample.values, first, length).astype(np.float32)
                classes = torch.from_numpy(samples.cut(sample.truth, first, length).copy())
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16_here()):
                    logits = network(torch.from_numpy(values)[None])
                probability = torch.softmax(logits.float(), dim=1)[0]
                for kind in (1, 2):
                    truth = (classes == kind).float()
                    overlap[kind - 1] += 2 * float((probability[kind] * truth).sum())
                    size[kind - 1] += float(probability[kind].sum() + truth.sum())
        return float(np.mean((overlap + 1) / (size + 1)))

    network = make("attention-unet", VOLUME_NETWORK)
    if start is not None:
        network.load_state_dict(start)
    else:
        with torch.no_grad():  # begin with what is true nearly everywhere: background
            network.head.bias.copy_(torch.tensor([0.0, -5.0, -6.0]))
    course = train_fold(
        network,
        batches,
        partial(dice_and_cross_entropy, lesion_weight=10.0 if start is None else 1.0),
        validate,
        epochs=epochs,
        steps=len(seen),
        learning_rate=3e-3 if start is None else 1e-3,
        say=say,
        keep_start=start is not None,
    )
    return course.state, {"soft_dice": course.score, "epoch": course.epoch, "scores": course.scores}


@dataclass(frozen=True)
class Settings:
    """What a run is made with; written to ``settings.json`` in its folder."""

    method: Literal["presence", "tumour-volume"]
    sarcoma: Path | None = None  # folder of real patients
    base: int = 60  # simulated patients the common start is trained on
    patients: int = 60  # simulated patients in folds
    base_epochs: int = 8
    epochs: int = 3
    threads: int = 1

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"no method {self.method} to train: choose {' or '.join(METHODS)}")
        if self.sarcoma is not None and not self.sarcoma.is_dir():
            raise InputError(f"{self.sarcoma}: no such folder of patients")
        if self.patients < LEAST_PATIENTS and self.sarcoma is None:
            raise InputError(
                f"{self.patients} patients are too few for {FOLDS} folds: {LEAST_PATIENTS} or more"
            )
        if self.base and self.base < LEAST_PATIENTS:
            raise InputError(f"{self.base} patients are too few to start with: 0, or 10 or more")


def train_models(settings: Settings, out: Path, say: Callable[[str], None]) -> None:
    """Train a method's folds into the folder ``out``, which is made, or taken up again.

    Raises InputError where ``out`` cannot be a run's folder or is one of other settings.
    """
    import torch
    from safetensors.torch import load_file, save_file

    _take_up(settings, out)
    torch.set_num_threads(settings.threads)
    gathered = gathered_once(
        out / "samples.npz",
        lambda: gather(settings.method, settings.sarcoma, settings.base + settings.patients, say),
    )
    further = {f"simulated-{number}" for number in range(settings.base)}
    base = [s for s in gathered if s.patient in further]
    folded = [s for s in gathered if s.patient not in further]
    train = METHODS[settings.method]
    start = None
    if base:
        start_file = out / "base.safetensors"
        if not start_file.exists():
            cut = len(base) * 5 // 6 // 2 * 2  # the last sixth tells the best epoch
            state, _ = train(
                base[:cut], base[cut:], None, SEED, settings.base_epochs, lambda w: say(f"base {w}")
            )
            save_file(state, start_file)
        start = load_file(start_file)
    for fold, (train_names, validation_names) in enumerate(folds_of(folded), start=1):
        weights = out / f"fold-{fold}.safetensors"
        if weights.exists():
            continue
        fold_began = time.time()
        state, figures = train(
            [s for s in folded if s.patient in train_names],
            [s for s in folded if s.patient in validation_names],
            start,
            SEED + fold,
            settings.epochs,
            lambda words, fold=fold: say(f"fold {fold} {words}"),
        )
        figures["seconds"] = time.time() - fold_began
        (out / f"fold-{fold}.json").write_text(json.dumps(figures, indent=1))
        save_file(state, weights)


def _take_up(settings: Settings, out: Path) -> None:
    """Make the run's folder, or see that it holds a run of the same settings."""
    chosen = asdict(settings) | {"sarcoma": settings.sarcoma and str(settings.sarcoma)}
    del chosen["threads"]  # changes nothing but the time it takes
    note = out / "settings.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if note.exists():
            if json.loads(note.read_text(encoding="utf-8")) != chosen:
                raise InputError(f"{out} holds a run of other settings: give another folder")
        elif any(out.iterdir()):
            raise InputError(f"{out} is not empty and holds no run: give another folder")
        else:
            note.write_text(json.dumps(chosen, indent=1), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out} cannot hold a run: {error.strerror.lower()}") from error


METHODS = {"presence": train_presence, "tumour-volume": train_volume}


def main() -> None:
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=list(METHODS))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sarcoma", type=Path)
    for name in ("base", "patients", "base_epochs", "epochs", "threads"):
        default = getattr(Settings, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    options = vars(parser.parse_args())
    out = options.pop("out")
    train_models(Settings(**options), out, print)


if __name__ == "__main__":
    main()
