"""The pace of an earlier patient: kept whole, read with care, and used before the next begins."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from HNCLogic.inference import estimate, pace
from HNCLogic.inference.backends import choose_backend
from HNCLogic.networks.registry import make

DIGEST = "0123456789abcdef" * 4
PATCH = (16, 32, 32)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HNC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pace"


def a_pace(**other):
    made = pace.Pace(pace.this_machine(), "torch in float32", 0.25, 10**9)
    return dataclasses.replace(made, **other)


def test_kept_and_read_again(cache):
    assert pace.kept_pace(DIGEST) is None
    pace.keep_pace(DIGEST, a_pace())
    assert pace.kept_pace(DIGEST) == a_pace()
    assert pace.kept_pace("f" * 64) is None
    assert len(list(cache.iterdir())) == 1, "nothing is left aside"


@pytest.mark.parametrize(
    "changed",
    [
        {"machine": "another processor, 64 cores"},
        {"seconds": 0.0},
        {"seconds": float("nan")},
        {"seconds": 1e9},
        {"seconds": True},
        {"memory": -1},
        {"memory": 1.5},
        {"computed_by": None},
        {"one": "more"},
    ],
)
def test_what_cannot_be_this_machines_is_not_believed(cache, changed):
    pace.keep_pace(DIGEST, a_pace())
    (path,) = cache.iterdir()
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))
    assert pace.kept_pace(DIGEST) is None


@pytest.mark.parametrize("bytes_", [b"", b"{", b"[]", b"\xff", b"[" * 9000, b" " * 20_000])
def test_a_damaged_file_is_no_pace(cache, bytes_):
    pace.keep_pace(DIGEST, a_pace())
    (path,) = cache.iterdir()
    path.write_bytes(bytes_)
    assert pace.kept_pace(DIGEST) is None
    pace.keep_pace(DIGEST, a_pace())
    assert pace.kept_pace(DIGEST) == a_pace()


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HNC_CACHE", str(tmp_path / "file" / "cache"))
    pace.keep_pace(DIGEST, a_pace())
    assert pace.kept_pace(DIGEST) is None


def test_passes_are_the_windows_of_all_folds():
    assert pace.passes(96, 32, 8, 5) == 45
    assert pace.passes(20, 32, 8, 5) == 5  # filled up to one patch


def test_the_kept_pace_counts_only_for_the_backend_that_made_it(monkeypatch):
    torch.set_num_threads(1)
    network = make("attention-unet", {"widths": [4, 8, 8, 8, 8], "heads": 2, "patch": [*PATCH]})
    network.eval()
    runs = []
    network.register_forward_hook(lambda *_: runs.append(1))
    words = choose_backend("auto", "quick", network).words(torch.device("cpu"))
    pace.keep_pace(DIGEST, a_pace(computed_by=words, seconds=7.0))
    assert estimate.seconds_a_patch(DIGEST, network, 2, PATCH) == 7.0
    assert runs == [], "nothing is computed where it is known"
    pace.keep_pace(DIGEST, a_pace(computed_by="an abacus", seconds=7.0))
    assert 0 < estimate.seconds_a_patch(DIGEST, network, 2, PATCH) < 5


def test_it_is_told_before_the_first_patch_and_kept_for_the_next_patient(tmp_path, monkeypatch):
    """The model that ships, its networks played: the pace is the patient's own."""
    import SimpleITK as sitk

    from HNCLogic import outlines, steps
    from HNCLogic.images.study import Study
    from HNCLogic.job import Job, Region
    from HNCLogic.models.store import find_model

    model = find_model("tumour-volume-petct", "tumour-volume")
    words = choose_backend("auto", "quick").words(torch.device("cpu"))
    pace.keep_pace(model.digest, a_pace(computed_by=words, seconds=60.0))

    def played(networks, count, volume, *_, computing, progress, **_more):
        assert told, "said before"
        computing(words)
        progress(1.0, "network 5 of 5")
        made = np.zeros((3, *volume.shape[1:]), np.float32)
        made[0] = 1
        return made

    monkeypatch.setattr("HNCLogic.inference.ensemble.mean_volume", played)
    image = sitk.GetImageFromArray(np.random.default_rng(0).random((40, 24, 24), np.float32))
    image.SetSpacing((8.0, 8.0, 4.0))
    job = Job(task="segment", images={"PET": tmp_path / "none"}, out=tmp_path / "out")
    region = Region(inferior_mm=0.0, superior_mm=156.0, found_by="whole field of view")
    found = steps.Findings(Study({"PET": image, "CT": image}), region)
    told = []
    outlines._by_network(job, found, model, lambda share, words: told.append((share, words)))
    # 39 slices of 4 mm: two patches for each of five networks, a minute each.
    assert told[0] == (0.0, told[0][1])
    assert "about 10 min in all" in told[0][1]
    assert "GiB" in told[0][1]
    assert found.outlined_by == words
    assert 0 < pace.kept_pace(model.digest).seconds < 60
