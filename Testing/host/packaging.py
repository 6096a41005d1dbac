"""slicer.packaging and the PyTorch extension: nothing is installed, every wish is kept.

Tests say what is missing and what fails; otherwise what this Python has is what there is.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import slicer
from packaging.requirements import Requirement


class Packages:
    """What the tests set, and what was asked for.

    ``missing``: names that count as not installed until an installation; ``failure``: what pip
    says where it is to fail; ``installed``: the requirements that pip was given; ``requests``:
    the names of those who asked.
    """

    def __init__(self):
        self.reset()

    def reset(self) -> None:
        self.missing: set[str] = set()
        self.failure = ""
        self.installed: list[str] = []
        self.requests: list[str | None] = []


packages = Packages()


def load_requirements(path: str | Path) -> list[Requirement]:
    """The requirements in a file; comments and pip's own options are left out."""
    lines = (line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


def load_pyproject_dependencies(path: str | Path) -> list[Requirement]:
    """The dependencies of a pyproject.toml. Raises KeyError where it has no [project]."""
    import tomllib

    project = tomllib.loads(Path(path).read_text(encoding="utf-8"))["project"]
    return [Requirement(line) for line in project.get("dependencies", ())]


def pip_check(req: Any) -> bool:
    """True where every requirement is met."""
    return all(_met(each) for each in _requirements(req))


def pip_install(
    requirements,
    constraints=None,
    no_deps_requirements=None,
    skip_packages=None,
    blocking=True,
    show_progress=True,
    requester=None,
    logCallback=None,
    completedCallback=None,
) -> None:
    """Keep the wish. Raises CalledProcessError where the test said so."""
    if not blocking:
        raise NotImplementedError("this stand-in installs only while the caller waits")
    wanted = _requirements(requirements)
    packages.requests.append(requester)
    if packages.failure:
        command = [sys.executable, "-m", "pip", "install", *map(str, wanted)]
        raise subprocess.CalledProcessError(1, command, output=packages.failure)
    packages.installed += [str(each) for each in wanted]
    packages.missing -= {each.name for each in wanted}


def pip_ensure(
    requirements,
    constraints=None,
    skip_packages=None,
    prompt_install=True,
    prompt_restart=True,
    requester=None,
    skip_in_testing=True,
    show_progress=True,
) -> None:
    """Install what is missing, asking first. Raises RuntimeError where the user says no."""
    wanted = [each for each in _requirements(requirements) if not _met(each)]
    if not wanted or (skip_in_testing and slicer.app.testingEnabled()):
        return
    if prompt_install:
        words = f"{len(wanted)} Python packages need to be installed."
        details = "\n".join(f"- {each}" for each in wanted)
        title = f"{requester} - Install Python Packages"
        if not slicer.util.confirmOkCancelDisplay(words, title, detailedText=details):
            raise RuntimeError("User declined package installation")
    pip_install([str(each) for each in wanted], constraints, None, requester=requester)


def isPipInstallInProgress() -> bool:
    return False


class PyTorchUtilsLogic:
    """The PyTorch extension's logic. ``torch`` never comes into this process."""

    failure = ""  # where not empty, installTorch raises
    declined = False  # where True, installTorch returns None
    calls: list[dict] = []

    @staticmethod
    def torchInstalled() -> bool:
        return "torch" not in packages.missing

    def installTorch(
        self, askConfirmation=False, forceComputationBackend=None, torchVersionRequirement=None
    ) -> Any:
        """A module-like object with a version, or None; the real one imports torch."""
        self.calls.append(
            {
                "askConfirmation": askConfirmation,
                "forceComputationBackend": forceComputationBackend,
                "torchVersionRequirement": torchVersionRequirement,
            }
        )
        if self.failure:
            raise RuntimeError(self.failure)
        if self.declined:
            return None
        packages.missing.discard("torch")
        packages.installed.append("torch" + (torchVersionRequirement or ""))
        return ModuleType("torch")


def add_pytorch_extension(manager: Any, module: Any) -> type[PyTorchUtilsLogic]:
    """Make ``slicer.modules.pytorchutils`` and ``import PyTorchUtils`` work."""
    remove_pytorch_extension(manager)
    PyTorchUtilsLogic.failure, PyTorchUtilsLogic.declined = "", False
    PyTorchUtilsLogic.calls.clear()
    importable = ModuleType("PyTorchUtils")
    importable.PyTorchUtilsLogic = PyTorchUtilsLogic
    sys.modules["PyTorchUtils"] = importable
    manager.add(module)
    return PyTorchUtilsLogic


def remove_pytorch_extension(manager: Any) -> None:
    """As it is in a fresh Slicer: the extension is not there."""
    sys.modules.pop("PyTorchUtils", None)
    if manager.module("PyTorchUtils") is not None:
        manager.unload("PyTorchUtils")


def _requirements(given: Any) -> list[Requirement]:
    if isinstance(given, str):
        given = given.split()
    elif isinstance(given, Requirement):
        given = [given]
    return [each if isinstance(each, Requirement) else Requirement(each) for each in given]


def _met(requirement: Requirement) -> bool:
    if requirement.name in packages.missing:
        return False
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(found, prereleases=True)


def module() -> ModuleType:
    """The module slicer.packaging."""
    made = ModuleType("slicer.packaging")
    for function in (
        load_requirements,
        load_pyproject_dependencies,
        pip_check,
        pip_install,
        pip_ensure,
        isPipInstallInProgress,
    ):
        setattr(made, function.__name__, function)
    return made
