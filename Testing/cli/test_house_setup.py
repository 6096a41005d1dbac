"""``hnc.py`` sets up its own environment: tried on a small checkout, with wheels made here."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "hnc"
version = "0.1.0"
[project.optional-dependencies]
scene = []
train = []
test = []
[tool.setuptools]
packages = ["HNCLogic"]
"""
COMMAND = """
import os, sys
print("hnc got", sys.argv[1:], "in", os.path.basename(os.getcwd()))
sys.exit(7)
"""


def small_torch(folder: Path) -> None:
    """A wheel called torch with nothing in it but its need of setuptools."""
    record = "torch-2.13.0.dist-info"
    with zipfile.ZipFile(folder / "torch-2.13.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("torch/__init__.py", "")
        wheel.writestr(
            f"{record}/METADATA",
            "Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0\nRequires-Dist: setuptools\n",
        )
        wheel.writestr(f"{record}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{record}/RECORD", "")


def installed_setuptools(folder: Path) -> str:
    """The setuptools that runs these tests, packed again; gives its pin."""
    found = importlib.metadata.distribution("setuptools")
    name = f"setuptools-{found.version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for file in found.files:
            if file.suffix != ".pyc" and ".." not in file.parts and file.locate().is_file():
                wheel.write(file.locate(), str(file))
    return f"setuptools=={found.version}"


@pytest.fixture
def checkout(tmp_path):
    """A small checkout in a folder with a space, and the environment that finds its wheels."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    small_torch(wheels)
    pin = installed_setuptools(wheels)
    root = tmp_path / "my checkout"
    (root / "HNCLogic").mkdir(parents=True)
    shutil.copy(REPOSITORY / "hnc.py", root)
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "constraints.txt").write_text(f"{pin}\ntorch==2.13.0\n")
    (root / "HNCLogic" / "__init__.py").write_text("")
    (root / "HNCLogic" / "__main__.py").write_text(COMMAND)
    return root


def surroundings(checkout: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHONPATH"))}
    wheels = (checkout.parent / "wheels").as_uri()
    source = more or {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, **source}


def start(checkout: Path, *words: str, **more: str) -> subprocess.Popen:
    elsewhere = checkout.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, str(checkout / "hnc.py"), *words],
        cwd=elsewhere,
        env=surroundings(checkout, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_first_use_two_at_once_then_quick_then_updated_then_repaired(checkout):
    words = ("analyze", "--pet", "a b.nii", "--json")
    answer = f"hnc got {list(words)} in elsewhere\n"

    both = [start(checkout, *words), start(checkout, *words)]
    results = [finish(process) for process in both]
    assert [result[:2] for result in results] == [(7, answer)] * 2, results
    told = sorted(results, key=lambda result: len(result[2]))
    assert "waiting" in told[0][2]
    assert "first use" not in told[0][2]
    for words_shown in ("first use", "fetching torch 2.13.0", "installing", "set up in"):
        assert words_shown in told[1][2]

    begun = time.monotonic()
    assert finish(start(checkout, *words)) == (7, answer, "")
    assert time.monotonic() - begun < 3

    (checkout / "constraints.txt").open("a").write("# a new pin\n")
    code, out, err = finish(start(checkout, *words))
    assert (code, out) == (7, answer)
    assert "updating" in err

    state = checkout / ".venv" / "hnc-setup.json"
    ready = json.loads(state.read_text())
    state.write_text(json.dumps({**ready, "state": "installing"}))
    site = next((checkout / ".venv").glob("lib/python3*/site-packages"))
    (site / "half-written").mkdir()
    code, out, err = finish(start(checkout, *words))
    assert (code, out) == (7, answer)
    assert "cut short" in err
    assert not (site / "half-written").exists()
    assert json.loads(state.read_text()) == ready


def test_no_network_is_one_clear_line_and_the_next_start_begins_again(checkout):
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}
    code, out, err = finish(start(checkout, "demo", **nowhere))
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("hnc: packages could not be fetched: no connection")
    assert "Traceback" not in err
    assert json.loads((checkout / ".venv" / "hnc-setup.json").read_text())["state"] == "installing"


def test_help_comes_at_once_and_sets_nothing_up(checkout):
    for words in ((), ("--help",), ("-h",)):
        code, out, err = finish(start(checkout, *words))
        assert (code, err) == (0, "")
        assert "hnc.py demo" in out
        assert "hnc.py test" in out
    assert not (checkout / ".venv").exists()


@pytest.fixture
def hnc():
    spec = importlib.util.spec_from_file_location("hnc_entry", REPOSITORY / "hnc.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("version", [(3, 9, 2), (3, 14, 0)])
def test_another_python_is_named_with_what_to_do(hnc, monkeypatch, version):
    monkeypatch.setattr(hnc.sys, "version_info", version)
    monkeypatch.setattr(hnc.shutil, "which", {"python3.11": "/bin/x"}.get)
    with pytest.raises(hnc.SetupError) as error:
        hnc.check_python()
    assert str(error.value) == (
        f"needs Python 3.10 to 3.13, and this is 3.{version[1]}; try: python3.11 hnc.py"
    )


def test_what_pip_says_is_told_in_one_line_a_package(hnc, capsys, monkeypatch):
    here: set[str] = {"pip-26.3"}
    monkeypatch.setattr(hnc, "dist_infos", lambda: set(here))
    told = hnc.PipTold()
    for line in (
        "Looking in links: /opt/wheels\n",
        "WARNING: Location 'file:///opt/simple/monai/' is ignored: it is neither a file nor\n",
        "Collecting monai==1.5.2 (from hnc==0.1.0)\n",
        "  Downloading monai-1.5.2-py3-none-any.whl.metadata (13 kB)\n",
        "  Downloading monai-1.5.2-py3-none-any.whl (2.7 MB)\n",
        "Processing /opt/files/torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl (from -r x)\n",
        "Installing collected packages: torch, monai\n",
    ):
        told.hear(line)
    here.update({"torch-2.13.0+cpu"})
    told.tick()
    monkeypatch.setattr(hnc.time, "monotonic", lambda: told.since + 20)
    told.tick()
    assert capsys.readouterr().err.splitlines() == [
        "  [1] fetching monai 1.5.2 (2.7 MB)",
        "  [2] fetching torch 2.13.0+cpu",
        "  installing 2 packages",
        "  [1/2] installing: torch 2.13.0+cpu",
        "  … still installing (20 s)",
    ]


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("x\nERROR: Could not install: [Errno 28] No space left on device\n", "is full"),
        ("WARNING: Retrying: NewConnectionError('x')\nERROR: No matching torch\n", "no connection"),
        ("ERROR: one\nERROR: No matching distribution found for torch\n", "No matching distrib"),
        ("", "pip said nothing"),
    ],
)
def test_why_pip_failed(hnc, log, line):
    assert line in hnc.why_pip_failed(log)
    assert "\n" not in hnc.why_pip_failed(log)


def test_workers_unless_the_words_say_otherwise(hnc, monkeypatch):
    monkeypatch.setattr(hnc.os, "cpu_count", lambda: 2)
    assert hnc.spread(["-k", "suv"]) == ["-n", "2"]
    assert hnc.spread(["-n0"]) == hnc.spread(["--pdb"]) == []


def test_lint_and_tests_all_run_and_any_failure_counts(hnc, monkeypatch, capsys):
    ran = []

    def run(command, **options):
        ran.append(command[2])
        return subprocess.CompletedProcess(command, 1 if "format" in command else 0)

    monkeypatch.setattr(hnc.subprocess, "run", run)
    assert hnc.run_tests([]) == 1
    assert ran == ["ruff", "ruff", "pytest"]
    assert capsys.readouterr().err == "hnc: failed: ruff format (1)\n"
