"""What the panels' tests share: the stand-in for Slicer, a small patient in it, tiny models.

Qt is drawn offscreen, and the process stands for Slicer's own: torch is never imported here.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk

from Testing.host import desktop
from Testing.panels.tiny_module import write_tiny_module
from Testing.panels.torch_watch import without_torch
from Testing.tiny_models import tiny_model_folders

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def host() -> desktop.Host:
    """The stand-in for desktop Slicer; before each test its scene is empty and nothing was said.

    After the test ``host.errors`` must be empty, and every answer laid ready must have been used.
    """
    return desktop.start()


@pytest.fixture(autouse=True)
def clean_host(request) -> Iterator[None]:
    """Each test that uses the host gets it clean, and is held to leave no error behind."""
    if "host" not in request.fixturenames:
        yield
        return
    host = request.getfixturevalue("host")
    host.fresh()
    with without_torch():
        yield
    host.process_events()
    errors, unused = list(host.errors), list(host.answers)
    host.fresh()
    late = [error for error in host.errors if error not in errors]  # while the scene closed
    host.errors.clear()
    assert not errors, "exceptions in slots or observers:\n" + "\n".join(errors)
    assert not late, "exceptions while the scene was closed:\n" + "\n".join(late)
    assert not unused, f"answers that no question took: {unused}"


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory) -> Iterator[dict[str, Path]]:
    """Model folders of random weights: "presence", "volume", "slow"; HNC_MODELS names them.

    "volume" sees lesions by the hundred in a patient; for a few, ask for a fixed SUV threshold.
    """
    folder = tmp_path_factory.mktemp("models")
    subprocess.run(
        [sys.executable, "-m", "Testing.tiny_models", str(folder)], cwd=REPOSITORY, check=True
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HNC_MODELS", str(folder))
        yield tiny_model_folders(folder)


@pytest.fixture
def child_python(monkeypatch, tiny_models) -> dict[str, str]:
    """The environment of the child processes: the tiny models, one thread; as it is then."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return dict(os.environ)


@dataclass(frozen=True)
class ImagesOfPatient:
    """A simulated patient: images (PET in SUVbw, CT in HU), truth on the PET's grid, primary."""

    pet: sitk.Image
    ct: sitk.Image
    truth: sitk.Image  # uint8: 0 background, 1 primary, 2 node
    primary_ras: tuple[float, float, float]


@dataclass(frozen=True)
class SmallPatient(ImagesOfPatient):
    """The same in the scene: two volume nodes, displayed, in the slice views."""

    pet_node: Any
    ct_node: Any


@pytest.fixture(scope="session")
def patient_images() -> ImagesOfPatient:
    """One simulated patient from vertex to upper chest, PET of 5 mm, cropped to the body."""
    from HNCLogic.phantom.patient import simulate

    patient = simulate(3, positive=True, pet_spacing=(5.0, 5.0, 5.0), pet_matrix=96)
    primary = next(each for each in patient.lesions if each.kind == "primary")
    x, y, z = primary.centre
    return ImagesOfPatient(patient.pet, patient.ct, patient.truth, (-x, -y, z))


@pytest.fixture
def small_patient(host, patient_images) -> SmallPatient:
    """PET (SUVbw) and CT of ``patient_images`` as nodes of the scene, shown at the primary."""
    from HNCLogic.scene.application import of_desktop
    from HNCLogic.scene.layers import jump, show_layers
    from HNCLogic.scene.volumes import add_volume, show_ct, show_pet

    images = patient_images
    pet = add_volume(host.scene, images.pet, "PET SUVbw")
    ct = add_volume(host.scene, images.ct, "CT")
    show_pet(pet)
    show_ct(ct)
    application = of_desktop()
    show_layers(application, ct, pet)
    host.app.layoutManager().resetSliceViews()
    jump(application, images.primary_ras)
    return SmallPatient(**vars(images), pet_node=pet, ct_node=ct)


@pytest.fixture
def tiny(host, tmp_path) -> Iterator[desktop.Loaded]:
    """The tiny module, loaded from a folder of its own and gone after the test."""
    loaded = host.load(write_tiny_module(tmp_path))
    yield loaded
    host.unload("TinyPanel")
    for name in [each for each in sys.modules if each.startswith("TinyPanel")]:
        del sys.modules[name]
    sys.path.remove(str(tmp_path))
