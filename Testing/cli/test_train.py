"""``hnc train`` from the command line: settings, one process and two, a script inside Slicer."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch

from HNCLogic.errors import InputError
from HNCLogic.models.store import verify
from HNCLogic.train_command import chosen_from
from Testing.unit.small_cohort import write_cohort
from Testing.unit.test_training_run import PRESENCE


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"), 20)


def words(cohort, out, **changed):
    chosen = PRESENCE | {"epochs": 2, "micro_batch": 2, "batch": 4} | changed
    settings = [
        w for name, value in chosen.items() for w in ("--set", f"{name}={json.dumps(value)}")
    ]
    return [
        sys.executable, "-m", "HNCLogic", "train", "presence", "--cohort", str(cohort),
        "--out", str(out), "--device", "cpu", "--precision", "fp32", "--threads", "1", *settings,
    ]  # fmt: skip


def test_settings_from_words():
    assert chosen_from(["epochs=5", "preparation.pixels=32", 'roles=["PET","MR"]', "x=a b"]) == {
        "epochs": 5, "preparation": {"pixels": 32}, "roles": ["PET", "MR"], "x": "a b",
    }  # fmt: skip
    for wrong in ("epochs", "=5"):
        with pytest.raises(InputError, match="give NAME=VALUE"):
            chosen_from([wrong])
    with pytest.raises(InputError, match="epochs is no group"):
        chosen_from(["epochs=5", "epochs.more=1"])


def test_settings_are_shown_and_nothing_trained(cohort, tmp_path):
    ended = subprocess.run(
        [*words(cohort, tmp_path / "run"), "--show-settings"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    shown = json.loads(ended.stdout)
    assert (shown["epochs"], shown["preparation"]["pixels"], shown["patience"]) == (2, 16, 30)
    assert not (tmp_path / "run").exists()


def test_two_processes_make_one_model_the_one_that_a_single_process_makes(cohort, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    both = [
        subprocess.Popen(
            [*words(cohort, tmp_path / "two"), "--folds", "2"],
            env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    said = [process.communicate(timeout=280) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert "try it: hnc models add" in said[0][0]
    assert said[1][0] == ""  # only the first one talks
    subprocess.run(
        [*words(cohort, tmp_path / "one"), "--folds", "2"], check=True, capture_output=True,
        timeout=280,
    )  # fmt: skip
    models = [verify(tmp_path / name / "model") for name in ("one", "two")]
    for one, two in zip(*(list(model.networks()) for model in models), strict=True):
        for (name, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
            if "running" in name:  # taken in another order, so only nearly the same
                continue
            torch.testing.assert_close(
                a, b, rtol=5e-3, atol=5e-4, msg=lambda m, n=name: f"{n}: {m}"
            )


def test_ranks_that_are_no_numbers_are_refused(cohort, tmp_path):
    ended = subprocess.run(
        words(cohort, tmp_path / "run"),
        env=os.environ | {"WORLD_SIZE": "1", "RANK": "x"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "ranks are no numbers" in ended.stderr


def test_torchrun_hands_on_all_options(capsys):
    """It takes a word that begins like an option of its own for that, wherever it stands."""
    import typer.main
    from torch.distributed.run import get_args_parser

    from HNCLogic.train_command import train

    app = typer.Typer()
    app.command()(train)
    options = [p.opts for p in typer.main.get_command(app).params if p.param_type_name == "option"]
    assert ["--start", "--begin-with"] in options
    for names in options:
        words = ["-m", "HNCLogic", "train", "tumour-volume", names[-1], "x"]
        assert get_args_parser().parse_args(words).training_script_args[-2:] == [names[-1], "x"]
