"""The verdict that comes with a run of tumour volume: is there cancer, by how much is outlined.

Ours. Each fold's network sees its test patients, whom it never saw, window by window as method 1
does. From the volume of tumour that it expects in the fullest one, a logistic regression makes the
patient's probability; the thresholds are chosen as method 1 chooses them. What is written is a
model of method 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.job import Aggregation
from HNCLogic.methods import presence, tumour_volume
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.run_folder import VERDICT, VERDICT_OUT_OF_FOLD
from HNCLogic.training.splits import Fold
from HNCLogic.training.verdicts import Verdicts

if TYPE_CHECKING:
    import torch

    from HNCLogic.training.run import Order

LEAST_ML = 1.0  # added before the logarithm: a tenth of it more or less says nothing
AGGREGATION: Aggregation = "max"
CHOSEN_ON = "test patients of each fold, on all of whom two numbers of a regression were chosen"


@dataclass
class Windows:
    """Of one scan, by the network of its fold: inferior window first."""

    scan: Prepared
    fold: int  # from 1
    volume_ml: np.ndarray  # expected tumour, (window,)


def preparation_of(volume: tumour_volume.Preparation) -> presence.Preparation:
    """How method 1 brings a study to the voxels of a network of tumour volume."""
    step = volume.spacing_mm
    return presence.Preparation(
        field_mm=volume.pixels * step,
        pixels=volume.pixels,
        own_slices_mm=(step, step),
        slice_mm=step,
        suv_window=volume.suv_window,
        ct_window=volume.ct_window,
        window=volume.patch_slices,
        stride=stride_of(volume),
    )


def stride_of(volume: tumour_volume.Preparation) -> int:
    """Slices between windows: half a window, as method 1 has it."""
    return volume.patch_slices // 2


def windows_of(
    network: torch.nn.Module, scan: Prepared, fold: int, volume: tumour_volume.Preparation
) -> Windows:
    """What ``network``, an AttentionUNet, expects in the windows of ``scan``."""
    import torch

    from HNCLogic.inference.backends import choose_backend
    from HNCLogic.inference.windows import pad_to, window_starts

    length = volume.patch_slices
    run = choose_backend("torch", "quick", network).ready(network)
    side = (length, *scan.values.shape[2:])
    values, _ = pad_to(np.asarray(scan.values, np.float32), side, 0.0)
    found = []
    for start in window_starts(values.shape[1], length, stride_of(volume)):
        here = slice(start, start + length)
        given = torch.from_numpy(np.ascontiguousarray(values[None, :, here]))
        found.append(float(run(given).softmax(dim=1)[:, 1:].sum()))
    return Windows(scan, fold, np.array(found) * voxel_ml(volume))


def voxel_ml(volume: tumour_volume.Preparation) -> float:
    """Of the network's own cubes, ml."""
    return volume.spacing_mm**3 / 1000


def regression(windows: Sequence[Windows]) -> tuple[float, float]:
    """Slope and offset of the log-odds of cancer against log(ml + LEAST_ML) of the window that
    holds most.

    Raises ValueError where all scans are of one label.
    """
    from sklearn.linear_model import LogisticRegression

    volumes = np.array([one.volume_ml.max() for one in windows])
    cancer = [one.scan.label for one in windows]
    fitted = LogisticRegression().fit(np.log(volumes + LEAST_ML)[:, None], cancer)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def write_verdict(
    order: Order,
    card: dict[str, Any],
    volume: tumour_volume.Preparation,
    windows: Sequence[Windows],
    folds: Sequence[Fold],
    states: Sequence[dict[str, torch.Tensor]],
    say: Callable[[str], None],
) -> None:
    """Writes the model folder VERDICT beside that of ``card``, the tumour-volume model's.

    Nothing, and says so, where a fold's test patients are all with cancer, or all without, and
    where the networks outline no more in those with cancer.
    """
    from HNCLogic.inference.aggregation import aggregate
    from HNCLogic.models.writing import write_model

    if any({one.scan.label for one in windows if one.fold == n + 1} != {True, False}
           for n in range(len(folds))):  # fmt: skip
        say("no verdict by outlines: each fold needs test patients with and without cancer")
        return
    slope, offset = regression(windows)
    if slope <= 0:
        say("no verdict by outlines: no more is outlined in patients with cancer than in others")
        return
    verdicts = Verdicts(CHOSEN_ON)
    for number in range(1, len(folds) + 1):
        own = [one for one in windows if one.fold == number]
        odds = [offset + slope * np.log(one.volume_ml + LEAST_ML) for one in own]
        said = [aggregate(1 / (1 + np.exp(-x)), AGGREGATION, 0.5).probability for x in odds]
        verdicts.add([one.scan for one in own], said)
    figures = verdicts.written(order.out, say, VERDICT_OUT_OF_FOLD, of="verdict by outlines: ")
    regressed = {
        "voxel_ml": voxel_ml(volume),
        "least_ml": LEAST_ML,
        "slope": slope,
        "offset": offset,
    }
    network = {
        "name": "outline-presence",
        "arguments": card["network"]["arguments"] | regressed,
    }
    fields = card | {
        "name": f"{card['name']}-verdict",
        "method": "presence",
        "network": network,
        "preprocessing": preparation_of(volume).model_dump(mode="json"),
        "classes": ["cancer"],
        "threshold": verdicts.threshold,
        "aggregation": AGGREGATION,
        "metrics": figures,
        "defaults_taken": [
            *card["defaults_taken"],
            f"the verdict's probability: a logistic function of {offset:.3f} and {slope:.3f} times "
            f"the natural logarithm of the tumour volume expected in the window that holds most, "
            f"in ml, {LEAST_ML} ml added",
        ],
    }
    write_model(order.out / VERDICT, fields, states)
    say(f"{order.out / VERDICT}: the model of the verdict")
