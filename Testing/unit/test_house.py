"""The house holds together: pins, packages, resources, documents."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import HNCLogic
from HNCLogic.resources import resource_folder

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def pins(python: str | None = None) -> dict[str, str]:
    """Name to version in constraints.txt, for one Python on Linux."""
    found: dict[str, str] = {}
    for line in (REPOSITORY / "constraints.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        one = Requirement(line)
        environment = {"platform_system": "Linux"}
        if python is not None:
            environment["python_version"] = python
        if one.marker and not one.marker.evaluate(environment):
            continue
        assert one.name not in found, f"two versions of {one.name} for Python {python}"
        (only,) = one.specifier
        assert only.operator == "==", line
        assert "*" not in only.version, line
        found[canonicalize_name(one.name)] = only.version
    return found


def extras() -> dict[str, list[str]]:
    project = PYPROJECT["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


@pytest.mark.parametrize("python", PYTHONS)
def test_every_direct_need_is_pinned_to_a_version_it_allows(python):
    pinned = pins(python)
    for needs in extras().values():
        for need in map(Requirement, needs):
            version = pinned[canonicalize_name(need.name)]
            assert need.specifier.contains(version), f"{need} is pinned to {version}"


def test_what_the_needs_need_in_turn_is_pinned_and_installed_as_pinned():
    """The whole closure, as far as it is installed here."""
    pinned = pins()
    waiting = [Requirement(need) for needs in extras().values() for need in needs]
    seen: set[tuple[str, frozenset]] = set()
    checked = 0
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        key = (name, frozenset(need.extras))
        if key in seen:
            continue
        seen.add(key)
        assert name in pinned, f"{need} is not pinned"
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here
        assert found.version.split("+")[0] == pinned[name], name
        checked += 1
        for text in found.requires or ():
            inner = Requirement(text)
            wanted = [{"extra": extra} for extra in ("", *need.extras)]
            if inner.marker is None or any(map(inner.marker.evaluate, wanted)):
                waiting.append(inner)
    assert checked > 30


def test_version_is_the_same_everywhere():
    version = HNCLogic.__version__
    assert PYPROJECT["project"]["version"] == version
    assert f"[{version}]" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_package_and_every_file_of_it_is_in_the_wheel(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    left_out = shutil.ignore_patterns("__pycache__", "*.partial-*")
    for name in ("HNCLogic", "Resources"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=left_out)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(source).as_posix()
        for path in (source / "HNCLogic").rglob("*")
        if path.suffix in (".py", ".html", ".css")
    }
    for path in (source / "Resources").rglob("*"):
        if path.is_file() and "Screenshots" not in path.parts:
            expected.add(f"HNCLogic/{path.relative_to(source).as_posix()}")
    assert expected - inside == set()
    tops = {name.split("/")[0] for name in inside}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"HNCLogic"}

    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    ask = "from HNCLogic.resources import resource_folder as f; print(f())"
    answer = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path / "installed", capture_output=True, text=True
    )
    assert Path(answer.stdout.strip()) == tmp_path / "installed" / "HNCLogic" / "Resources"


def test_resources_are_found_in_the_source_tree():
    assert resource_folder() == REPOSITORY / "Resources"
    assert (resource_folder() / "Icons" / "HNC.png").is_file()


def test_slicers_two_files_agree():
    cmake = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    entry = json.loads((REPOSITORY / "HNC.json").read_text(encoding="utf-8"))
    assert re.search(r"^project\((\w+)\)", cmake, re.MULTILINE)[1] == "HNC"
    assert "v1.0.2" in entry["$schema"]
    assert {"$schema", "category", "scm_url"} <= set(entry)
    depends = re.search(r'EXTENSION_DEPENDS "([^"]*)"', cmake)[1].split()
    assert depends == entry["build_dependencies"]
    assert f'"{entry["scm_url"]}"' in cmake


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_documents_point_only_to_what_is_there(name):
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (REPOSITORY / target).exists(), f"{name} points to {target}"
    assert not re.search(r"(?<![\w.])/(home|root|work|tmp|Users)/", text), "a path of one machine"


def test_the_parts_that_everyone_loads_load_quickly():
    heavy = (
        "torch",
        "monai",
        "matplotlib",
        "pandas",
        "sklearn",
        "vtk",
        "slicer",
        "jinja2",
        "scipy",
    )
    modules = "HNCLogic, HNCLogic.outputs, HNCLogic.report.html, HNCLogic.report.terminal"
    ask = f"import sys, {modules}; print([m for m in {heavy} if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", ask], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "[]", answer.stderr
