"""The stand-in for Slicer: what the user is told and asked, and what goes wrong in slots."""

import pytest


def test_messages_are_kept_and_questions_answered(host, tiny):
    import slicer

    slicer.util.infoDisplay("for your information")
    slicer.util.warningDisplay("look out")
    slicer.util.errorDisplay("bad", detailedText="very")
    slicer.util.messageBox("so it is")
    assert host.messages == [
        ("info", "for your information"),
        ("warning", "look out"),
        ("error", "bad"),
        ("message", "so it is"),
    ]
    host.answers[:] = [True, False]
    assert slicer.util.confirmOkCancelDisplay("sure?") is True
    assert slicer.util.confirmRetryCloseDisplay("again?") is False
    assert host.messages[4:] == [("question", "sure?"), ("question", "again?")]


def test_a_question_without_an_answer_raises(host, tiny):
    import slicer

    with pytest.raises(AssertionError, match="sure"):
        slicer.util.confirmYesNoDisplay("are you sure?")
    tiny.widget.button.click()
    assert "Go on?" in host.errors[-1]
    host.errors.clear()


def test_an_exception_in_a_slot_is_noted_and_ends_there(host, tiny):
    host.answers.append(False)
    tiny.widget.button.click()
    assert host.messages[-1] == ("error", "It failed.\n\nthe user said no")
    assert len(host.errors) == 1
    assert "ValueError: the user said no" in host.errors[0]
    host.errors.clear()
    host.answers.append(True)
    tiny.widget.button.click()
    assert tiny.widget.label.text == "went on"


def test_an_exception_in_an_observer_is_noted(host):
    import slicer

    def observer(caller, event):
        raise KeyError("lost")

    tag = slicer.mrmlScene.AddObserver(slicer.mrmlScene.EndCloseEvent, observer)
    host.close_scene()
    slicer.mrmlScene.RemoveObserver(tag)
    assert "KeyError: 'lost'" in host.errors[0]
    host.errors.clear()


def test_files_are_asked_for(host, tmp_path):
    import qt

    host.answers[:] = [tmp_path / "a", None, ["b", "c"], "d.nrrd"]
    assert qt.QFileDialog.getExistingDirectory(None, "Folder") == str(tmp_path / "a")
    assert qt.QFileDialog.getOpenFileName(None, "File", "", "*.nrrd") == ""
    assert qt.QFileDialog.getOpenFileNames(None, "Files") == ("b", "c")
    assert qt.QFileDialog.getSaveFileName(None, "Save") == "d.nrrd"


def test_a_message_without_details_does_not_say_none(host):
    import slicer

    with pytest.raises(TypeError, match="detailedText of a message is a text, not None"):
        slicer.util.errorDisplay("It failed.", detailedText=None)
    slicer.util.errorDisplay("It failed.", detailedText="because")
    assert host.messages == [("error", "It failed.")]


def test_a_choice_among_several_is_asked_for(host):
    from HNCLogic.panels.choice import choose_one

    host.answers[:] = ["two", None]
    assert choose_one("Series", "Which?", ["one", "two"]) == 1
    assert choose_one("Series", "Which?", ["one", "two"]) is None
    assert host.messages[0] == ("question", "QDialog: Series")
    host.answers[:] = ["three"]
    with pytest.raises(AssertionError, match="does not offer 'three'"):
        choose_one("Series", "Which?", ["one", "two"])


def test_dialogues_and_menus_are_answered(host):
    import qt

    dialog = qt.QDialog()
    dialog.windowTitle = "A card"
    seen = []
    host.answers[:] = [True, lambda shown: seen.append(shown.windowTitle)]
    assert dialog.exec_() == qt.QDialog.Accepted
    assert dialog.exec_() == qt.QDialog.Rejected
    assert seen == ["A card"]
    assert host.messages[0] == ("question", "QDialog: A card")

    menu = qt.QMenu()
    chosen = []
    menu.addAction("Delete").connect("triggered()", lambda: chosen.append("Delete"))
    menu.addAction("Merge").enabled = False
    host.answers[:] = ["Delete", "Merge"]
    assert menu.exec_().text == "Delete"
    assert chosen == ["Delete"]
    with pytest.raises(AssertionError, match="Merge"):
        menu.exec_()

    qt.QDesktopServices.openUrl(qt.QUrl("file:///report.html"))
    assert host.opened_urls == ["file:///report.html"]
