"""Makes the first models that ship, one for each of methods 1 and 3.

    python -m HNCLogic.training.first_models presence --sarcoma FOLDER --out RUN
    python -m HNCLogic.training.first_models volume --sarcoma FOLDER --out RUN

Simulated patients are made on the spot; ``--sarcoma`` is a folder of real patients with
``PET_image``, ``CT_image`` and ``PET_mask`` each (PET in SUV). The patients in ``HELD_OUT`` are
never trained on, never validated on: ``python -m HNCLogic.training.held_out`` scores them.
A fold that lies finished in the run's folder is not trained again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.images.study import Study
from HNCLogic.methods import presence, tumour_volume
from HNCLogic.training import samples
from HNCLogic.training.loop import (
    dice_and_cross_entropy,
    equitable_threshold,
    focal_loss,
    stratified_folds,
    train_fold,
)

HELD_OUT = ("STS_002", "STS_010", "STS_019", "STS_028", "STS_035")
FOLDS = 5
SEED = 20260
PRESENCE_NETWORK = {"in_channels": 1, "entry_filters": 12, "filters": [24, 48], "dense": 96}
VOLUME_NETWORK = {"in_channels": 2, "classes": 3, "widths": [8, 16, 24, 32, 40]}
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


def train_presence(gathered, fold: int, epochs: int, say) -> tuple[dict, dict]:
    """Weights and figures of one fold of method 1."""
    import torch

    from HNCLogic.inference.windows import window_starts
    from HNCLogic.networks.registry import make

    rng = np.random.default_rng(SEED + fold)
    torch.manual_seed(SEED + fold)
    train_names, validation_names = folds_of(gathered)[fold - 1]
    train = [s for s in gathered if s.patient in train_names]
    validation = [s for s in gathered if s.patient in validation_names]
    preparation = presence.Preparation()
    heights = [float(np.median(s.tumour_slices)) / s.values.shape[1] for s in train if s.positive]

    def batches():
        order = rng.permutation(np.repeat(np.arange(len(train)), 2))
        for chosen in np.array_split(order, len(order) // 8):
            values, labels = [], []
            for index in chosen:
                sample = train[index]
                start = samples.window_start(sample, preparation.window, heights, rng)
                window = samples.cut(sample.values, start, preparation.window).astype(np.float32)
                mask = samples.cut(sample.truth, start, preparation.window)
                window, mask = samples.augmented(window, mask, rng, turns=True)
                values.append(window)
                labels.append(float(mask.any()))
            yield np.stack(values), np.array(labels, dtype=np.float32)

    def patient_probability(network, sample) -> float:
        depth, length = sample.values.shape[1], preparation.window
        starts = window_starts(depth, length, preparation.stride)
        windows = np.stack([samples.cut(sample.values, s, length) for s in starts])
        with torch.autocast("cpu", enabled=False):
            logits = network(torch.from_numpy(windows.astype(np.float32)))
        return float(torch.sigmoid(logits.float()).mean())

    def validate(network) -> float:
        from sklearn.metrics import roc_auc_score

        truth = [s.positive for s in validation]
        return float(roc_auc_score(truth, [patient_probability(network, s) for s in validation]))

    network = make("presence", PRESENCE_NETWORK)
    steps = len(np.array_split(np.arange(2 * len(train)), 2 * len(train) // 8))
    course = train_fold(
        network,
        batches,
        lambda out, truth: focal_loss(out[:, 0], truth),
        validate,
        epochs=epochs,
        steps=steps,
        learning_rate=2e-3,
        say=say,
    )
    network.load_state_dict(course.state)
    network.eval()
    with torch.inference_mode():
        probabilities = [patient_probability(network, s) for s in validation]
    positive = [s.positive for s in validation]
    figures = {
        "auc": course.score,
        "epoch": course.epoch,
        "threshold": equitable_threshold(np.array(probabilities), np.array(positive)),
        "patients": [
            {"patient": s.patient, "real": s.real, "positive": s.positive, "probability": p}
            for s, p in zip(validation, probabilities, strict=True)
        ],
    }
    return course.state, figures


def train_volume(gathered, fold: int, epochs: int, say) -> tuple[dict, dict]:
    """Weights and figures of one fold of method 3."""
    import torch

    from HNCLogic.inference.windows import window_starts
    from HNCLogic.networks.registry import make

    rng = np.random.default_rng(SEED + fold)
    torch.manual_seed(SEED + fold)
    train_names, validation_names = folds_of(gathered)[fold - 1]
    train = [s for s in gathered if s.patient in train_names]
    tumours = [s for s in gathered if s.patient in validation_names and s.positive]
    validation = sorted(tumours, key=lambda s: not s.real)[:VALIDATED]  # the few real ones first
    length = tumour_volume.Preparation().patch_slices
    real = [i for i, s in enumerate(train) if s.real]
    heights = [0.5]

    def batches():
        # Real patients are few: each is seen three times as often.
        for index in rng.permutation(list(range(len(train))) + real * 2):
            sample = train[index]
            depth = max(sample.values.shape[1] - length, 0)
            if sample.positive and rng.random() < 0.75:
                start = samples.window_start(sample, length, heights, rng)
            else:
                start = int(rng.integers(depth + 1))
            patch = samples.cut(sample.values, start, length).astype(np.float32)
            classes = samples.cut(sample.truth, start, length)
            patch, classes = samples.augmented(patch, classes, rng, turns=False)
            if rng.random() < CT_MISSING:
                patch[1] = 0
            yield patch[None], classes[None].astype(np.int64)

    def validate(network) -> float:
        overlap, size = np.zeros(2), np.zeros(2)
        for sample in validation:
            for start in window_starts(max(sample.values.shape[1], length), length, length):
                values = samples.cut(sample.values, start, length).astype(np.float32)
                classes = torch.from_numpy(samples.cut(sample.truth, start, length).copy())
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    logits = network(torch.from_numpy(values)[None])
                probability = torch.softmax(logits.float(), dim=1)[0]
                for kind in (1, 2):
                    truth = (classes == kind).float()
                    overlap[kind - 1] += 2 * float((probability[kind] * truth).sum())
                    size[kind - 1] += float(probability[kind].sum() + truth.sum())
        return float(np.mean((overlap + 1) / (size + 1)))

    network = make("attention-unet", VOLUME_NETWORK)
    course = train_fold(
        network,
        batches,
        dice_and_cross_entropy,
        validate,
        epochs=epochs,
        steps=len(train) + 2 * len(real),
        learning_rate=3e-3,
        say=say,
    )
    return course.state, {"soft_dice": course.score, "epoch": course.epoch, "scores": course.scores}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=("presence", "volume"))
    parser.add_argument("--sarcoma", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=150, help="simulated patients")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    import torch
    from safetensors.torch import save_file

    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.time()

    def say(words: str) -> None:
        print(f"{time.time() - began:7.0f} s  {words}", flush=True)

    gathered = gather(options.method, options.sarcoma, options.patients, say)
    settings = {
        "simulated": options.patients,
        "real": len({s.patient for s in gathered if s.real}),
        "epochs": options.epochs,
    }
    (options.out / "settings.json").write_text(json.dumps(settings))
    train = {"presence": train_presence, "volume": train_volume}[options.method]
    for fold in range(1, FOLDS + 1):
        weights = options.out / f"fold-{fold}.safetensors"
        if weights.exists():
            continue
        fold_began = time.time()
        state, figures = train(
            gathered, fold, options.epochs, lambda words, fold=fold: say(f"fold {fold} {words}")
        )
        figures["seconds"] = time.time() - fold_began
        (options.out / f"fold-{fold}.json").write_text(json.dumps(figures, indent=1))
        save_file(state, weights)


if __name__ == "__main__":
    main()
