"""The stand-in's Qt is as strict as PythonQt, and fails aloud where PythonQt fails in silence."""

import types

import pytest


def run_as_module(source: str, **names):
    """Run code as that of a panel, which is bound to the list of what may be used."""
    module = types.ModuleType("HNCAnalysis")
    vars(module).update(names)
    exec(source, vars(module))
    return module


@pytest.fixture
def qt(host):
    import qt

    return qt


def test_properties_are_attributes(qt):
    label, spin = qt.QLabel("PET"), qt.QSpinBox()
    label.text = "CT"
    label.toolTip = "computed tomography"
    label.enabled = False
    spin.value = 7
    assert (label.text, label.toolTip, label.enabled, spin.value) == (
        "CT",
        "computed tomography",
        False,
        7,
    )
    label.name = "image"
    assert (label.objectName, label.name, label.className()) == ("image", "image", "QLabel")
    assert not label.isEnabled()
    assert qt.QProgressBar().maximum == 100


def test_a_getter_that_is_a_property_cannot_be_called(qt):
    for widget, name in (
        (qt.QLabel("x"), "text"),
        (qt.QSpinBox(), "value"),
        (qt.QComboBox(), "currentIndex"),
        (qt.QTableWidget(), "rowCount"),
        (qt.QWidget(), "width"),
        (qt.QLabel("x"), "sizeHint"),
    ):
        with pytest.raises(TypeError, match="not callable"):
            getattr(widget, name)()


def test_new_attributes_are_refused(qt):
    label = qt.QLabel()
    with pytest.raises(AttributeError, match="creating new attributes on C\\+\\+ objects"):
        label.role = "PET"
    with pytest.raises(AttributeError, match="no attribute named 'role'"):
        _ = label.role
    label.setProperty("role", "PET")  # a dynamic property is there, and may change
    label.role = "CT"
    assert label.role == "CT"


def test_a_class_written_in_python_takes_attributes(qt):
    class Row(qt.QLabel):
        def __init__(self, role):
            super().__init__()
            self.role = role

        def sizeHint(self):
            return qt.QSize(123, 45)

    row = Row("PET")
    row.text = "SUV"
    assert (row.role, row.text) == ("PET", "SUV")
    row.show()
    assert (row.width, row.height) == (123, 45)
    row.deleteLater()


def test_methods_signals_and_read_only_properties_are_not_overwritten(qt):
    button = qt.QPushButton()
    for name in ("setText", "clicked"):
        with pytest.raises(AttributeError, match="can not be overwritten"):
            setattr(button, name, print)
    with pytest.raises(AttributeError, match="'width' of QPushButton object is not writable"):
        button.width = 10
    with pytest.raises(AttributeError, match="can not be overwritten"):
        qt.QTimer().singleShot = True


def test_values_of_another_type_are_refused(qt):
    spin, label, box = qt.QSpinBox(), qt.QLabel(), qt.QDoubleSpinBox()
    for target, name, value in (
        (spin, "value", 2.5),
        (spin, "value", 2.0),
        (spin, "value", "2"),
        (label, "text", 5),
        (label, "text", None),
        (box, "value", "2"),
    ):
        with pytest.raises(TypeError, match=f"Property '{name}' of type"):
            setattr(target, name, value)
    box.value = 3  # an int is a number of C++'s double
    assert box.value == 3.0


def test_a_float_is_no_int_and_there_are_no_keywords(qt):
    widget, layout = qt.QWidget(), qt.QVBoxLayout()
    for call in (
        lambda: widget.resize(10.0, 20),
        lambda: layout.setContentsMargins(1, 2, 3, 4.5),
        lambda: qt.QSpinBox().setValue(1.5),
        lambda: qt.QColor(1.0, 2, 3),
        lambda: qt.QSize(1.5, 2),
        lambda: qt.QTimer.singleShot(0.5, print),
    ):
        with pytest.raises(TypeError, match="an int"):
            call()
    for call in (
        lambda: qt.QLabel(text="x"),
        lambda: layout.addWidget(widget, stretch=1),
        lambda: qt.QTimer(interval=3),
    ):
        with pytest.raises(TypeError, match="no keyword arguments in PythonQt"):
            call()
    assert qt.QDoubleSpinBox().setValue(1) is None  # the other way round is no loss


def test_signals_are_connected_by_signature(qt):
    button, heard = qt.QPushButton(), []
    button.checkable = True
    assert button.connect("clicked(bool)", lambda checked: heard.append(checked))
    assert button.connect("clicked()", lambda: heard.append("none"))
    assert button.connect("toggled( bool )", lambda on: heard.append(("toggled", on)))
    button.click()
    assert heard == [("toggled", True), True, "none"]


@pytest.mark.parametrize("signal", ["clickd(bool)", "clicked(int)", "clicked", "click()"])
def test_an_unknown_signal_raises(qt, signal):
    button = qt.QPushButton()
    with pytest.raises(ValueError, match="has no signal"):
        button.connect(signal, print)
    with pytest.raises(ValueError, match="has no signal"):
        button.disconnect(signal, print)
    with pytest.raises(AttributeError):
        button.clickd.connect(print)


def test_what_cannot_be_called_is_not_connected(qt):
    with pytest.raises(TypeError, match="callable"):
        qt.QPushButton().connect("clicked()", None)


def test_a_slot_gets_as_many_arguments_as_its_code_takes(qt):
    heard = []

    class Panel:
        def plain(self):
            heard.append(())

        def with_default(self, checked="default"):
            heard.append((checked,))

        def any_number(self, *arguments):
            heard.append(arguments)

    panel, button = Panel(), qt.QPushButton()
    for slot in (panel.plain, panel.with_default, panel.any_number):
        button.clicked.connect(slot)
    button.click()
    assert heard == [(), (False,), (False,)]


def test_a_slot_that_wants_more_than_the_signal_has_is_noted(qt, host):
    button = qt.QPushButton()
    button.connect("pressed()", lambda checked: None)
    button.click()
    assert "missing 1 required positional argument" in host.errors[0]
    host.errors.clear()


def test_flags_are_not_given_where_another_enumeration_may_stand(qt):
    buttons = qt.QDialogButtonBox.Ok | qt.QDialogButtonBox.Cancel
    for each in (buttons, qt.QDialogButtonBox.Close):
        with pytest.raises(TypeError, match="takes Orientation as argument 1 too"):
            qt.QDialogButtonBox(each)
    box = qt.QDialogButtonBox()
    box.setStandardButtons(buttons)
    assert box.button(qt.QDialogButtonBox.Cancel) is not None
    item = qt.QTableWidgetItem("x")
    item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)  # or an int: one and the same


def test_disconnect_takes_one_slot_away(qt):
    button, heard = qt.QPushButton(), []

    def first():
        heard.append(1)

    def second():
        heard.append(2)

    button.connect("clicked()", first)
    button.clicked.connect(second)
    assert button.disconnect("clicked()", first)
    assert not button.disconnect("clicked()", first)
    button.click()
    assert button.clicked.disconnect(second)
    button.click()
    assert heard == [2]


def test_connections_to_a_slot_by_name(qt):
    button, spin, label = qt.QPushButton(), qt.QSpinBox(), qt.QLabel()
    spin.connect("valueChanged(int)", label, "setNum(int)")
    button.connect("clicked(bool)", spin, "selectAll()")  # more than the slot takes
    spin.value = 5
    button.click()
    assert label.text == "5"
    with pytest.raises(ValueError, match="has no slot"):
        button.connect("clicked(bool)", label, "setNummer(int)")


def test_an_exception_in_a_slot_is_collected_and_the_next_slot_runs(qt, host):
    button, heard = qt.QPushButton(), []
    button.connect("clicked()", lambda: 1 / 0)
    button.connect("clicked()", lambda: heard.append("second"))
    button.click()
    qt.QTimer.singleShot(0, lambda: {}["missing"])
    host.wait(lambda: len(host.errors) == 2, seconds=5)
    assert heard == ["second"]
    assert "ZeroDivisionError" in host.errors[0]
    assert "KeyError: 'missing'" in host.errors[1]
    host.errors.clear()


def test_an_exception_in_an_event_handler_is_collected(qt, host):
    class Chart(qt.QLabel):
        def resizeEvent(self, event):
            raise RuntimeError("cannot draw")

    chart = Chart()
    chart.show()
    host.process_events()
    assert any("cannot draw" in error for error in host.errors)
    host.errors.clear()
    chart.deleteLater()


@pytest.mark.parametrize("name", ["QPainter", "QWebEngineView", "QThread", "QSettings", "Signal"])
def test_a_class_that_is_not_on_the_list_is_refused(host, name):
    panel = run_as_module(f"import qt\ndef use():\n    return qt.{name}\n")
    with pytest.raises(AttributeError, match=f"qt.{name} is not among|no attribute '{name}'"):
        panel.use()


def test_ctk_and_the_list_as_a_whole(host):
    panel = run_as_module("def use(module, name):\n    return getattr(module, name)")
    import ctk
    import qt

    from Testing.host import allowed

    for name in allowed.CTK:
        assert panel.use(ctk, name)
    with pytest.raises(AttributeError, match="ctkPathLineEdit"):
        panel.use(ctk, "ctkPathLineEdit")
    for name in allowed.QT:
        assert panel.use(qt, name)


def test_what_only_pyside_has_is_refused(qt):
    button = qt.QPushButton()
    for name in ("sender", "receivers"):
        with pytest.raises(AttributeError, match=name):
            getattr(button, name)


def test_dialogues_are_answered_by_either_name(qt, host):
    dialog = qt.QDialog()
    host.answers += [True, False]
    assert dialog.exec_() == qt.QDialog.Accepted
    assert dialog.exec() == qt.QDialog.Rejected
    assert host.answers == []


def test_table_items_are_no_widgets(qt):
    table = qt.QTableWidget(2, 1)
    item = qt.QTableWidgetItem("SUVmax")
    table.setItem(0, 0, item)
    assert (table.rowCount, table.columnCount, table.item(0, 0).text()) == (2, 1, "SUVmax")
    with pytest.raises(TypeError, match="an int"):
        table.setRowHeight(0, 20.5)
