"""The genuine slicer.util loads .ui files on the stand-in; what does not fit in one is refused."""

import pytest

UI = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0">
 <class>Tiny</class>
 <widget class="qMRMLWidget" name="Tiny">
  <layout class="QVBoxLayout" name="verticalLayout">
   <property name="leftMargin"><number>0</number></property>
   <property name="spacing"><number>4</number></property>
   <item><widget class="ctkCollapsibleButton" name="inputs">
    <property name="text"><string>Inputs</string></property>
    <property name="collapsed"><bool>false</bool></property>
    <layout class="QFormLayout" name="form">
     <item row="0" column="0"><widget class="QLabel" name="petLabel">
      <property name="text"><string>PET:</string></property>
      <property name="buddy"><cstring>petSelector</cstring></property>
     </widget></item>
     <item row="0" column="1"><widget class="qMRMLNodeComboBox" name="petSelector">
      <property name="nodeTypes"><stringlist notr="true">
       <string>vtkMRMLScalarVolumeNode</string></stringlist></property>
      <property name="baseName"><string>PET</string></property>
      <property name="noneEnabled"><bool>true</bool></property>
      <property name="addEnabled"><bool>false</bool></property>
      <property name="SlicerParameterName" stdset="0"><string>pet</string></property>
     </widget></item>
     <item row="1" column="1"><widget class="ctkSliderWidget" name="threshold">
      <property name="maximum"><double>20</double></property>
      <property name="singleStep"><double>0.1</double></property>
      <property name="value"><double>4</double></property>
     </widget></item>
    </layout>
   </widget></item>
   <item><widget class="Line" name="line">
    <property name="orientation"><enum>Qt::Horizontal</enum></property></widget></item>
   <item><widget class="QPushButton" name="apply">
    <property name="text"><string>Apply</string></property></widget></item>
   <item><widget class="QLabel" name="status"/></item>
   <item><spacer name="rest"><property name="orientation"><enum>Qt::Vertical</enum></property>
   </spacer></item>
  </layout>
 </widget>
 <customwidgets>
  <customwidget><class>qMRMLWidget</class><extends>QWidget</extends>
   <header>qMRMLWidget.h</header><container>1</container></customwidget>
  <customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends>
   <header>qMRMLNodeComboBox.h</header></customwidget>
  <customwidget><class>ctkCollapsibleButton</class><extends>QWidget</extends>
   <header>ctkCollapsibleButton.h</header><container>1</container></customwidget>
  <customwidget><class>ctkSliderWidget</class><extends>QWidget</extends>
   <header>ctkSliderWidget.h</header></customwidget>
 </customwidgets>
 <connections>
  <connection><sender>Tiny</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
   <receiver>petSelector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>
  <connection><sender>apply</sender><signal>clicked(bool)</signal>
   <receiver>status</receiver><slot>clear()</slot></connection>
 </connections>
</ui>
"""


@pytest.fixture
def load(host, tmp_path):
    """Loads UI with one text of it exchanged for another."""
    import slicer

    def loaded(old="", new=""):
        assert old in UI
        path = tmp_path / "Tiny.ui"
        path.write_text(UI.replace(old, new) if old else UI)
        return slicer.util.loadUI(str(path))

    return loaded


def test_load_ui_and_child_widget_variables(load, host):
    import ctk
    import qt
    import slicer

    widget = load()
    ui = slicer.util.childWidgetVariables(widget)
    assert type(widget) is slicer.qMRMLWidget
    assert type(ui.petSelector) is slicer.qMRMLNodeComboBox
    assert type(ui.threshold) is ctk.ctkSliderWidget
    assert type(ui.apply) is qt.QPushButton
    assert (ui.inputs.text, ui.threshold.maximum, ui.threshold.value) == ("Inputs", 20.0, 4.0)
    assert list(ui.petSelector.nodeTypes) == ["vtkMRMLScalarVolumeNode"]
    assert (ui.petSelector.baseName, ui.petSelector.addEnabled) == ("PET", False)
    assert ui.petSelector.SlicerParameterName == "pet"
    assert widget.layout().spacing == 4
    assert ui.petLabel.buddy() is ui.petSelector
    assert {"inputs", "petSelector", "form"} <= set(vars(ui))


def test_the_files_connections_work(load, host):
    import slicer

    widget = load()
    ui = slicer.util.childWidgetVariables(widget)
    assert not ui.petSelector.enabled  # without a scene there is nothing to choose
    widget.setMRMLScene(slicer.mrmlScene)
    assert ui.petSelector.mrmlScene() is slicer.mrmlScene
    assert ui.petSelector.enabled
    ui.status.text = "done"
    ui.apply.click()
    assert ui.status.text == ""


def test_no_attributes_come_with_the_file(load):
    import slicer

    widget = load()
    button = slicer.util.childWidgetVariables(widget).apply
    with pytest.raises(AttributeError, match="creating new attributes"):
        button.extra = 1


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('class="QPushButton"', 'class="QCommandLinkButton"', "QCommandLinkButton: not in allowed"),
        ('class="QPushButton"', 'class="ctkPathLineEdit"', "ctkPathLineEdit: not in allowed"),
        ('class="QVBoxLayout"', 'class="QStackedLayout"', "QStackedLayout: not in allowed"),
        ("<class>ctkSliderWidget</class>", "<class>other</class>", "does not declare ctkSlider"),
        ('name="singleStep"', 'name="stepSize"', "has no property 'stepSize'"),
        ('name="collapsed"', 'name="folded"', "has no property 'folded'"),
        ('name="noneEnabled"', 'name="noneAllowed"', "has no property 'noneAllowed'"),
        ('name="spacing"', 'name="space"', "has no property 'space'"),
        ("<signal>clicked(bool)", "<signal>clickd(bool)", "has no signal 'clickd"),
        ("<slot>clear()", "<slot>wipe()", "has no slot 'wipe"),
        ("<slot>setMRMLScene(vtk", "<slot>setScene(vtk", "has no slot 'setScene"),
        ("<receiver>status", "<receiver>state", "'state', which is not in it"),
        ('name="status"', 'name="apply"', "two widgets of the name"),
        ("Qt::Horizontal", "Qt::Sideways", "'Qt::Sideways', which is none of"),
    ],
)
def test_what_does_not_fit_is_refused(load, old, new, words):
    with pytest.raises(ValueError, match=words):
        load(old, new)


def test_a_base_name_before_the_node_types_is_refused(load):
    """Slicer forgets it with no more than a warning on the console."""
    types = UI[
        UI.index('      <property name="nodeTypes">') : UI.index('      <property name="base')
    ]
    with pytest.raises(ValueError, match="before nodeTypes"):
        load(types, "")


def test_a_missing_file_is_slicers_own_error(host, tmp_path):
    import slicer

    with pytest.raises(RuntimeError, match="file not found"):
        slicer.util.loadUI(str(tmp_path / "absent.ui"))
