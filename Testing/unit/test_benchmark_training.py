"""The step of training that the benchmark times: the same network in both ways."""

import numpy as np
import torch

from HNCLogic.benchmark.training_step import _as_torch_has_it, _task
from HNCLogic.networks.registry import make

SMALL = {"widths": [4, 8, 8, 8, 8], "heads": 2, "patch": [16, 32, 32]}


def test_torchs_own_norm_gives_what_ours_gives():
    torch.manual_seed(0)
    ours = make("attention-unet", SMALL).train()
    theirs = make("attention-unet", SMALL)
    theirs.load_state_dict(ours.state_dict())
    theirs = _as_torch_has_it(theirs).train()
    kinds = {type(each).__name__ for each in theirs.modules()}
    assert "InstanceNorm3d" in kinds
    assert "InstanceNorm" not in kinds
    patch = torch.rand(1, 2, 16, 32, 32)
    assert torch.allclose(ours(patch), theirs(patch), atol=1e-4)


def test_there_is_something_to_learn_in_each_patch():
    task = _task()
    assert task.micro_batches(1) == 2
    for index in range(2):
        values, classes = task.micro_batch(1, index, np.random.default_rng(0))
        assert values.shape == (1, 2, 32, 128, 128)
        assert set(classes.ravel().tolist()) == {0, 1, 2}
