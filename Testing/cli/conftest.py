"""What the command-line tests share: tiny models, a small patient on disk, and a way to run."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))

PRESENCE = {"in_channels": 1, "entry_filters": 2, "filters": [2, 4], "dense": 4}
SLOW = {"in_channels": 1, "entry_filters": 8, "filters": [8, 16], "dense": 4}
VOLUME = {"in_channels": 2, "classes": 3, "widths": [2, 4, 8], "heads": 2, "patch": [16, 32, 32]}
WORDS = {
    "version": "0.1",
    "training": {"words": "nothing: random weights, for tests"},
    "intended_use": "Tests.",
    "licence": "Apache-2.0",
}


def presence_card(name: str, arguments: dict, **preprocessing) -> dict:
    return {
        **WORDS,
        "name": name,
        "method": "presence",
        "network": {"name": "presence", "arguments": arguments},
        "inputs": [{"role": "PET"}],
        "preprocessing": preprocessing,
        "classes": ["cancer"],
        "threshold": {"value": 0.5, "chosen_by": "hand"},
        "aggregation": "mean",
    }


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> dict[str, Path]:
    """Model folders of random weights.

    Of both methods, two folds each, and ``slow``: one of method 1 that takes a minute, its many
    folds large enough to be stopped half-way.
    """
    import torch

    from HNCLogic.models.writing import write_model
    from HNCLogic.networks.registry import make

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models")

    def states(name, arguments):
        return [make(name, arguments).state_dict() for _ in range(2)]

    presence = presence_card("tiny-presence", PRESENCE, pixels=16, window=8, stride=4)
    volume = {
        **WORDS,
        "name": "tiny-volume",
        "method": "tumour-volume",
        "network": {"name": "attention-unet", "arguments": VOLUME},
        "inputs": [{"role": "PET"}, {"role": "CT", "required": False}],
        "preprocessing": {"spacing_mm": 6.0, "pixels": 32, "patch_slices": 16, "stride": 8},
        "classes": ["background", "primary", "node"],
    }
    slow = presence_card("slow-presence", SLOW, pixels=64, window=16, stride=1)
    write_model(folder / "tiny-presence", presence, states("presence", PRESENCE))
    write_model(folder / "tiny-volume", volume, states("attention-unet", VOLUME))
    write_model(folder / "slow-presence", slow, states("presence", SLOW) * 30)
    return {
        "presence": folder / "tiny-presence",
        "volume": folder / "tiny-volume",
        "slow": folder / "slow-presence",
    }


@dataclass
class Patient:
    pet: Path
    ct: Path
    mask: Path
    lesion_ras: tuple[float, float, float]


def body(shape=(40, 32, 32), spacing=(5.0, 5.0, 6.0), origin=(-77.5, -70.0, 300.0)):
    """A cylinder of SUV 1 with one hot ball of SUV 8 on the patient's left; PET, CT, mask."""
    z, y, x = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij")
    inside = (x - 15.5) ** 2 + (y - 15.5) ** 2 < 13**2
    ball = ((x - 20) * 5.0) ** 2 + ((y - 15) * 5.0) ** 2 + ((z - 20) * 6.0) ** 2 < 14**2
    noise = np.random.default_rng(0).normal(0, 0.05, shape)
    pet = np.where(ball, 8.0, np.where(inside, 1.0, 0.0)) + np.abs(noise) * inside
    ct = np.where(inside, 40.0, -1000.0)
    images = []
    for array, kind in ((pet, np.float32), (ct, np.float32), (ball, np.uint8)):
        image = sitk.GetImageFromArray(array.astype(kind))
        image.SetSpacing(spacing)
        image.SetOrigin(origin)
        images.append(image)
    return images


@pytest.fixture(scope="session")
def patient(tmp_path_factory) -> Patient:
    """A small PET (SUV), CT and lesion mask as files."""
    folder = tmp_path_factory.mktemp("patient")
    paths = [folder / f"{name}.nrrd" for name in ("pet", "ct", "mask")]
    for image, path in zip(body(), paths, strict=True):
        sitk.WriteImage(image, str(path))
    lps = np.array([-77.5 + 20 * 5, -70 + 15 * 5, 300 + 20 * 6])
    return Patient(*paths, (-lps[0], -lps[1], lps[2]))


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        return json.loads(self.out)


@pytest.fixture
def hnc(capfd):
    """Run the command line in this process: ``hnc("suv", path, "--out", out)``."""
    from HNCLogic.cli import main

    def run(*words) -> Outcome:
        capfd.readouterr()
        code = main([str(word) for word in words])
        printed = capfd.readouterr()
        return Outcome(code, printed.out, printed.err)

    return run


@pytest.fixture
def refused(hnc, tmp_path):
    """Run, and hold the outcome to the rule: exit 2, one line on stderr, nothing left behind."""

    def run(*words, says: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        outcome = hnc(*words)
        assert outcome.code == 2, outcome
        lines = outcome.err.strip().splitlines()
        assert len(lines) == 1, outcome.err
        assert lines[0].startswith("hnc: ")
        assert says.lower() in lines[0].lower(), lines[0]
        assert outcome.out == ""
        assert sorted(tmp_path.rglob("*")) == before, "something was left behind"
        for hidden in ("Zephyrine", "Quill", "ZQ-4711"):
            assert hidden not in lines[0]
        return lines[0]

    return run
