"""What runs a network: every backend says what torch says in float32, and is chosen soundly."""

import numpy as np
import pytest
import torch

from HNCLogic.errors import InputError
from HNCLogic.inference import backends
from HNCLogic.inference.backends import choose_backend
from HNCLogic.inference.device import computes_in_bf16
from HNCLogic.inference.ensemble import mean_volume
from HNCLogic.inference.volume import predict_volume
from HNCLogic.networks.registry import make

PATCH = (16, 32, 48)
STRIDE = (8, 32, 48)
UNET = {"widths": [4, 8, 8, 16, 16], "heads": 2, "patch": list(PATCH)}


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(11)


@pytest.fixture
def openvino():
    return pytest.importorskip(
        "openvino", reason="OpenVINO is not installed: its backend goes UNTESTED here"
    )


def sharp_unet(seed=11):
    """As sharp as a trained one: a network that says 1/3 everywhere proves nothing. Norms and
    biases that are not as new, for at 1 and 0 one left out would go unseen."""
    torch.manual_seed(seed)
    network = make("attention-unet", UNET).eval()
    with torch.no_grad():
        network.head.weight *= 2
        for name, values in network.named_parameters():
            if values.ndim == 1 and not name.startswith("head"):
                values += 0.2 * torch.randn_like(values)
    return network


def volume(*size):
    return np.random.default_rng(1).random((2, *size), dtype=np.float32)


@pytest.mark.parametrize(("numbers", "allowed"), [("exact", 1e-3), ("quick", 0.03)])
def test_openvino_says_what_torch_says(openvino, numbers, allowed):
    network, values = sharp_unet(), volume(41, 40, 48)
    reference = predict_volume(network, values, PATCH, (8, 8, 48))
    theirs = predict_volume(
        network, values, PATCH, (8, 8, 48), numbers=numbers, backend="openvino", batch=3
    )
    assert np.ptp(reference) > 0.5
    assert theirs.dtype == np.float32
    apart = np.abs(theirs - reference).max()
    assert apart < allowed
    # bfloat16 only where the processor has it: elsewhere it would give accuracy away for nothing.
    if numbers == "quick":
        assert (apart > 1e-4) == computes_in_bf16(torch.device("cpu"))


def test_each_fold_has_its_own_weights_though_the_network_is_the_same(openvino):
    """As a model's folds come: one network, filled anew; the next fold's while one computes."""
    states = [sharp_unet(seed).state_dict() for seed in (1, 2, 3)]
    network = sharp_unet()

    def folds():
        for state in states:
            network.load_state_dict(state)
            yield network

    values = volume(24, 32, 48)
    given = (3, values, PATCH, STRIDE)
    alone = []
    for state in states:
        network.load_state_dict(state)
        alone.append(predict_volume(network, values, PATCH, STRIDE))
    assert np.abs(alone[0] - alone[2]).max() > 0.1
    for backend in ("torch", "openvino"):
        mean = mean_volume(folds(), *given, backend=backend)
        assert np.abs(mean - np.mean(alone, axis=0)).max() < 1e-3


def test_a_broken_fold_is_told_though_it_was_read_ahead(openvino):
    def folds():
        yield sharp_unet()
        raise InputError("fold-2.safetensors is damaged")

    with pytest.raises(InputError, match="fold-2"):
        mean_volume(folds(), 2, volume(*PATCH), PATCH, STRIDE, backend="openvino")


def test_threads_are_torchs(openvino, monkeypatch):
    """In a process of one thread, as one of many is given, OpenVINO takes no more."""
    from HNCLogic.inference import openvino_backend

    asked = {}
    core = openvino_backend._core()

    class Spy:
        def get_property(self, *words):
            return core.get_property(*words)

        def compile_model(self, graph, device, settings):
            asked.update(settings)
            return core.compile_model(graph, device, settings)

    monkeypatch.setattr(openvino_backend, "_core", Spy)
    choose_backend("openvino", "exact").ready(sharp_unet())
    assert asked["INFERENCE_NUM_THREADS"] == 1
    assert asked["INFERENCE_PRECISION_HINT"] == "f32"


def test_auto_takes_the_quicker_of_those_that_are_there(openvino, monkeypatch):
    known, unknown = sharp_unet(), make("presence", {"entry_filters": 4, "filters": [4]})
    monkeypatch.setattr(backends.platform, "machine", lambda: "AMD64")
    assert choose_backend("auto", "quick", known).name == "OpenVINO"
    assert choose_backend("auto", "quick", unknown).name == "torch"
    with pytest.raises(InputError, match="cannot run a PresenceNet"):
        choose_backend("openvino", "quick", unknown)
    monkeypatch.setattr(backends.platform, "machine", lambda: "arm64")  # not measured there
    assert choose_backend("auto", "quick", known).name == "torch"


def test_without_openvino_it_is_torch_or_a_word(monkeypatch):
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    assert choose_backend("auto", "quick", sharp_unet()).name == "torch"
    with pytest.raises(InputError, match="not installed: pip install"):
        choose_backend("openvino", "quick")
