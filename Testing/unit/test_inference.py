"""Networks over volumes and stacks, one and several: against MONAI, and by hand."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from monai.inferers import SlidingWindowInferer

from HNCLogic.errors import InputError
from HNCLogic.inference.device import (
    choose_device,
    make_ready,
    physical_cores,
    processors,
    quick_numbers,
    use_threads,
)
from HNCLogic.inference.ensemble import mean_volume, window_probabilities
from HNCLogic.inference.merging import FWHM
from HNCLogic.inference.volume import predict_volume
from HNCLogic.networks.registry import make

PATCH = (16, 32, 48)
UNET = {"widths": [4, 8, 8, 16, 16], "heads": 2, "patch": list(PATCH)}
PRESENCE = {"in_channels": 2, "entry_filters": 4, "filters": [6, 8], "dense": 10}


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(11)


@pytest.fixture
def unet():
    network = make("attention-unet", UNET).eval()
    with torch.no_grad():  # sharp answers: a network that says 1/3 everywhere proves nothing
        network.head.weight *= 10
    return network


def volume(*size, channels=2, seed=1):
    return np.random.default_rng(seed).random((channels, *size), dtype=np.float32)


def monai(network, values, overlap):
    """MONAI's sliding windows on probabilities, its Gaussian made as wide as the paper's."""
    inferer = SlidingWindowInferer(
        PATCH, 2, overlap=overlap, mode="gaussian", sigma_scale=1 / FWHM, cval=0.0
    )
    with torch.inference_mode():
        return inferer(torch.from_numpy(values)[None], lambda x: network(x).softmax(1))[0].numpy()


@pytest.mark.parametrize(
    ("size", "stride", "overlap"),
    [
        ((41, 32, 48), (4, 32, 48), (0.75, 0, 0)),  # the paper's: overlap along the axis only
        ((24, 50, 61), (8, 16, 24), 0.5),  # overlap on all axes, last windows flush
        ((9, 40, 37), (8, 16, 24), 0.5),  # smaller than the patch on two axes: filled up
    ],
)
@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")  # MONAI 1.5's own indexing
def test_probabilities_are_monais(unet, size, stride, overlap):
    values = volume(*size)
    ours = predict_volume(unet, values, PATCH, stride)
    theirs = monai(unet, values, overlap)
    assert ours.shape == theirs.shape == (3, *size)
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() < 1e-4
    assert np.ptp(ours) > 0.5
    assert np.allclose(ours.sum(axis=0), 1, atol=1e-5)


def test_quick_numbers_say_the_same(unet):
    with torch.no_grad():  # as sharp as a trained one
        unet.head.weight *= 0.3
    values = volume(41, 32, 48)
    exact, quick = (
        predict_volume(unet, values, PATCH, (8, 32, 48), numbers=numbers)
        for numbers in ("exact", "quick")
    )
    apart = np.abs(exact - quick).max()
    assert np.ptp(exact) > 0.2
    assert apart < 0.03  # as the docstring says
    # Where the processor has no bfloat16 of its own, nothing is given away for nothing.
    assert (apart > 0) == (quick_numbers(torch.device("cpu")) == "bfloat16")
    again = predict_volume(unet, values, PATCH, (8, 32, 48))  # the layout it was left in
    assert np.abs(again - exact).max() < 1e-5


def test_windows_do_not_depend_on_their_batch(unet):
    values = volume(40, 50, 48)
    one = predict_volume(unet, values, PATCH, (8, 16, 48), batch=1)
    three = predict_volume(unet, values, PATCH, (8, 16, 48), batch=3)
    # Sums in another order differ a little; statistics of the batch would by tenths.
    assert np.abs(one - three).max() < 2e-5
    network = make("presence", PRESENCE)
    network.train()  # the caller forgot: batch norm must not see the batch all the same
    stack = volume(50, 16, 16)
    single, triple = (
        window_probabilities([network], 1, stack, 16, 8, batch=batch) for batch in (1, 3)
    )
    assert np.abs(single - triple).max() < 1e-6
    assert np.ptp(single) > 0


def test_dropout_is_off(unet):
    network = make("presence", {**PRESENCE, "dropout": 0.9})
    first, second = (window_probabilities([network], 1, volume(20, 8, 8), 16, 4) for _ in range(2))
    assert np.array_equal(first, second)


def test_small_volume_is_filled_up_with_the_given_value(unet):
    values = volume(16, 32, 30)
    filled = np.full((2, 16, 32, 48), 0.7, dtype=np.float32)
    filled[..., 9:39] = values
    with torch.inference_mode():
        whole = unet(torch.from_numpy(filled)[None]).softmax(1)[0].numpy()
    ours = predict_volume(unet, values, PATCH, PATCH, outside=0.7)
    assert np.abs(ours - whole[..., 9:39]).max() < 1e-5


def test_sigmoid_answers_each_class_for_itself(unet):
    values = volume(*PATCH)
    with torch.inference_mode():
        expected = unet(torch.from_numpy(values)[None]).sigmoid()[0].numpy()
    ours = predict_volume(unet, values, PATCH, PATCH, activation="sigmoid")
    assert np.abs(ours - expected).max() < 1e-5
    with pytest.raises(ValueError, match="neither softmax nor sigmoid"):
        predict_volume(unet, values, PATCH, PATCH, activation="relu")


def test_card_whose_patches_are_not_its_networks_is_refused(unet):
    with pytest.raises(InputError, match=r"takes patches of \(16, 32, 48\).*asks for \(16, 32, 32"):
        predict_volume(unet, volume(*PATCH), (16, 32, 32), (8, 32, 32))


def test_folds_are_averaged_and_made_one_at_a_time():
    alive = []

    def networks():
        for seed in range(3):
            torch.manual_seed(seed)
            network = make("attention-unet", UNET)
            alive.append(seed)
            yield network
            assert alive[-1] == seed  # the next is not made before this one is done

    values = volume(24, 32, 48)
    told = []
    told_to = {"progress": lambda s, w: told.append((s, w))}
    mean = mean_volume(networks(), 3, values, PATCH, (8, 32, 48), batch=1, **told_to)
    alone = [predict_volume(n, values, PATCH, (8, 32, 48)) for n in networks()]
    assert np.abs(mean - np.mean(alone, axis=0)).max() < 1e-6
    assert np.abs(alone[0] - alone[1]).max() > 1e-3
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert len(shares) == 6
    assert shares[-1] == pytest.approx(1)
    assert told[0][1] == "network 1 of 3"


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
def test_patches_with_nothing_in_them_are_computed_once(unet):
    values = volume(64, 32, 48)
    values[:, 16:56] = 0.25  # patches at 16, 24, 32 and 40 hold nothing else
    seen = []
    handle = unet.register_forward_hook(lambda _m, given, _o: seen.append(given[0].clone()))
    ours = predict_volume(unet, values, PATCH, (8, 32, 48), batch=1)
    handle.remove()
    assert len(seen) == 4  # of 7: at 0, 8, 16 for four, 48
    assert len({window.numpy().tobytes() for window in seen}) == 4
    assert np.abs(ours - monai(unet, values, (0.5, 0, 0))).max() < 1e-4


def test_window_probabilities_are_each_networks_own():
    networks = [make("presence", PRESENCE).eval() for _ in range(2)]
    stack = volume(45, 12, 12)
    table = window_probabilities(networks, 2, stack, 16, 8)
    assert table.shape == (2, 5)  # 0, 8, 16, 24, 29
    with torch.inference_mode():
        last = networks[1](torch.from_numpy(stack[None, :, 29:45])).sigmoid().item()
    assert table[1, 4] == pytest.approx(last, abs=1e-6)


def test_a_stack_shorter_than_the_window_is_filled_up():
    network = make("presence", PRESENCE).eval()
    stack = volume(5, 12, 12)
    filled = np.pad(stack, [(0, 0), (5, 6), (0, 0), (0, 0)])
    short = window_probabilities([network], 1, stack, 16, 8)
    assert short.shape == (1, 1)
    assert short == pytest.approx(window_probabilities([network], 1, filled, 16, 8), abs=1e-12)


def test_progress_that_raises_stops_the_work(unet):
    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_volume(unet, volume(40, 32, 48), PATCH, (8, 32, 48), progress=stop)


def test_device_and_threads():
    assert choose_device("cpu").type == "cpu"
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no CUDA device"):
            choose_device("cuda")
    assert use_threads(1) == 1 == torch.get_num_threads()
    assert use_threads() == physical_cores() == torch.get_num_threads() <= processors()
    torch.set_num_threads(physical_cores() + 3)  # as where two processors share each core
    make_ready()
    assert torch.get_num_threads() == physical_cores()
    torch.set_num_threads(1)  # as somebody chose
    make_ready()
    assert torch.get_num_threads() == 1
    with pytest.raises(InputError, match="at least one thread"):
        use_threads(0)


LAYERS = """
import resource, sys
import numpy as np
from HNCLogic.inference import heap

taken = getattr(heap, sys.argv[1])()
for turn in range(30):
    if turn == 10:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(10_000_000, np.float32)  # 40 MB
print(int(taken), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is Linux's")
def test_memory_is_kept_between_layers():
    """Pages that are touched again are no new ones; as the C library does it, they are."""

    def faults(way: str) -> int:
        done = subprocess.run([sys.executable, "-c", LAYERS, way], capture_output=True, check=True)
        taken, count = map(int, done.stdout.split())
        assert taken
        return count

    assert faults("keep_memory") < 100
    assert faults("give_memory_back") > 300  # 20 to 10,000 a turn, by the size of the pages
