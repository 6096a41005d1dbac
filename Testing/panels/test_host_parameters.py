"""Parameter nodes on the stand-in: the texts of desktop Slicer, its checks, its connections."""

import enum
import pathlib
from typing import Annotated

import pytest


class Method(enum.Enum):
    NETWORK = "n"
    FIXED = "f"

    def label(self):
        return self.value.upper()


@pytest.fixture
def wrapper(host):
    """A class with a parameter of each kind."""
    import slicer
    from slicer.parameterNodeWrapper import (
        Choice,
        Default,
        Minimum,
        WithinRange,
        parameterNodeWrapper,
    )

    @parameterNodeWrapper
    class Parameters:
        pet: slicer.vtkMRMLScalarVolumeNode
        smooth: bool = True
        folds: int = 3
        threshold: Annotated[float, WithinRange(0, 20)] = 4.0
        margin: Annotated[float, Minimum(0.5), Default(1.25)]
        role: Annotated[str, Choice(["T1", "T2"])] = "T1"
        words: str
        folder: pathlib.Path
        method: Method = Method.FIXED
        first: Method

    return Parameters


@pytest.fixture
def node(host):
    import slicer

    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "parameters")


@pytest.fixture
def volume(host):
    import slicer

    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "PET")


# As desktop Slicer's serializers write it, so that a scene goes from one to the other.
TEXTS = {
    "pet": "",
    "smooth": "True",
    "folds": "3",
    "threshold": "4.0",
    "margin": "1.25",
    "role": "T1",
    "words": "",
    "folder": ".",
    "method": "FIXED",
    "first": "NETWORK",
}


def texts(node):
    return {name: node.GetParameter(name) for name in node.GetParameterNames()}


def test_defaults_are_written_as_slicer_writes_them(wrapper, node):
    parameters = wrapper(node)
    assert texts(node) == TEXTS
    assert parameters.pet is None
    assert parameters.default("margin").value == 1.25
    assert parameters.getValue("method") is Method.FIXED


def test_values_are_written_as_slicer_writes_them(wrapper, node, volume):
    parameters = wrapper(node)
    parameters.pet = volume
    parameters.smooth = False
    parameters.folds = 5
    parameters.threshold = 5  # an int stays an int in the text, and is read as a float
    parameters.margin = 1e-7 + 1
    parameters.role = "T2"
    parameters.words = "é; two\nlines"
    parameters.folder = pathlib.Path("/data/case 1")
    parameters.method = Method.NETWORK
    assert texts(node) == TEXTS | {
        "smooth": "False",
        "folds": "5",
        "threshold": "5",
        "margin": "1.0000001",
        "role": "T2",
        "words": "é; two\nlines",
        "folder": "/data/case 1",
        "method": "NETWORK",
    }
    assert node.GetNodeReferenceID("pet") == volume.GetID()
    again = wrapper(node)  # what was there is not overwritten by defaults
    assert (again.pet, again.smooth, again.folds) == (volume, False, 5)
    assert isinstance(again.threshold, float)
    assert (again.folder, again.method) == (pathlib.Path("/data/case 1"), Method.NETWORK)
    parameters.pet = None
    assert node.GetNodeReferenceID("pet") is None


def test_wrong_values_raise_and_leave_the_node_as_it_was(wrapper, node):
    import slicer

    parameters = wrapper(node)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    for name, value, error in (
        ("pet", segmentation, TypeError),
        ("smooth", 1, TypeError),
        ("smooth", None, ValueError),
        ("folds", 2.5, TypeError),
        ("folds", True, TypeError),
        ("threshold", 21, ValueError),
        ("threshold", "4", TypeError),
        ("margin", 0.1, ValueError),
        ("role", "T3", ValueError),
        ("words", 3, TypeError),
        ("folder", "/data", TypeError),
        ("method", "NETWORK", TypeError),
    ):
        with pytest.raises(error, match=name):
            setattr(parameters, name, value)
    with pytest.raises(ValueError, match="Cannot find a param"):
        parameters.setValue("absent", 1)
    assert texts(node) == TEXTS


def test_types_and_names_that_are_not_kept_are_refused(host):
    from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

    class Several:
        windows: list[int]

    class Optional:
        words: str | None

    class Stray:
        words: Annotated[str, "remark"]

    class Taken:
        default: int

    for described, error in (
        (Several, TypeError),
        (Optional, TypeError),
        (Stray, TypeError),
        (Taken, ValueError),
    ):
        with pytest.raises(error):
            parameterNodeWrapper(described)

    class OutOfRange:
        threshold: Annotated[float, WithinRange(1, 2)]  # 0 when nothing else is said

    with pytest.raises(ValueError, match="between"):
        parameterNodeWrapper(OutOfRange)(_plain_node())


def _plain_node():
    import slicer

    return slicer.vtkMRMLScriptedModuleNode()


@pytest.fixture
def gui(host):
    """A panel with a widget for each parameter that Slicer connects."""
    import ctk
    import qt
    import slicer

    panel = slicer.qMRMLWidget()
    layout = qt.QVBoxLayout(panel)
    kinds = {
        "pet": slicer.qMRMLNodeComboBox,
        "smooth": qt.QCheckBox,
        "folds": qt.QSpinBox,
        "threshold": ctk.ctkSliderWidget,
        "margin": qt.QDoubleSpinBox,
        "role": qt.QComboBox,
        "words": qt.QLineEdit,
        "method": qt.QComboBox,
    }
    widgets = {}
    for name, kind in kinds.items():
        widgets[name] = kind()
        widgets[name].setProperty("SlicerParameterName", name)
        layout.addWidget(widgets[name])
    widgets["pet"].noneEnabled = True
    widgets["pet"].setMRMLScene(slicer.mrmlScene)
    widgets["panel"] = panel
    yield widgets
    panel.deleteLater()


def test_a_connected_panel_shows_and_changes_the_node(wrapper, node, volume, gui, host):
    parameters = wrapper(node)
    tag = parameters.connectGui(gui["panel"])
    assert (gui["smooth"].checked, gui["folds"].value, gui["threshold"].value) == (True, 3, 4.0)
    assert (gui["threshold"].minimum, gui["threshold"].maximum) == (0.0, 20.0)
    assert (gui["margin"].minimum, gui["margin"].value) == (0.5, 1.25)
    assert (gui["role"].count, gui["role"].currentText) == (2, "T1")
    assert (gui["method"].currentText, gui["method"].itemText(0)) == ("F", "N")
    assert list(gui["pet"].nodeTypes) == ["vtkMRMLScalarVolumeNode"]

    gui["pet"].setCurrentNode(volume)
    gui["smooth"].click()
    gui["folds"].value = 9
    gui["threshold"].value = 7.126  # the slider shows two decimals
    gui["role"].currentIndex = 1
    gui["words"].text = "left"
    gui["method"].currentIndex = 0
    assert texts(node) == TEXTS | {
        "smooth": "False",
        "folds": "9",
        "threshold": "7.13",
        "role": "T2",
        "words": "left",
        "method": "NETWORK",
    }
    assert parameters.pet is volume

    parameters.pet, parameters.threshold, parameters.role = None, 2, "T1"
    assert (gui["pet"].currentNodeID, gui["threshold"].value) == ("", 2.0)
    assert gui["role"].currentText == "T1"

    parameters.disconnectGui(tag)
    parameters.folds = 4
    gui["words"].text = "right"
    assert (gui["folds"].value, parameters.words) == (9, "left")


def test_a_widget_that_does_not_fit_is_refused(wrapper, node, host):
    import ctk
    import qt

    for name, kind, error in (
        ("pet", qt.QLineEdit, RuntimeError),
        ("smooth", qt.QLineEdit, RuntimeError),
        ("smooth", qt.QRadioButton, RuntimeError),
        ("threshold", qt.QSpinBox, RuntimeError),
        ("margin", ctk.ctkSliderWidget, RuntimeError),  # it has no maximum
        ("words", qt.QComboBox, RuntimeError),  # it has no Choice
        ("folder", qt.QLineEdit, RuntimeError),
        ("absent", qt.QLineEdit, ValueError),
    ):
        panel = qt.QWidget()
        kind(panel).setProperty("SlicerParameterName", name)
        with pytest.raises(error, match=name):
            wrapper(node).connectGui(panel)


def test_two_widgets_for_one_parameter_are_refused(wrapper, node, host):
    """Slicer connects the last of them alone, and says nothing."""
    import qt

    panel = qt.QWidget()
    for kind in (qt.QLineEdit, qt.QLabel):
        kind(panel).setProperty("SlicerParameterName", "words")
    with pytest.raises(ValueError, match="two widgets"):
        wrapper(node).connectGui(panel)
