"""The files with our terms, the constants, and what Slicer's own logic reads from the files."""

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import HNCLogic
from HNCLogic.lesions.codes import TYPES
from HNCLogic.resources import resource_folder
from HNCLogic.scene.segments import lesion_colour
from HNCLogic.scene.terminology import (
    CATEGORY,
    NODE_OF_HEAD_AND_NECK,
    SIDES,
    SITES,
    kind_of,
    term_for,
)
from HNCLogic.scene.terminology_file import FILES, load_terms, load_terms_into_desktop

# What the schemas of dcmqi, which Slicer's lists follow, allow beside "Type" and "Modifier".
CODE = {"CodingSchemeDesignator", "CodeValue", "CodeMeaning"}
GROUP = {"cid", "contextGroupName", "UMLSConceptUID", "SNOMEDCTConceptID"}
COLOUR = "recommendedDisplayRGBValue"


def read(name):
    return json.loads((resource_folder() / "Terminology" / name).read_text(encoding="utf-8"))


@pytest.fixture
def types():
    (category,) = read(FILES[0])["SegmentationCodes"]["Category"]
    return category["Type"]


@pytest.fixture
def regions():
    return read(FILES[1])["AnatomicCodes"]["AnatomicRegion"]


def words(entry):
    return "^".join(entry[key] for key in ("CodingSchemeDesignator", "CodeValue", "CodeMeaning"))


def check(entry, *more):
    assert CODE <= set(entry) <= CODE | GROUP | set(more)
    for key, value in entry.items():
        if key == COLOUR:
            assert len(value) == 3
            assert all(isinstance(part, int) and 0 <= part <= 255 for part in value)
        elif isinstance(value, str):
            assert 0 < len(value) <= 64


def test_types_are_the_constants_in_the_lesions_colours(types):
    (category,) = read(FILES[0])["SegmentationCodes"]["Category"]
    assert words(category) == CATEGORY
    check(category, "showAnatomy", "Type")
    assert [words(entry) for entry in types] == list(TYPES.values())
    for kind, entry in zip(TYPES, types, strict=True):
        check(entry, "3dSlicerLabel", COLOUR, "Modifier")
        assert entry[COLOUR] == [round(255 * part) for part in lesion_colour(kind)]


def test_regions_are_the_constants(regions):
    assert [words(entry) for entry in regions] == [*SITES, NODE_OF_HEAD_AND_NECK]
    for entry in regions:
        check(entry, "Modifier")
        assert [words(side) for side in entry["Modifier"]] == list(SIDES)


def test_each_code_stands_in_one_constant():
    files = Path(HNCLogic.__file__).parent.rglob("*.py")
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    found = re.findall(r"SCT\^(\d+)\^", text)
    assert len(found) == len(set(found)) == 12
    assert {"52988006", "312501005", "86049000", "14799000", "31389004"} <= set(found)
    assert [text.count(code) for code in found] == [1] * 12


def test_slicer_reads_the_files():
    import slicer

    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    assert load_terms(logic)
    assert load_terms(logic)
    name = read(FILES[0])["SegmentationCategoryTypeContextName"]
    assert logic.IsTerminologyContextLoaded(name)
    category = slicer.vtkSlicerTerminologyCategory()
    assert logic.GetNthCategoryInTerminology(name, 0, category)
    assert category.GetCodeValue() == "49755003"
    assert category.GetShowAnatomy()
    assert logic.GetNumberOfTypesInTerminologyCategory(name, category) == 3
    found = []
    for n in range(3):
        entry = slicer.vtkSlicerTerminologyType()
        assert logic.GetNthTypeInTerminologyCategory(name, category, n, entry)
        found.append((entry.GetCodeValue(), entry.GetCodeMeaning()))
    assert found == [tuple(value.split("^")[1:]) for value in TYPES.values()]
    regions = read(FILES[1])["AnatomicContextName"]
    assert logic.GetNumberOfRegionsInRegionContext(regions) == 6


def test_the_desktops_terminologies_get_them_where_they_are(monkeypatch):
    import slicer

    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    module = SimpleNamespace(logic=lambda: logic)
    monkeypatch.setattr(slicer, "modules", SimpleNamespace(terminologies=module), raising=False)
    assert load_terms_into_desktop()
    monkeypatch.setattr(slicer, "modules", SimpleNamespace(), raising=False)
    assert not load_terms_into_desktop()


def test_a_list_that_slicer_refuses_is_no_error(caplog):
    assert not load_terms(SimpleNamespace(LoadContextFromFile=lambda path: False))
    assert "did not take" in caplog.text


@pytest.mark.parametrize("kind", list(TYPES))
def test_a_segments_kind_is_read_from_its_term(kind):
    import slicer

    segment = slicer.vtkSegment()
    segment.SetTerminology(term_for(kind).tag)
    assert kind_of(segment) == kind


def test_what_a_panel_opens_with_needs_no_package_that_comes_later():
    """Before the user agreed to install anything there is no pydantic, scipy or jinja2."""
    import subprocess

    modules = [
        "adopt",
        "display",
        "edits",
        "layers",
        "live_measures",
    ]
    modules += ["answer_nodes", "result_text", "segments", "tables", "terminology_file"]
    ask = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('pydantic', 'scipy', 'jinja2', 'torch'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        + "".join(f"import HNCLogic.scene.{name}\n" for name in modules)
        + "print([name for name in ('slicer', 'vtk') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
