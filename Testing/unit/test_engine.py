"""The training loop: learns, repeats itself, survives being killed, shares work out, says no."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from HNCLogic.errors import InputError
from HNCLogic.training.checkpoint import load_checkpoint
from HNCLogic.training.engine import LAST, Settings, train_fold
from Testing.unit.toy_training import Toy

PLAIN = Settings(epochs=4, patience=99, device="cpu", precision="fp32")


def command(folder, epochs, *words):
    return [sys.executable, "-m", "Testing.unit.toy_training", str(folder), str(epochs), *words]


def weights(folder):
    return {k: v for k, v in load_file(folder / LAST).items() if k.startswith("weights/")}


def same(one, other):
    assert one.keys() == other.keys()
    return all(torch.equal(one[k], other[k]) for k in one)


def test_it_learns_and_gives_back_the_best_epoch(tmp_path):
    told = []
    settings = replace(PLAIN, epochs=25)
    course = train_fold(
        Toy(size=16), tmp_path, settings, watch=lambda h, left: told.append((len(h), left))
    )
    losses = [one["loss"] for one in course.history]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:3])
    scores = [one["accuracy"] for one in course.history]
    assert course.epoch == 1 + int(np.argmax(scores))
    assert told[0][0] == 1
    assert told[-1] == (25, 0.0)
    assert course.history[1]["learning_rate"] == pytest.approx(3e-3 * 0.99**6)
    kept = load_checkpoint(tmp_path / LAST)
    assert same(kept.best, course.weights)
    network = Toy().network()
    network.load_state_dict(course.weights)
    network.eval()
    assert Toy(size=16).validate(network)["accuracy"] == max(scores)


def test_patience_ends_it(tmp_path):
    class Stuck(Toy):
        def validate(self, network):
            return {"accuracy": 0.5}

    course = train_fold(Stuck(), tmp_path, replace(PLAIN, epochs=50, patience=3))
    assert (course.epoch, len(course.history)) == (1, 4)


def test_the_same_seed_gives_the_same_weights_and_another_others(tmp_path):
    found = []
    for name, seed, fold in (("a", 0, 1), ("b", 0, 1), ("c", 1, 1), ("d", 0, 2)):
        train_fold(Toy(), tmp_path / name, replace(PLAIN, seed=seed, fold=fold))
        found.append(weights(tmp_path / name))
    assert same(found[0], found[1])
    assert not same(found[0], found[2])
    assert not same(found[0], found[3])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_run_ends_with_the_same_weights(tmp_path, precision):
    so = replace(PLAIN, epochs=6, precision=precision)
    whole = train_fold(Toy(), tmp_path / "whole", so)
    train_fold(Toy(), tmp_path / "cut", replace(so, epochs=2))
    resumed = train_fold(Toy(), tmp_path / "cut", so, resume=True)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert same(whole.weights, resumed.weights)
    timeless = [[{**e, "seconds": 0} for e in c.history] for c in (whole, resumed)]
    assert timeless[0] == timeless[1]


@pytest.mark.parametrize(("precision", "last"), [("fp32", False), ("bf16", True)])
def test_convolutions_have_channels_last_where_that_is_quicker(tmp_path, precision, last):
    second, seen = torch.nn.Conv3d(4, 4, 3, padding=1), []
    second.register_forward_hook(lambda layer, _given, _out: seen.append(layer.weight))

    class Looking(Toy):
        def network(self):
            first, *rest = super().network()
            return torch.nn.Sequential(first, second, *rest)

    train_fold(Looking(), tmp_path, replace(PLAIN, epochs=1, precision=precision))
    layout = torch.channels_last_3d
    assert {each.is_contiguous(memory_format=layout) for each in seen[:3]} == {last}


def test_killed_at_any_moment_it_goes_on_to_the_same_weights(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(whole, 60), check=True, capture_output=True)
    chance = random.Random(3)
    kills = 0
    for _ in range(3):
        process = subprocess.Popen(command(killed, 60, "--resume"), stdout=subprocess.PIPE)
        process.stdout.readline()  # an epoch is over: it writes, or trains again
        time.sleep(chance.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills >= 1
    assert load_checkpoint(killed / LAST).epoch >= 1  # the last state is whole
    subprocess.run(command(killed, 60, "--resume"), check=True, capture_output=True)
    assert load_checkpoint(killed / LAST).epoch == 60
    assert same(weights(whole), weights(killed))
    assert [p.name for p in killed.iterdir()] == [LAST]


def test_killed_while_it_writes_the_state_before_stays(tmp_path):
    train_fold(Toy(), tmp_path, replace(PLAIN, epochs=2))
    before = (tmp_path / LAST).read_bytes()
    script = (
        "import os, signal, safetensors.torch as s\n"
        "from pathlib import Path\n"
        "real = Path.open\n"
        "class Half:\n"
        "    def __init__(self, file): self.file = file\n"
        "    def __enter__(self): return self\n"
        "    def __exit__(self, *e): return False\n"
        "    def write(self, held):\n"
        "        self.file.write(held[: len(held) // 2]); self.file.flush()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "def half(p, mode='r', *a):\n"
        "    return Half(real(p, mode)) if mode == 'wb' else real(p, mode)\n"
        "Path.open = half\n"
        "import sys; sys.argv = ['toy', *sys.argv[1:]]\n"
        "from Testing.unit.toy_training import main; main()\n"
    )
    words = [str(tmp_path), "4", "--resume", "--accumulate", "1"]
    ended = subprocess.run([sys.executable, "-c", script, *words], capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert (tmp_path / LAST).read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2  # half a file beside it
    train_fold(Toy(), tmp_path, replace(PLAIN, epochs=3), resume=True)
    assert [p.name for p in tmp_path.iterdir()] == [LAST]
    assert load_checkpoint(tmp_path / LAST).epoch == 3


def test_a_full_disk_is_said_and_the_last_state_kept(tmp_path):
    ended = subprocess.run(
        command(tmp_path, 9, "--limit", "1000"), capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 2
    assert "disk is full" in ended.stderr
    assert load_checkpoint(tmp_path / LAST).epoch == 2
    assert [p.name for p in tmp_path.iterdir()] == [LAST]


def test_two_processes_learn_what_one_does(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    both = [
        subprocess.Popen(
            command(tmp_path / "two", 5, "--accumulate", "4"),
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for rank in (0, 1)
    ]
    said = [process.communicate(timeout=180) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[1][0] == b""  # only the first one talks
    subprocess.run(command(tmp_path / "one", 5, "--accumulate", "4"), check=True)
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name in (n for n in one if "num_batches" not in n):
        # Means and variances of batch norm run over other batches in another order.
        loose = "running" in name
        torch.testing.assert_close(
            two[name], one[name], rtol=0.2 if loose else 1e-3, atol=0.1 if loose else 1e-5
        )


def test_micro_batches_add_up_to_the_batch(tmp_path):
    class Halves(Toy):
        """The same values as one batch, in two micro-batches."""

        def micro_batches(self, epoch):
            return 12

        def micro_batch(self, epoch, index, rng):
            values, truth = Whole.micro_batch(self, epoch, index // 2, rng)
            half = slice(0, 4) if index % 2 == 0 else slice(4, 8)
            return values[half], truth[half]

    class Whole(Toy):
        def micro_batch(self, epoch, index, rng):
            return Toy.micro_batch(self, epoch, index, np.random.default_rng((epoch, index)))

    train_fold(Whole(plain=True, size=8), tmp_path / "a", PLAIN)
    train_fold(Halves(plain=True, size=8), tmp_path / "b", replace(PLAIN, accumulate=2))
    one, other = weights(tmp_path / "a"), weights(tmp_path / "b")
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_says_where(tmp_path, value):
    class Broken(Toy):
        def micro_batch(self, epoch, index, rng):
            values, truth = super().micro_batch(epoch, index, rng)
            if (epoch, index) == (2, 3):
                values[0] = value
            return values, truth

    with pytest.raises(InputError, match="fold 1, epoch 2, micro-batch 4 of 6: the loss is"):
        train_fold(Broken(), tmp_path, PLAIN)
    assert load_checkpoint(tmp_path / LAST).epoch == 1


def test_gradients_that_are_not_finite_end_it_where_they_are_many(tmp_path):
    class Steep(Toy):
        def loss(self, output, truth):
            return (output - output).abs().sqrt().sum() + 0 * truth.sum()  # finite, its slope not

    with pytest.raises(InputError, match=r"epoch 1: 6 of 6 steps had no finite gradient"):
        train_fold(Steep(), tmp_path, PLAIN)


def test_validation_that_gives_no_number_ends_it(tmp_path):
    class Lost(Toy):
        def validate(self, network):
            return {"accuracy": float("nan")}

    with pytest.raises(InputError, match="the validation's accuracy is nan"):
        train_fold(Lost(), tmp_path, PLAIN)


def test_resuming_otherwise_or_from_rubbish_is_refused(tmp_path):
    train_fold(Toy(), tmp_path, replace(PLAIN, epochs=1))
    with pytest.raises(InputError, match="was trained with accumulate 1, not 2"):
        train_fold(Toy(), tmp_path, replace(PLAIN, accumulate=2), resume=True)
    with pytest.raises(InputError, match="does not fit the network"):
        train_fold(Toy(plain=True), tmp_path, PLAIN, resume=True)
    for rubbish in (b"", b"x" * 100, (tmp_path / LAST).read_bytes()[:-40]):
        (tmp_path / LAST).write_bytes(rubbish)
        with pytest.raises(InputError, match="no checkpoint, or a damaged one"):
            train_fold(Toy(), tmp_path, PLAIN, resume=True)
    fresh = train_fold(Toy(), tmp_path, PLAIN)  # without resume it starts anew
    assert len(fresh.history) == 4


def test_uneven_shares_are_refused(tmp_path):
    from HNCLogic.training.ranks import Ranks

    with pytest.raises(InputError, match="2 processes cannot share out 3 micro-batches"):
        train_fold(Toy(), tmp_path, replace(PLAIN, accumulate=3), ranks=Ranks(0, 2))
