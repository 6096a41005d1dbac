"""qMRMLNodeComboBox and the ctk widgets on the stand-in behave as Slicer's and CTK's."""

import pytest


@pytest.fixture
def scene(host):
    return host.scene


@pytest.fixture
def add(scene):
    def added(name, kind="vtkMRMLScalarVolumeNode", **attributes):
        node = scene.AddNewNodeByClass(kind, name)
        for key, value in attributes.items():
            node.SetAttribute(key, value)
        return node

    return added


@pytest.fixture
def selector(host):
    """A selector of scalar volumes with "None", in the scene; what it sent is in ``heard``."""
    import qt
    import slicer

    # For that long after a list has opened Qt takes a click for the one that opened it.
    before = qt.QApplication.doubleClickInterval()
    qt.QApplication.setDoubleClickInterval(5)
    made = slicer.qMRMLNodeComboBox()
    made.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    made.noneEnabled = True
    made.setMRMLScene(slicer.mrmlScene)
    yield made
    qt.QApplication.setDoubleClickInterval(before)
    made.deleteLater()
    host.process_events()


@pytest.fixture
def heard(selector):
    nodes = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", nodes.append)
    return nodes


def rows(selector):
    """The words of all rows, as the user sees them."""
    import qt

    combo = selector.findChild(qt.QComboBox)
    return [combo.itemText(row) for row in range(combo.count)]


def press(selector, words):
    """Open the list and click on the row with these words."""
    import qt
    from PySide6.QtTest import QTest

    selector.show()
    combo = selector.findChild(qt.QComboBox)
    combo.showPopup()
    view = combo.view()
    at = view.visualRect(combo.model().index(rows(selector).index(words), 0)).center()
    QTest.qWait(20)
    QTest.mouseMove(view.viewport(), at)
    QTest.mouseClick(view.viewport(), qt.Qt.LeftButton, qt.Qt.NoModifier, at)
    QTest.qWait(1)


def test_it_lists_the_nodes_of_its_types(selector, add):
    pet, labels = add("PET"), add("labels", "vtkMRMLLabelMapVolumeNode")
    add("table", "vtkMRMLTableNode")
    add("hidden").SetHideFromEditors(True)
    assert rows(selector) == ["None", "PET", "labels", "Create new Volume", "Delete current Volume"]
    assert (selector.nodeCount(), selector.nodeFromIndex(0)) == (2, pet)
    selector.showChildNodeTypes = False
    assert rows(selector)[1:2] == ["PET"]
    assert labels.GetName() not in rows(selector)
    selector.showHidden = True
    selector.addEnabled = False
    selector.removeEnabled = False
    assert rows(selector) == ["None", "PET", "hidden"]


def test_attributes_choose_among_nodes_and_are_followed(selector, add):
    add("CT", **{"DICOM.Modality": "CT"})
    pet = add("PET", **{"DICOM.Modality": "PT"})
    other = add("other")
    selector.addAttribute("vtkMRMLScalarVolumeNode", "DICOM.Modality", "PT")
    assert rows(selector)[:2] == ["None", "PET"]
    selector.setCurrentNode(pet)
    other.SetAttribute("DICOM.Modality", "PT")
    assert rows(selector)[:3] == ["None", "PET", "other"]
    pet.SetAttribute("DICOM.Modality", "CT")  # its row goes, and the next takes its place
    assert selector.currentNode() is other


def test_choosing_is_told_once(selector, heard, add):
    pet, ct, ids = add("PET"), add("CT"), []
    selector.currentNodeIDChanged.connect(ids.append)
    selector.setCurrentNode(pet)
    selector.setCurrentNode(pet)
    selector.currentNodeID = ct.GetID()
    selector.setCurrentNodeID("")
    assert heard == [pet, ct, None]
    assert ids == [pet.GetID(), ct.GetID(), ""]
    press(selector, "CT")
    assert selector.currentNode() is ct
    with pytest.raises(TypeError, match="takes a node"):
        selector.setCurrentNode(pet.GetID())


def test_the_user_adds_renames_and_deletes(selector, heard, host):
    selector.baseName = "Margin"
    selector.renameEnabled = True
    selector.addAttribute("vtkMRMLScalarVolumeNode", "HNC", "1")
    press(selector, "Create new Volume")
    made = selector.currentNode()
    assert (made.GetName(), made.GetAttribute("HNC"), heard) == ("Margin", "1", [made])
    host.answers.append("Rim")
    press(selector, "Rename current Volume")
    assert made.GetName() == "Rim"
    assert "Rim" in rows(selector)
    press(selector, "Delete current Volume")
    assert selector.currentNode() is None
    assert heard[-1] is None
    assert made.GetScene() is None


def test_a_node_that_goes_leaves_its_neighbour_chosen(selector, heard, add, scene):
    """As Qt's combo box has it, and so desktop Slicer."""
    first, second = add("PET"), add("CT")
    selector.setCurrentNode(second)
    scene.RemoveNode(second)
    assert selector.currentNode() is first
    scene.RemoveNode(first)
    assert heard == [second, first, None]


def test_the_scenes_close_is_told_when_it_is_over(selector, heard, add, scene, host):
    add("CT")
    selector.setCurrentNode(add("PET"))
    del heard[:]
    while_closing = []
    tag = scene.AddObserver(scene.NodeRemovedEvent, lambda *_: while_closing.append(list(heard)))
    host.close_scene()
    scene.RemoveObserver(tag)
    assert while_closing
    assert all(each == [] for each in while_closing)
    assert heard == [None]
    assert rows(selector)[0] == "None"
    assert selector.nodeCount() == 0


def test_an_import_is_looked_at_when_it_is_over(selector, heard, add, scene, host, tmp_path):
    add("PET")
    host.save_scene(tmp_path / "scene.mrb")
    host.close_scene()
    import slicer

    seen = []
    tag = scene.AddObserver(
        slicer.vtkMRMLScene.NodeAddedEvent,
        lambda *_: seen.append(selector.nodeCount()) if scene.IsImporting() else None,
    )
    host.load_scene(tmp_path / "scene.mrb")
    scene.RemoveObserver(tag)
    assert seen
    assert set(seen) == {0}
    assert "PET" in rows(selector)
    assert selector.currentNode() is None
    assert heard == []


def test_an_import_into_a_scene_unchooses(selector, heard, add, host, tmp_path):
    """Slicer makes the list anew then, so panels choose again after EndImport."""
    host.save_scene(tmp_path / "empty.mrml")
    pet = add("PET")
    selector.setCurrentNode(pet)
    host.load_scene(tmp_path / "empty.mrml")
    assert heard == [pet, None]
    assert "PET" in rows(selector)


def test_without_none_nothing_is_chosen_by_itself(host, add):
    import slicer

    pet = add("PET")
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    assert not selector.enabled
    selector.setCurrentNode(pet)  # before the scene: remembered
    selector.setMRMLScene(slicer.mrmlScene)
    assert selector.currentNode() is pet
    selector.setCurrentNode(None)
    assert (selector.currentNode(), selector.currentNodeID) == (None, "")
    selector.deleteLater()


def test_a_deleted_selector_notices_no_more(host, add):
    import slicer

    selector = slicer.qMRMLNodeComboBox()
    selector.setMRMLScene(slicer.mrmlScene)
    pet = add("PET")
    selector.deleteLater()
    host.process_events()
    pet.SetName("CT")
    host.scene.RemoveNode(pet)
    add("MRI")  # host.errors stays empty: the fixture looks


def test_only_what_cpp_lets_python_call_is_there(host):
    """CTK and qMRML are reached by properties, slots and invokables alone."""
    import ctk
    import slicer

    for widget, names in (
        (ctk.ctkSliderWidget(), ("setMinimum", "setMaximum", "setRange", "spinBox", "slider")),
        (ctk.ctkCollapsibleButton(), ("setCollapsedHeight", "setFlat", "contentsFrameShape")),
        (slicer.qMRMLNodeComboBox(), ("setNodeTypes", "setNoneEnabled", "nodes", "setBaseName")),
        (slicer.qMRMLWidget(), ("scene",)),
    ):
        for name in names:
            with pytest.raises(AttributeError, match=name):
                getattr(widget, name)
    with pytest.raises(ValueError, match="has no signal"):
        slicer.qMRMLNodeComboBox().connect("currentNodeChanged(PyObject)", print)
    with pytest.raises(AttributeError, match="can not be overwritten"):
        slicer.qMRMLNodeComboBox().currentNodeChanged = print


def test_the_sliders_number(host):
    import ctk

    slider, heard = ctk.ctkSliderWidget(), []
    assert (slider.minimum, slider.maximum, slider.value, slider.decimals) == (0.0, 99.0, 0.0, 2)
    slider.connect("valueChanged(double)", heard.append)
    slider.maximum = 20
    slider.singleStep = 0.1
    slider.value = 4.267
    slider.setValue(30)
    slider.value = 20.0
    assert heard == [4.27, 20.0]
    assert slider.value == 20.0
    slider.minimum = 25  # the range stays a range
    assert (slider.maximum, slider.value, heard[-1]) == (25.0, 25.0, 25.0)
    with pytest.raises(TypeError, match="does not accept"):
        slider.decimals = 1.0


def test_a_slider_that_is_dragged(host):
    import ctk
    import qt

    slider, sent = ctk.ctkSliderWidget(), []
    slider.maximum = 20
    slider.singleStep = 0.5
    slider.valueChanged.connect(sent.append)
    bar = next(each for each in slider.findChildren(qt.QSlider))
    bar.setSliderPosition(21)  # of 40 steps
    assert (slider.value, sent) == (10.5, [10.5])
    slider.tracking = False
    bar.setSliderDown(True)
    bar.setSliderPosition(22)
    assert sent == [10.5]
    bar.setSliderDown(False)
    assert sent == [10.5, 11.0]


def test_a_section_folds_and_keeps_what_is_hidden_in_it(host):
    import ctk
    import qt

    section = ctk.ctkCollapsibleButton("Advanced")
    layout = qt.QVBoxLayout(section)
    shown, hidden, heard = qt.QLabel("shown"), qt.QLabel("hidden"), []
    layout.addWidget(shown)
    layout.addWidget(hidden)
    hidden.hide()
    section.connect("contentsCollapsed(bool)", heard.append)
    section.collapsed = True
    section.show()
    host.process_events()
    assert not shown.isVisible()
    section.click()
    host.process_events()
    assert (section.collapsed, shown.isVisible(), hidden.isVisible()) == (False, True, False)
    section.collapsed = True
    hidden.show()  # comes with the rest
    assert not hidden.isVisible()
    section.collapsed = False
    assert hidden.isVisible()
    assert heard == [True, False, True, False]
    section.deleteLater()
