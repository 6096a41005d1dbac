"""Small things between the steps: whole slices, honest settings, inputs that stay."""

import sys

import numpy as np
import pytest
import SimpleITK as sitk
from pydantic import ValidationError

from HNCLogic import run, steps
from HNCLogic.errors import InputError
from HNCLogic.explain.by_slice import explanation
from HNCLogic.images.grid import Grid
from HNCLogic.images.region import study_region
from HNCLogic.images.study import Study
from HNCLogic.inference.windows import window_starts
from HNCLogic.job import Delineation, Job, Presence, Region
from HNCLogic.methods import presence, tumour_volume

STRAIGHT = tuple(np.eye(3).ravel())


def ones(size, spacing, origin=(0.0, 0.0, 0.0), direction=STRAIGHT) -> sitk.Image:
    return Grid(size, spacing, origin, direction).image(np.ones(size[::-1], np.float32))


def pet() -> sitk.Image:
    return ones((60, 60, 80), (4.0, 4.0, 4.0), (-120.0, -120.0, 300.0))


@pytest.mark.parametrize("apart", [3.0, 3.3, 4.0, 4.4, 5.0])
def test_an_mri_of_48_slices_is_a_stack_of_48_and_two_windows(apart):
    """As the published test set was: two windows, so that mean and median are the same."""
    mr = ones((100, 100, 48), (2.0, 2.0, apart), (-100.0, -100.0, 340.0))
    study = Study({"PET": pet(), "T1": mr})
    region, _ = study_region(study)
    grid = presence.stack_grid(study, region, presence.Preparation())
    assert grid.size[2] == 48
    ends = Grid.of(mr).indices(grid.points(np.array([[31.5, 31.5, 0], [31.5, 31.5, 47]])))[:, 2]
    assert ends == pytest.approx([0, 47], abs=1e-6)
    assert window_starts(grid.size[2], 32, 16) == [0, 16]


def test_a_pet_alone_gives_its_own_slices():
    study = Study({"PET": ones((60, 60, 50), (4.0, 4.0, 4.0), (-120.0, -120.0, 300.0))})
    region, _ = study_region(study)
    assert presence.stack_grid(study, region, presence.Preparation()).size[2] == 50


@pytest.mark.parametrize("window", [(25.0, 0.0), (4.0, 4.0), (0.0, float("nan"))])
@pytest.mark.parametrize("method", [presence, tumour_volume])
def test_a_card_whose_window_is_empty_is_refused(method, window):
    with pytest.raises(ValidationError, match=r"lower to a higher|finite number"):
        method.Preparation(suv_window=window)


def found(**what) -> steps.Findings:
    region = Region(inferior_mm=0, superior_mm=200, found_by="test")
    return steps.Findings(Study({"PET": pet()}), region, **what)


def test_settings_say_what_was_done_and_nothing_that_was_not():
    job = Job(task="measure", images={"PET": "p.nrrd"}, mask="m.nrrd", out="x")
    measured = run._provenance(job, found(delineation="outlines given by the user")).settings
    assert measured == {
        "task": "measure",
        "region": "test",
        "delineation": "outlines given by the user",
    }
    asked = Delineation(method="percent", candidate_suv=3.0, seeds=[(1, 2, 3)], minimum_ml=0.5)
    job = Job(task="segment", images={"PET": "p.nrrd"}, out="x", delineation=asked)
    outlined = run._provenance(job, found(delineation=asked.in_words())).settings
    assert outlined["delineation"] == asked.in_words()
    assert outlined["hot spots"] == "from SUV 3"
    assert outlined["brain"] == "left out"
    assert outlined["only the lesions at"] == "R 1.0, A 2.0, S 3.0 mm"
    assert outlined["smallest lesion"] == "0.5 ml"
    assert "threshold" not in outlined
    verdict = Presence(
        probability=0.7, verdict="positive", threshold=0.6, threshold_source="set by hand",
        aggregation="mean", folds=[], fold_spread=0, windows=[], model="m", trained_on="t",
    )  # fmt: skip
    job = Job(task="classify", images={"PET": "p.nrrd"}, out="x", threshold=0.6)
    classified = run._provenance(job, found(presence=verdict)).settings
    assert classified["threshold"] == "0.6"
    assert "delineation" not in classified


@pytest.mark.parametrize("given", ["image", "mask"])
def test_inputs_are_not_replaced_by_the_output(tmp_path, given):
    inside, elsewhere = tmp_path / "out" / "images" / "a.nrrd", tmp_path / "b.nrrd"
    inside.parent.mkdir(parents=True)
    inside.write_text("kept")
    job = Job(
        task="measure",
        images={"PET": inside if given == "image" else elsewhere},
        mask=elsewhere if given == "image" else inside,
        out=tmp_path / "out",
        overwrite=True,
    )
    with pytest.raises(InputError, match="another folder"):
        run.run_job(job)
    assert inside.read_text() == "kept"


def test_a_model_is_not_blamed_on_an_image_that_was_given_and_left_out():
    job = Job(task="segment", images={"PET": "p.nrrd", "CT": "c.nrrd"}, out="x")
    state = found(warnings=["The CT was left out: it lies elsewhere."])
    with pytest.raises(InputError, match="it lies elsewhere"):
        steps.refuse_left_out(job, state, ["CT"])
    steps.refuse_left_out(Job(images={"PET": "p.nrrd"}, out="x"), state, ["CT"])


def test_an_empty_heat_map_has_no_hottest_point():
    grid = Grid((20, 16, 40), (4.0, 4.0, 5.0), (-40.0, -30.0, 500.0), STRAIGHT)
    region = Region(inferior_mm=600, superior_mm=640, found_by="test")
    empty = grid.image(np.zeros((40, 16, 20), np.float32))
    assert explanation(empty, region, None).hottest_ras is None


def test_images_without_a_common_stretch_are_refused():
    mr = ones((100, 100, 10), (2.0, 2.0, 4.0), (-100.0, -100.0, 900.0))
    with pytest.raises(InputError, match="no stretch of the body in common"):
        study_region(Study({"PET": pet(), "T1": mr}))


def test_without_slicer_the_user_is_told_before_the_work(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "slicer", raising=False)
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    monkeypatch.setattr("HNCLogic.scene.application._slicer_core", missing)
    job = Job(task="segment", images={"PET": tmp_path / "not-read.nrrd"}, out=tmp_path / "out")
    with pytest.raises(InputError, match="slicer-core"):
        run.run_job(job)


def missing():
    raise InputError("Scenes and pictures need slicer-core")
