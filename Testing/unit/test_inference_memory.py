"""Memory before an outline begins: what it takes, what is free, and a refusal that helps."""

from pathlib import Path

import numpy as np
import pytest

from HNCLogic.errors import InputError
from HNCLogic.inference import memory
from HNCLogic.inference.estimate import in_words, with_estimate
from HNCLogic.inference.memory import GIB, free_bytes, needed_bytes, require_memory

FULL = {"channels": 2, "classes": 3, "patch": (32, 128, 128), "width": 32, "weights": 90 * 2**20}


def test_a_large_volume_and_a_wide_network_take_more():
    usual = needed_bytes((96, 128, 128), **FULL)
    assert 0.5 * GIB < usual < 2.5 * GIB
    longer = needed_bytes((320, 128, 128), **FULL)
    assert longer - usual == 4 * 13 * (320 - 96) * 128 * 128  # 4 of input, 9 of probabilities
    assert needed_bytes((96, 128, 128), **FULL | {"width": 64}) > usual
    # A volume shorter than the patch is filled up to it.
    assert needed_bytes((8, 128, 128), **FULL) == needed_bytes((32, 128, 128), **FULL)


def test_what_cannot_fit_is_refused_with_what_to_do():
    require_memory(2 * GIB, 3 * GIB)
    require_memory(2 * GIB, None)  # a system that does not tell
    with pytest.raises(InputError, match=r"2\.0 GiB.*1\.0 GiB are free.*--region.*--delineation"):
        require_memory(2 * GIB, GIB)


def test_free_memory_is_the_systems_own_figure():
    psutil = pytest.importorskip("psutil")
    free = free_bytes()
    assert 0 < free < psutil.virtual_memory().total
    limited = Path("/sys/fs/cgroup/memory.max").exists()
    if not limited:
        assert free == pytest.approx(psutil.virtual_memory().available, rel=0.2)


def test_a_container_may_take_no_more_than_its_group(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text(f"{3 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{2 * GIB}\n")
    assert memory._left_of_group(tmp_path) == GIB
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._left_of_group(tmp_path) is None
    assert memory._left_of_group(tmp_path / "absent") is None


def test_macos_counts_pages_that_it_would_give_up():
    told = (
        "Mach Virtual Memory Statistics: (page size of 16384 bytes)\n"
        "Pages free:                               10000.\n"
        "Pages active:                            500000.\n"
        "Pages inactive:                           20000.\n"
        "Pages speculative:                         1000.\n"
        "Pages purgeable:                            500.\n"
        '"Translation faults":                 123456789.\n'
    )
    assert memory._free_on_macos(told) == 31500 * 16384


def test_an_outline_that_cannot_fit_is_refused_before_any_network_is_read(monkeypatch):
    """A machine that has 64 MiB left, and the shipped model."""
    from HNCLogic import outlines
    from HNCLogic.methods.tumour_volume import Preparation
    from HNCLogic.models.store import find_model

    model = find_model("tumour-volume-petct", "tumour-volume")
    preparation = model.preparation(Preparation)
    values = np.zeros((2, 40, preparation.pixels, preparation.pixels), np.float32)
    assert outlines.memory_needed(model, values.shape) > 0.15 * GIB
    monkeypatch.setattr(memory, "free_bytes", lambda: 64 * 2**20)
    with pytest.raises(InputError, match=r"0\.1 GiB are free"):
        outlines.require_room(model, values.shape)


def test_what_it_will_take_is_told_from_the_pace_of_the_first_patches():
    """Loading 3 s, then a second for each of ten patches: 12 s, whatever the loading took."""
    now, told = [100.0], []
    progress = with_estimate(3 * GIB // 2, lambda share, words: told.append(words), lambda: now[0])
    for done, at in enumerate((103.0, 104.0, 109.0), start=1):
        now[0] = at
        progress(done / 10, "network 1 of 5")
    assert told == [
        "network 1 of 5 (1.5 GiB)",
        "network 1 of 5 (about 12 s in all, 1.5 GiB)",
        "network 1 of 5 (about 12 s in all, 1.5 GiB)",
    ]
    assert [in_words(s) for s in (0.2, 61, 125)] == ["1 s", "61 s", "2 min"]
