"""What the command-line tests share: tiny models, a small patient on disk, and a way to run."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.tiny_models import write_tiny_models

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> dict[str, Path]:
    """Model folders of random weights.

    Of both methods, two folds each, and ``slow``: one of method 1 that takes a minute, its many
    folds large enough to be stopped half-way.
    """
    return write_tiny_models(tmp_path_factory.mktemp("models"))


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
