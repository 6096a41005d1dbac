"""Figures of a benchmark: kept part by part, and the peers' windows, which are ours."""

import json

import numpy as np
import pytest
import torch

from HNCLogic.benchmark import agreement, kept, peers
from HNCLogic.benchmark.machine import Point, Row, number
from HNCLogic.errors import InputError
from HNCLogic.inference.volume import predict_volume
from HNCLogic.networks.registry import make

PATCH = (16, 32, 32)


def curve(name, over, *values):
    return [
        Point(f"{name}: {x}", y, "s", curve=name, over=over, x=float(x))
        for x, y in enumerate(values, start=1)
    ]


def test_parts_are_kept_one_by_one(tmp_path):
    out = tmp_path / "kept"
    assert kept.earlier(out) == ({}, [])
    costs = curve("torch float32", "folds", 1.0, 2.0) + curve("torch float32", "slices", 3.0)
    network = [Row.of("net: torch float32", [1.0, 3.0, 2.0], "s", 1.5)]
    kept.write({"costs": costs, "network": network}, ["nnU-Net's predictor: not measured"], out)
    parts, remarks = kept.earlier(out)
    assert parts == {"costs": costs, "network": network}
    assert remarks == ["nnU-Net's predictor: not measured"]
    assert {path.name for path in out.iterdir()} == {
        "benchmark.json", "README.md", "costs.svg", "network.svg",
    }  # fmt: skip
    page = (out / "README.md").read_text(encoding="utf-8")
    assert "| net: torch float32 | 2.00 s | ≤ 1.50 s | 1.00–3.00 | missed |" in page
    told = json.loads((out / "benchmark.json").read_text(encoding="utf-8"))
    (out / "benchmark.json").write_text(json.dumps(told | {"machine": "another"}))
    with pytest.raises(InputError, match="another machine"):
        kept.earlier(out)
    (out / "benchmark.json").unlink()
    with pytest.raises(InputError, match="holds no earlier benchmark"):
        kept.earlier(out)


def test_three_digits_count():
    assert [number(v) for v in (0.1234, 1.2345, 99.96, 1234.5)] == ["0.123", "1.23", "100", "1234"]


@pytest.mark.parametrize("name", ["monai", "nnunet"])
def test_the_peers_do_the_same(name):
    pytest.importorskip({"monai": "monai", "nnunet": "nnunetv2"}[name])
    torch.set_num_threads(1)
    torch.manual_seed(5)
    network = make("attention-unet", {"widths": [4, 8, 8, 8, 8], "heads": 2, "patch": [*PATCH]})
    seen = []
    network.eval().register_forward_hook(lambda _m, given, _o: seen.append(given[0].clone()))
    volume = np.random.default_rng(0).random((2, 40, 32, 32), dtype=np.float32)
    ours = predict_volume(network, volume, PATCH, (8, 32, 32), batch=1)
    own, seen[:] = list(seen), []
    theirs = getattr(peers, name)(network, volume, PATCH, 8)()
    assert len(own) == len(seen) == 4
    assert all(torch.equal(a, b) for a, b in zip(own, seen, strict=True))
    assert np.abs(ours - theirs).max() < (1e-5 if name == "monai" else 0.2)


def test_agreement_by_hand():
    one = np.zeros((3, 1, 1, 4), np.float32)
    one[0], one[1, ..., 0], one[1, ..., 1] = 0.5, 0.6, 0.6
    other = one.copy()
    other[1, ..., 1], other[2, ..., 3] = 0.4, 0.55
    found = agreement.compared(one, other, ["background", "primary", "node"])
    assert found.apart == pytest.approx(0.55)
    assert found.short["primary"] == pytest.approx(1 - 2 / 3)
    assert found.short["node"] == 1.0
    assert found.found_otherwise  # a node by one of the two only
    same = agreement.compared(one, one, ["background", "primary", "node"])
    assert (same.apart, set(same.short.values()), same.found_otherwise) == (0.0, {0.0}, False)
