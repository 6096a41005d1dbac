"""``--python-script`` files, ``--config``, and the commands that make patients and train."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from HNCLogic.cli import app
from HNCLogic.config_file import expanded
from HNCLogic.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[2]


def script(name, *words, cwd):
    """Run a script as Slicer does: in ``__main__``, its own folder first on the path."""
    path = REPOSITORY / "HNCLogic" / name
    return subprocess.run(
        [sys.executable, str(path), *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_analyze_script_does_the_job_and_keeps_a_log(tiny_models, patient, tmp_path):
    ended = script(
        "analyze.py",
        "--pet", patient.pet, "--ct", patient.ct, "--out", tmp_path / "out",
        "--presence-model", tiny_models["presence"], "--volume-model", tiny_models["volume"],
        cwd=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert json.loads((tmp_path / "out" / "result.json").read_text())["task"] == "analyze"
    log = (tmp_path / "out.log").read_text()
    assert log.splitlines()[-1] == "hnc analyze ended with exit code 0"
    assert ended.stdout.strip() in log


def test_what_is_wrong_ends_with_2_and_stands_in_the_log(tmp_path):
    ended = script("analyze.py", "--pet", "nowhere.nrrd", "--out=result", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith("hnc: PET: nowhere.nrrd does not exist")
    assert ended.stderr.strip() in (tmp_path / "result.log").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["presenc", "--cohort", "c.csv", "--out", "run"], "no method 'presenc': train presence"),
        (["presence", "--cohort", "c.csv", "--out", "run"], "c.csv: the cohort cannot be read"),
        (["presence", "--cohort", "c.csv", "--out", "run", "--set", "epochs"], "give NAME=VALUE"),
        (["presence", "--cohort", "c.csv"], "--out"),
    ],
)
def test_train_script_says_what_is_wrong(words, said, tmp_path):
    ended = script("train.py", *words, "--log", tmp_path / "t.log", cwd=tmp_path)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert said in (tmp_path / "t.log").read_text()
    assert not (tmp_path / "run").exists()


def test_help_leaves_no_log(tmp_path):
    ended = script("train.py", "--help", cwd=tmp_path)
    assert (ended.returncode, list(tmp_path.iterdir())) == (0, [])
    words = " ".join(ended.stdout.replace("│", " ").split())  # without the table's lines
    assert "presence, tumour-volume, slice-tumour, extension or parotid" in words


def test_an_unwritable_log_is_said(tmp_path):
    ended = script("train.py", "--log", tmp_path / "no" / "such.log", cwd=tmp_path)
    assert (ended.returncode, ended.stderr[:17]) == (2, "hnc: no log file:")


def test_a_missing_package_is_named(tmp_path):
    (tmp_path / "typer.py").write_text("raise ModuleNotFoundError('gone', name='typer')")
    ended = subprocess.run(
        [sys.executable, str(REPOSITORY / "HNCLogic" / "train.py"), "presence"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "package typer is not installed" in ended.stderr


def test_options_from_a_file(tmp_path):
    config = tmp_path / "run.json"
    config.write_text(
        json.dumps(
            {
                "pet": "scan/pet.nrrd",
                "out": "/elsewhere",
                "keep_brain": True,
                "json": False,
                "at": ["1,2,3", "4,5,6"],
                "suv": 3,
            }
        )
    )
    words = expanded(["segment", "--config", str(config), "--out", "here"], app)
    assert words == [
        "segment", "--pet", str(tmp_path / "scan/pet.nrrd"), "--out", "/elsewhere",
        "--keep-brain", "--at", "1,2,3", "--at", "4,5,6", "--suv", "3", "--out", "here",
    ]  # fmt: skip
    config.write_text(json.dumps({"method": "presence", "out": "r", "seed": 2}))
    words = expanded(["train", f"--config={config}"], app)
    assert words == ["train", "presence", "--out", str(tmp_path / "r"), "--seed", "2"]
    words = expanded(["train", "tumour-volume", "--config", str(config)], app)
    assert words[-1] == "tumour-volume"
    assert "presence" not in words


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python reads TOML from 3.11 on")
def test_toml(tmp_path):
    config = tmp_path / "run.toml"
    config.write_text('method = "presence"\nout = "r"\nset = ["epochs=12", "batch=4"]\n')
    words = expanded(["train", "--config", str(config)], app)
    assert words == [
        "train",
        "presence",
        "--out",
        str(tmp_path / "r"),
        "--set",
        "epochs=12",
        "--set",
        "batch=4",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"pett": "x"}', "unknown option pett"),
        ('{"pet": ["x"]}', "a text or a number"),
        ('{"json": "yes"}', "true or false"),
        ("[1]", "not a list of options"),
        ("{", "Expecting"),
    ],
)
def test_bad_files_are_refused(text, said, tmp_path):
    config = tmp_path / "run.json"
    config.write_text(text)
    with pytest.raises(InputError, match=said):
        expanded(["segment", "--config", str(config)], app)
    with pytest.raises(InputError, match="which command"):
        expanded(["--config", str(config)], app)
