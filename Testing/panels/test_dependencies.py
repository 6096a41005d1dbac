"""Packages on first use: asked for, installed the two ways, checked outside the application."""

import subprocess
import sys
from pathlib import Path

import pytest

from Testing.host import desktop


@pytest.fixture
def host():
    host = desktop.start()
    host.fresh()
    yield host
    host.packages.reset()
    assert host.errors == []


@pytest.fixture
def dependencies(host):
    from HNCLogic.panels import dependencies

    return dependencies


def ending(code, said=""):
    """A launch whose process ends with ``code`` after saying ``said``; keeps what was started."""
    started = []

    def launch(arguments, blocking, logCallback, completedCallback, **_rest):
        started.append(arguments)
        if said:
            logCallback(said)
        completedCallback(code)

    launch.started = started
    return launch


def test_where_all_is_there_nothing_is_asked_and_nothing_started(host, dependencies):
    launch = ending(1)
    assert dependencies.missing() == []
    assert dependencies.ensure(launch=launch)
    assert (host.messages, launch.started) == ([], [])


def test_asked_once_installed_both_ways_and_imported_in_a_child(host, dependencies):
    extension = host.add_pytorch_extension()
    host.packages.missing = {"torch", "pydantic", "typer"}
    host.answers.append(True)
    launch = ending(0)
    assert dependencies.missing()[0] == "torch>=2.5"
    assert dependencies.ensure(launch=launch)
    ((kind, question),) = host.messages
    assert kind == "question"
    for name in ("torch>=2.5", "pydantic>=", "typer>="):
        assert name in question
    assert "jinja2" not in question, "only what is missing"
    assert extension.calls[0]["torchVersionRequirement"] == ">=2.5"
    assert {each.split(">")[0] for each in host.packages.installed} == {
        "torch",
        "pydantic",
        "typer",
    }
    assert host.packages.requests == ["HNC"]
    ((python, flag, code),) = launch.started
    assert (Path(python).name, flag) == ("PythonSlicer", "-c")
    assert code.startswith("import torch, ")
    assert dependencies.missing() == []


def test_the_child_really_imports_them(host, dependencies):
    host.packages.missing = {"typer"}
    assert dependencies.ensure(ask=lambda question: True)
    assert host.messages == []


def test_no_means_no(host, dependencies):
    host.packages.missing = {"rich"}
    host.answers.append(False)
    assert not dependencies.ensure(launch=ending(0))
    assert host.packages.installed == []
    assert [kind for kind, _ in host.messages] == ["question"]


def test_without_the_pytorch_extension_it_says_where_to_get_it(host, dependencies):
    host.packages.missing = {"torch"}
    assert not dependencies.ensure(ask=lambda question: True)
    ((kind, words),) = host.messages
    assert kind == "error"
    assert "Extensions Manager" in words


@pytest.mark.parametrize("how", ["network", "declined"])
def test_torch_that_does_not_come(host, dependencies, how):
    extension = host.add_pytorch_extension()
    extension.failure, extension.declined = (
        ("no route to host", False)
        if how == "network"
        else (
            "",
            True,
        )
    )
    host.packages.missing = {"torch", "rich"}
    assert not dependencies.ensure(ask=lambda question: True)
    assert host.packages.installed == [], "the rest is of no use without it"
    assert "PyTorch" in host.messages[-1][1]


def test_no_network_says_which_files_to_bring(host, dependencies):
    host.packages.missing = {"pydantic"}
    host.packages.failure = "Could not resolve host"
    assert not dependencies.ensure(ask=lambda question: True)
    ((kind, words),) = host.messages
    assert kind == "error"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for word in (
        "pip download",
        "pydantic>=",
        "--python-version " + version,
        "--no-index",
        "torch",
    ):
        assert word in words


def test_packages_that_do_not_work_are_told(host, dependencies):
    host.packages.missing = {"rich"}
    launch = ending(1, "ImportError: libgomp.so.1: cannot open shared object file")
    assert not dependencies.ensure(ask=lambda question: True, launch=launch)
    assert "do not work" in host.messages[-1][1]


def test_testing_installs_nothing_and_says_so(host, dependencies):
    """Slicer's own rule: pip_ensure changes nothing in testing mode."""
    host.packages.missing = {"rich"}
    host.app._testing = True
    try:
        assert not dependencies.ensure(ask=lambda question: True)
    finally:
        host.app._testing = False
    assert "Still missing: rich" in host.messages[-1][1]


def test_openvino_is_offered_where_it_is_quicker_and_installed_only_on_a_yes(
    host, dependencies, monkeypatch
):
    host.packages.missing = {"openvino"}
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert not dependencies.offers_openvino()
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    assert dependencies.offers_openvino()
    assert dependencies.missing() == [], "nothing needs it"
    host.answers.append(False)
    launch = ending(0)
    assert not dependencies.install_openvino(launch=launch)
    assert host.packages.installed == []
    host.answers.append(True)
    assert dependencies.install_openvino(launch=launch)
    assert host.packages.installed == ["openvino>=2025.0"]
    assert launch.started[0][-1] == "import openvino"
    assert not dependencies.offers_openvino()
    assert [kind for kind, _ in host.messages] == ["question", "question"]


@pytest.mark.parametrize("wrong", ["network", "import"])
def test_openvino_that_does_not_come_is_told_as_no_loss(host, dependencies, monkeypatch, wrong):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    host.packages.missing = {"openvino"}
    host.packages.failure = "no route to host" if wrong == "network" else ""
    launch = ending(1, "ImportError: not for this processor")
    assert not dependencies.install_openvino(ask=lambda question: True, launch=launch)
    ((kind, words),) = host.messages
    assert kind == "error"
    assert "works as before" in words


def test_nothing_of_it_is_loaded_by_opening_it():
    code = (
        "import sys; from Testing.host import desktop; desktop.start();"
        "from HNCLogic.panels import dependencies; dependencies.missing();"
        "print([n for n in ('torch', 'pydantic', 'jinja2', 'typer') if n in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=desktop.REPOSITORY, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    assert ended.stdout.strip() == "[]"


def test_the_simulated_patient_in_sample_data(host):
    """Made by a child process, loaded with its units and its word that it is simulated."""
    import json

    import SampleData
    import slicer

    from HNCLogic.panels import sample_data
    from HNCLogic.scene.notes import noted_on

    sample_data.register()
    sample_data.register()
    sources = slicer.modules.sampleDataSources[sample_data.CATEGORY]
    assert [source.sampleName for source in sources] == [sample_data.NAME]
    assert SampleData is not None
    pet, ct = sources[0].customDownloader(sources[0])
    assert pet.GetVoxelValueUnits().GetCodeValue() == "{SUVbw}g/ml"
    assert json.loads(pet.GetAttribute("HNC.SuvRecord"))["units_found"] == "SUVbw"
    for node in (pet, ct):
        assert "Simulated" in noted_on(node)["HNC_Simulated"]
        assert node.GetStorageNode() is None, "its file is gone"
    assert slicer.util.arrayFromVolume(pet).max() > 4
    assert host.messages == []


def test_it_is_offered_as_soon_as_the_application_has_started(host):
    import slicer

    host.load("HNCAnalysis/HNCAnalysis.py")
    (source,) = slicer.modules.sampleDataSources["HNC"]
    assert Path(source.thumbnailFileName).is_file()
