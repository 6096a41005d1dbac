"""What Slicer's Extensions Index and its packager ask of an extension, read off our own files."""

from __future__ import annotations

import ast
import json
import re
import struct
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from Testing.unit.test_house import PYPROJECT

REPOSITORY = Path(__file__).resolve().parents[2]
MODULES = ("HNCAnalysis", "HNCSegment")
SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/"
    "slicer-extension-catalog-entry-schema-v1.0.2.json#"
)
SCHEMA_KEYS = {
    "$schema", "category", "scm_url", "scm_revision", "scm_type", "build_dependencies",
    "dicom_support_rule", "build_subdirectory", "enabled", "tier",
}  # fmt: skip
CATEGORIES = ("Nuclear Medicine", "Segmentation")
# What a module may import at file scope: there from the start, and quick.
LIGHT = {"slicer", "vtk", "qt", "ctk", "numpy", "SimpleITK", "HNCLogic", "__future__"}
# Comes with Slicer, or with the PyTorch extension: never installed by pip from here.
NOT_BY_PIP = {"torch", "simpleitk", "numpy", "scipy"}
LARGEST_CHECKOUT = 100e6  # bytes, with its history


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def cmake_value(name: str) -> str:
    return re.search(rf'set\({name} "([^"]*)"\)', text("CMakeLists.txt")).group(1)


def listed(module: str, kind: str) -> set[str]:
    block = re.search(rf"set\({kind}\s+([^)]*)\)", text(f"{module}/CMakeLists.txt")).group(1)
    return {line.strip().replace("${MODULE_NAME}", module) for line in block.split()}


def test_the_catalogue_entry():
    entry = json.loads(text("HNC.json"))
    assert entry["$schema"] == SCHEMA
    assert set(entry) <= SCHEMA_KEYS
    assert entry["category"] in CATEGORIES
    assert re.fullmatch(r"https://github\.com/\w+/SlicerHNC", entry["scm_url"])
    assert 1 <= entry["tier"] <= 5
    assert isinstance(entry["tier"], int)
    assert entry["build_dependencies"] == cmake_value("EXTENSION_DEPENDS").split()
    assert "PyTorch" in entry["build_dependencies"]


def test_the_project_is_called_as_its_entry():
    assert re.search(r"^project\((\w+)\)", text("CMakeLists.txt"), re.M).group(1) == "HNC"
    assert (REPOSITORY / "HNC.json").is_file()
    assert "Apache License" in text("LICENSE")


def test_the_extension_describes_itself():
    assert len(cmake_value("EXTENSION_DESCRIPTION")) > 60
    assert "Research use only" in cmake_value("EXTENSION_DESCRIPTION")
    assert cmake_value("EXTENSION_CONTRIBUTORS")
    assert cmake_value("EXTENSION_HOMEPAGE").startswith("https://")
    pictures = [cmake_value("EXTENSION_ICONURL"), *cmake_value("EXTENSION_SCREENSHOTURLS").split()]
    for url in pictures:
        assert (REPOSITORY / url.split("/main/")[1]).is_file(), url


@pytest.mark.parametrize("module", MODULES)
def test_every_file_of_a_module_is_packaged(module):
    folder = REPOSITORY / module
    scripts = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if "__pycache__" not in path.parts
    }
    assert listed(module, "MODULE_PYTHON_SCRIPTS") == scripts
    resources = {p.relative_to(folder).as_posix() for p in folder.rglob("Resources/**/*.*")}
    assert listed(module, "MODULE_PYTHON_RESOURCES") == resources
    assert f"add_subdirectory({module})" in text("CMakeLists.txt")
    assert "slicer_add_python_unittest(" in text(f"{module}/CMakeLists.txt")


@pytest.mark.parametrize("module", MODULES)
def test_only_the_module_itself_lies_where_slicer_looks_for_modules(module):
    assert [path.name for path in (REPOSITORY / module).glob("*.py")] == [f"{module}.py"]
    assert len(text(f"{module}/{module}.py").splitlines()) < 150


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_what_it_is(module):
    source = text(f"{module}/{module}.py")
    classes = {n.name for n in ast.parse(source).body if isinstance(n, ast.ClassDef)}
    for ending in ("", "Widget", "Logic", "Test"):
        assert module + ending in classes
    assert f"return {module}ParameterNode(super().getParameterNode())" in source
    for field in ("title", "categories", "dependencies", "contributors", "helpText"):
        assert f"self.parent.{field} = " in source, field
    assert "self.parent.acknowledgementText = " in source
    assert png_size(f"{module}/Resources/Icons/{module}.png") >= (64, 64)


@pytest.mark.parametrize("icon", ["Resources/Icons/HNC.png"])
def test_the_extensions_icon(icon):
    assert png_size(icon) == (128, 128)


def png_size(name: str) -> tuple[int, int]:
    header = (REPOSITORY / name).read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", header[16:24])


def module_files() -> list[Path]:
    folders = [REPOSITORY / module for module in MODULES]
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def files_the_panels_open_with() -> list[Path]:
    panels = (REPOSITORY / "HNCLogic" / "panels").glob("*.py")
    scripts = (REPOSITORY / "HNCLogic" / name for name in ("train.py", "analyze.py"))
    return [*module_files(), *sorted(panels), *scripts]


@pytest.mark.parametrize(
    "path", files_the_panels_open_with(), ids=lambda path: path.relative_to(REPOSITORY).as_posix()
)
def test_nothing_heavy_or_active_at_file_scope(path):
    import sys

    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports break when Slicer reloads a module"
            names = [node.module]
        else:
            harmless = (ast.ClassDef, ast.FunctionDef, ast.Assign, ast.AnnAssign, ast.If)
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            assert docstring or isinstance(node, harmless), f"line {node.lineno} runs at import"
            if isinstance(node, ast.If):
                assert ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'")
            continue
        for name in names:
            root = name.split(".")[0]
            own = root.removesuffix("Lib") in MODULES
            assert own or root in LIGHT or root in sys.stdlib_module_names, f"{name} at file scope"


def test_what_slicers_pip_installs():
    lines = [line for line in text("Resources/requirements.txt").splitlines() if line[:1] != "#"]
    asked = {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines if line}
    needs = {canonicalize_name(Requirement(n).name): Requirement(n) for n in
             PYPROJECT["project"]["dependencies"]}  # fmt: skip
    assert set(asked) == set(needs) - NOT_BY_PIP
    for name, requirement in asked.items():
        assert str(requirement.specifier) == str(needs[name].specifier)
        assert {one.operator for one in requirement.specifier} == {">="}, "no pins in Slicer"


@pytest.mark.parametrize(
    "path",
    [*REPOSITORY.glob("HNC*/Resources/UI/*.ui"), *REPOSITORY.glob("Resources/UI/*.ui")],
    ids=lambda path: path.name,
)
def test_panels_are_whole_xml_and_need_no_file_of_icons(path):
    root = ET.parse(path).getroot()
    assert root.tag == "ui"
    used = {w.get("class") for w in root.iter("widget")}
    declared = {c.findtext("class") for c in root.iter("customwidget")}
    assert {name for name in used if not name.startswith("Q") and name != "Line"} == declared
    assert not list(root.iter("iconset"))


def test_the_checkout_is_small_enough():
    git = ["git", "-C", str(REPOSITORY)]
    inside = subprocess.run([*git, "rev-parse"], capture_output=True, check=False).returncode == 0
    if not inside:
        pytest.skip("not a git checkout: its size with its history is not known")
    names = subprocess.run([*git, "ls-files", "-z"], capture_output=True, check=True).stdout
    files = [REPOSITORY / name for name in names.decode().split("\0") if name]
    here = sum(path.stat().st_size for path in files if path.is_file())
    # What a clone brings; the folder .git of whoever works here holds other branches' tries, too.
    packed = subprocess.run([*git, "pack-objects", "--revs", "--stdout", "-q"], input=b"HEAD\n",
                            capture_output=True, check=True).stdout  # fmt: skip
    assert here + len(packed) < LARGEST_CHECKOUT
    assert max(path.stat().st_size for path in files if path.is_file()) < 45e6
