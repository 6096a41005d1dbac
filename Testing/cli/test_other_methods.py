"""Methods 4 and 5 from the command line: their answers, and what they refuse."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.images.grid import Grid
from HNCLogic.job import Job, Result
from HNCLogic.run import run_job
from Testing.tiny_models import PAROTID, parotid_card

NECK = ("--region", "-120,120")


@pytest.fixture(scope="module")
def neck(tmp_path_factory):
    """A CT of a cylinder on a tilted grid; nothing in it is a nose."""
    turn = np.array([[0.995, 0.0, 0.0998], [0.0, -1.0, 0.0], [0.0998, 0.0, -0.995]])
    grid = Grid((60, 60, 40), (5.0, 5.0, 7.0), (-150.0, 147.0, 120.0), tuple(turn.ravel()))
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.size), indexing="ij"), -1)
    points = grid.points(index.reshape(-1, 3)).reshape(*grid.size, 3)
    inside = np.hypot(points[..., 0], points[..., 1] / 1.2) < 70
    noise = np.random.default_rng(1).normal(0, 30, inside.shape)
    values = np.where(inside, 40 + noise, -1000).astype(np.int16).transpose(2, 1, 0)
    path = tmp_path_factory.mktemp("neck") / "ct.nrrd"
    sitk.WriteImage(grid.image(values), str(path))
    return path


@pytest.fixture(scope="module")
def gland(tmp_path_factory):
    """Three sequences on grids of their own, a bright ball on the left in each; a mask, an ROI."""
    folder = tmp_path_factory.mktemp("gland")
    ball, images = np.array([40.0, 5.0, -20.0]), {}
    for role, spacing in (
        ("t2", (2.0, 2.0, 4.0)), ("ce-t1", (1.8, 1.8, 4.5)), ("dwi-b1000", (3.0, 3.0, 5.0)),
    ):  # fmt: skip
        size = tuple(round(220 / s) for s in spacing)
        grid = Grid(size, spacing, (-110.0, -100.0, -120.0), (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
        index = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), -1)
        away = np.linalg.norm(grid.points(index.reshape(-1, 3)) - ball, axis=1).reshape(size)
        noise = np.random.default_rng(2).normal(0, 5, size)
        bright = np.where(away < 12, 300.0, 100.0) + noise
        images[role] = folder / f"{role}.nrrd"
        sitk.WriteImage(grid.image(bright.astype(np.float32).transpose(2, 1, 0)), images[role])
        if role == "ce-t1":
            marked = (away < 12).astype(np.uint8).transpose(2, 1, 0)
            sitk.WriteImage(grid.image(marked), folder / "mask.nrrd")
    roi = {
        "type": "ROI", "coordinateSystem": "LPS", "center": ball.tolist(), "size": [24, 24, 24],
    }  # fmt: skip
    (folder / "roi.mrk.json").write_text(json.dumps({"markups": [roi]}))
    given = [word for role, path in images.items() for word in (f"--{role}", path)]
    return folder, given


def test_extension_on_a_ct(hnc, neck, tiny_models, tmp_path):
    words = ("classify", "--method", "extension", "--ct", neck, *NECK, "--json")
    words += ("--model", tiny_models["extension"])
    outcome = hnc(*words, "--out", tmp_path / "a")
    assert outcome.code == 0, outcome.err
    result = Result.model_validate(outcome.json)
    found = result.extension
    assert found.verdict == ("positive" if found.probability >= 0.5 else "negative")
    assert found.probability == pytest.approx(np.mean([one.probability for one in found.folds]))
    assert (result.region.inferior_mm, result.region.superior_mm) == (-120, 120)
    assert result.region.found_by == "set by hand"
    # 18 of 30 voxels of 10 mm, 5 of 18 of 240 / 18 mm.
    corners = np.array(found.voi_corners)
    assert np.ptp(corners, axis=0) == pytest.approx((180, 180, 5 * 240 / 18))
    assert result.provenance.models.keys() == {"tiny-extension 0.1"}
    assert result.provenance.settings["method"] == "extension"
    written = sorted(path.name for path in (tmp_path / "a").iterdir() if path.name[0] != ".")
    assert written == ["heatmap.nrrd", "report.html", "result.json"]
    heat = sitk.ReadImage(str(tmp_path / "a" / "heatmap.nrrd"))
    assert Grid.of(heat).same_as(Grid.of(sitk.ReadImage(str(neck))))
    assert heat.GetMetaData("HNC_TrainedOn") == "nothing: random weights, for tests"
    assert "Research use only" in heat.GetMetaData("HNC_ResearchUse")
    page = (tmp_path / "a" / "report.html").read_text()
    for said in ("extracapsular extension", "Research use only", "random weights, for tests"):
        assert said in page

    # Moved and run again: the same box where it was, another elsewhere.
    centre = ",".join(f"{v:.3f}" for v in found.voi_centre)
    again = hnc(*words, "--out", tmp_path / "b", "--voi", centre).json["extension"]
    assert again["probability"] == pytest.approx(found.probability)
    assert again["voi_found_by"] == "set by hand"
    other = hnc(*words, "--out", tmp_path / "c", "--voi", "0,0,100").json["extension"]
    assert other["voi_centre"] != pytest.approx(found.voi_centre, abs=1)


def test_a_panel_gets_plain_files_and_the_heat_against_marked_slices(neck, tiny_models, tmp_path):
    ct = sitk.ReadImage(str(neck))
    mask = sitk.Image(ct.GetSize(), sitk.sitkUInt8)
    mask.CopyInformation(ct)
    mask[20:30, 20:30, 10:12] = 1
    sitk.WriteImage(mask, str(tmp_path / "nodes.nrrd"))
    job = Job(
        task="explain", method="extension", images={"CT": neck}, mask=tmp_path / "nodes.nrrd",
        model=str(tiny_models["extension"]), region_mm=(-120, 120), out=tmp_path / "out",
        plain=True,
    )  # fmt: skip
    result = run_job(job)
    assert sum(bool(one.annotated) for one in result.explanation.slices) == 2
    assert result.explanation.slice_auroc is not None
    heat = sitk.ReadImage(str(tmp_path / "out" / result.files["heatmap"]))
    own = Grid.of(ct)
    assert own.indices([heat.GetOrigin()])[0] == pytest.approx(
        np.rint(own.indices([heat.GetOrigin()])[0]), abs=1e-3
    )
    assert not (tmp_path / "out" / "report.html").exists()


def test_extension_tells_what_it_did_not_find(hnc, neck, tiny_models, tmp_path):
    outcome = hnc("classify", "--method", "extension", "--ct", neck, "--model",
                  tiny_models["extension"], "--out", tmp_path / "out",
                  "--threshold", 0)  # fmt: skip
    assert outcome.code == 0, outcome.err
    shown = " ".join(outcome.out.split())
    assert "Positive for extracapsular extension" in shown
    assert "The nose was not found" in shown
    assert "whole field of view" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "add --ct"),
        (("--ct", "CT", "--voi", "400,0,0"), "outside of what is analysed"),
        (("--ct", "CT", "--voi", "1,2"), "--voi 1,2: write 3 numbers"),
        (("--ct", "CT", "--region", "500,700"), "holds less than 60 mm of the CT"),
        (("--ct", "CT", "--t2", "CT"), "T2 has no effect with --method extension"),
        (("--ct", "CT", "--box", "1,2,3,4,5,6"), "--box has no effect with --method extension"),
        (("--ct", "CT", "--aggregate", "mean"), "--aggregate has no effect"),
        (("--ct", "CT", "--model", "PRESENCE"), "is for method presence, not extension"),
    ],
)
def test_what_extension_refuses(refused, neck, tiny_models, tmp_path, words, says):
    known = {"CT": neck, "PRESENCE": tiny_models["presence"]}
    model = () if "--model" in words else ("--model", tiny_models["extension"])
    region = () if "--region" in words else NECK
    given = [known.get(word, word) for word in words]
    refused("classify", "--method", "extension", *given, *model, *region, "--out",
            tmp_path / "out", says=says)  # fmt: skip


def test_other_tasks_and_methods_know_nothing_of_it(refused, neck, tmp_path):
    job = {"task": "analyze", "method": "extension", "images": {"CT": str(neck)}}
    (tmp_path / "job.json").write_text(json.dumps(job | {"out": str(tmp_path / "out")}))
    refused("run", tmp_path / "job.json", says="analyze does not go by method extension")
    refused("classify", "--ct", neck, "--voi", "1,2,3", "--out", tmp_path / "out",
            says="--voi has no effect with --method presence")  # fmt: skip
    refused("classify", "--method", "horoscope", "--ct", neck, "--out", tmp_path / "out",
            says="method")  # fmt: skip


def test_kind_of_a_parotid_tumour(hnc, gland, tiny_models, tmp_path):
    folder, given = gland
    words = ("classify", "--method", "parotid", *given, "--model", tiny_models["parotid"])
    words += ("--json",)
    boxes = {
        "roi": folder / "roi.mrk.json",
        "numbers": "-52,-28,-17,7,-32,-8",  # the same: RAS of LPS 28 to 52, -7 to 17
        "mask": folder / "mask.nrrd",
    }
    said = {}
    for name, box in boxes.items():
        outcome = hnc(*words, "--box", box, "--out", tmp_path / name)
        assert outcome.code == 0, outcome.err
        said[name] = Result.model_validate(outcome.json)
    found = said["roi"].parotid
    assert found.box_mm == pytest.approx((-52, -28, -17, 7, -32, -8))
    assert said["numbers"].parotid.probabilities == pytest.approx(found.probabilities)
    assert said["mask"].parotid.box_mm == pytest.approx(found.box_mm, abs=4.6)
    assert found.probabilities.keys() == {"benign", "malignant"}
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert sum(one.attention for one in found.slices) == pytest.approx(1)
    assert [one.role for one in said["roi"].images] == ["T2", "CE-T1", "DWI-b1000"]
    heat = sitk.ReadImage(str(tmp_path / "roi" / "heatmap.nrrd"))
    assert Grid.of(heat).same_as(Grid.of(sitk.ReadImage(str(folder / "ce-t1.nrrd"))))
    page = (tmp_path / "roi" / "report.html").read_text()
    for words in (f"Most probably {found.kind}", "Research use only", "random weights, for tests"):
        assert words in page


def test_four_subtypes_and_a_sequence_too_many(hnc, gland, tmp_path):
    import torch

    from HNCLogic.methods.parotid import SUBTYPES
    from HNCLogic.models.writing import write_model
    from HNCLogic.networks.registry import make

    torch.manual_seed(4)
    arguments = PAROTID | {"in_channels": 1, "classes": 4, "fusion": "late-add"}
    card = parotid_card("subtypes", arguments, ["CE-T1"], list(SUBTYPES), pixels=64)
    write_model(tmp_path / "model", card, [make("parotid", arguments).state_dict()])
    folder, given = gland
    outcome = hnc("classify", "--method", "parotid", *given, "--model", tmp_path / "model", "--box",
                  folder / "roi.mrk.json", "--out", tmp_path / "out", "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert set(outcome.json["parotid"]["probabilities"]) == set(SUBTYPES)
    assert "does not take T2 and DWI-b1000" in outcome.json["warnings"][0]


@pytest.mark.parametrize(
    ("without", "words", "says"),
    [
        ("--ce-t1", ("--box", "ROI"), "needs CE-T1, which was not given"),
        (None, (), "add --box FILE"),
        (None, ("--box", "1,2,3"), "write 6 numbers"),
        (None, ("--box", "-28,-52,-17,7,-32,-8"), "the box is empty"),
        (None, ("--box", "900,920,-17,7,-32,-8"), "outside of the CE-T1"),
        (None, ("--box", "none.mrk.json"), "none.mrk.json does not exist"),
        (None, ("--box", "ROI", "--region", "0,100"), "--region has no effect"),
        (None, ("--box", "ROI", "--model", "EXTENSION"), "is for method extension, not parotid"),
    ],
)
def test_what_the_parotid_refuses(refused, gland, tiny_models, tmp_path, without, words, says):
    folder, given = gland
    known = {"ROI": folder / "roi.mrk.json", "EXTENSION": tiny_models["extension"]}
    if without is not None:
        at = given.index(without)
        given = given[:at] + given[at + 2 :]
    model = () if "--model" in words else ("--model", tiny_models["parotid"])
    refused("classify", "--method", "parotid", *given, *(known.get(w, w) for w in words), *model,
            "--out", tmp_path / "out", says=says)  # fmt: skip
