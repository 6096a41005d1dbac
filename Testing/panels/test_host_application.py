"""The stand-in for Slicer: modules come and go, questions are answered, processes run."""

import logging
import shutil
import sys
import time

import pytest

from Testing.panels.tiny_module import write_greeting, write_tiny_module


def test_a_loaded_module_is_where_slicer_has_it(host, tiny, tmp_path):
    import slicer

    module = slicer.modules.tinypanel
    assert (module.name, module.title, module.categories) == (
        "TinyPanel",
        "Tiny panel",
        ["Testing"],
    )
    assert module.path == slicer.util.modulePath("TinyPanel") == str(tmp_path / "TinyPanel.py")
    assert module.widgetRepresentation() is tiny.panel
    assert slicer.modules.TinyPanelWidget is tiny.widget
    assert slicer.util.getModuleWidget("TinyPanel") is tiny.widget
    assert slicer.util.getModuleLogic("TinyPanel") is tiny.widget.logic
    assert "TinyPanel" in slicer.util.moduleNames()
    assert slicer.util.selectedModule() == "TinyPanel"
    assert tiny.panel.visible
    assert tiny.widget.happened[-1] == "enter"
    assert tiny.panel.mrmlScene() is slicer.mrmlScene
    assert tiny.widget.resourcePath("UI/x.ui") == str(tmp_path / "Resources" / "UI" / "x.ui")


def test_what_a_module_may_say_of_itself_is_held_to(host, tiny):
    with pytest.raises(AttributeError, match="titel"):
        tiny.module.parent.titel = "Tiny"


def test_a_module_that_fails_to_set_up_is_not_loaded(host, tmp_path):
    import slicer

    file = write_tiny_module(tmp_path)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("self.logic = TinyPanelLogic()", "self.logic = 1 / 0"))
    with pytest.raises(ZeroDivisionError):
        host.load(file)
    assert not hasattr(slicer.modules, "tinypanel")
    assert "TinyPanel" not in slicer.util.moduleNames()
    sys.path.remove(str(tmp_path))
    for name in [each for each in sys.modules if each.startswith("TinyPanel")]:
        del sys.modules[name]


def test_modules_are_entered_and_left(host, tiny):
    import slicer

    del tiny.widget.happened[:]
    slicer.util.selectModule("Data")
    assert not tiny.panel.visible
    assert not tiny.panel.isEntered
    slicer.util.selectModule(slicer.modules.tinypanel)
    assert tiny.widget.happened == ["exit", "enter"]
    assert slicer.util.selectedModule() == "TinyPanel"
    with pytest.raises(ValueError, match="NoSuchModule"):
        slicer.util.selectModule("NoSuchModule")


def test_reload_makes_a_new_widget_in_the_same_panel(host, tiny, tmp_path):
    write_greeting(tmp_path, "good day")
    again = host.reload("TinyPanel")
    assert again.panel is tiny.panel
    assert again.widget is not tiny.widget
    assert tiny.widget.happened[-1] == "cleanup"
    assert again.widget.label.text == "good day"
    host.close_scene()
    assert "closed" in again.widget.happened
    assert "closed" not in tiny.widget.happened[-1:]


def test_reload_that_leaves_the_library_stale_is_refused(host, tiny, monkeypatch):
    import slicer

    base = slicer.ScriptedLoadableModule.ScriptedLoadableModuleWidget
    monkeypatch.delattr(type(tiny.widget), "onReload")
    assert type(tiny.widget).onReload is base.onReload
    with pytest.raises(AssertionError, match=r"TinyPanelLib\.greeting"):
        host.reload("TinyPanel")


def test_a_process_runs_and_is_heard(host):
    import slicer

    lines, ended = [], []
    code = "import sys; print('one'); print('two'); sys.exit(3)"
    process = slicer.util.launchConsoleProcess(
        [shutil.which("PythonSlicer"), "-c", code],
        blocking=False,
        logCallback=lines.append,
        completedCallback=ended.append,
    )
    assert host.wait(lambda: ended, 20)
    assert lines == ["one", "two"]
    assert ended == [3]
    assert process.returncode == 3


def test_a_process_can_be_ended(host):
    import slicer

    lines, ended = [], []
    process = slicer.util.launchConsoleProcess(
        [shutil.which("PythonSlicer"), "-c", "import time; print(1, flush=True); time.sleep(60)"],
        blocking=False,
        logCallback=lines.append,
        completedCallback=ended.append,
    )
    assert host.wait(lambda: lines, 20)
    process.kill()
    assert host.wait(lambda: ended, 20)
    assert ended[0] != 0


def test_the_application_has_what_modules_ask_and_nothing_else(host, caplog):
    import slicer

    assert slicer.app.mrmlScene() is slicer.mrmlScene
    assert slicer.app.applicationLogic().GetMRMLScene() is slicer.mrmlScene
    assert slicer.app.testingEnabled() is False
    slicer.app.userSettings().setValue("HNC/Folder", "somewhere")
    assert (
        slicer.util.settingsValue("HNC/Folder", "", settings=slicer.app.settings()) == "somewhere"
    )
    assert slicer.util.mainWindow() is not None
    with host.without_main_window():
        assert slicer.util.mainWindow() is None
        assert slicer.app.commandOptions().noMainWindow
    with slicer.util.RenderBlocker():
        pass
    with pytest.raises(AttributeError, match="nonsense"):
        _ = slicer.app.nonsense
    with pytest.raises(AttributeError):
        _ = slicer.modules.nosuchmodule
    with pytest.raises(ValueError, match="nonsense"):
        slicer.app.connect("nonsense()", print)


def test_a_module_tests_itself_with_and_without_a_main_window(host, tiny, caplog):
    ran = sys.modules["TinyPanel"].TinyPanelTest.ran
    with caplog.at_level(logging.INFO):
        host.run_self_test("TinyPanel")
        with host.without_main_window():
            host.run_self_test("TinyPanel")
    assert ran == [True, False]
    assert "only logged while testing" in caplog.text
    import slicer

    assert not slicer.app.testingEnabled()


def test_the_heartbeat_measures_a_block(host):
    with host.heartbeat() as beat:
        host.wait(lambda: False, 0.2)
    with host.heartbeat() as beat:
        host.process_events()
        time.sleep(0.3)
        host.wait(lambda: False, 0.05)
    assert beat.longest_ms > 295
    assert max(beat.pauses_ms) == beat.longest_ms


def test_a_block_at_the_end_counts_too(host):
    with host.heartbeat() as beat:
        host.process_events()
        time.sleep(0.15)
    assert beat.longest_ms > 145


def test_none_outlives_what_qt_takes_from_it(host):
    """PySide6 6.12 takes a reference from None at each call: see Testing/host/__init__.py."""
    before = sys.getrefcount(None)
    for _ in range(2000):
        host.process_events()
    assert sys.getrefcount(None) > 1 << 20 or sys.version_info >= (3, 12), before
    for each in (True, False):
        assert sys.getrefcount(each) > 1 << 20 or sys.version_info >= (3, 12)


def test_torch_imported_in_the_application_is_noticed(monkeypatch):
    from Testing.panels.torch_watch import without_torch

    monkeypatch.setitem(sys.modules, "torch", sys)  # loaded already, by another test say
    with pytest.raises(AssertionError, match="imported in the application"), without_torch():
        import torch  # noqa: F401
