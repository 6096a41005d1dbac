"""Run, progress, Cancel and status, as a user sees and clicks them."""

from __future__ import annotations

import tempfile

import pytest

from HNCLogic.errors import InputError
from Testing.panels.handed_in_child import HandedInChild

SEGMENT = {"task": "segment"}


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def child() -> HandedInChild:
    return HandedInChild()


class Panel:
    """A panel with nothing but the controls; ``put_steps`` are what a result is put in with."""

    def __init__(self, host, child, ensure=lambda: True):
        import qt

        from HNCLogic.panels.request import Request
        from HNCLogic.panels.run_controls import RunControls

        self.host, self.child = host, child
        self.frame = qt.QWidget()
        layout = qt.QVBoxLayout(self.frame)
        self.controls = RunControls(layout, "Analyse", Request(child), ensure)
        self.frame.resize(320, 90)
        self.frame.show()
        self.ui = self.controls._ui
        self.put_steps = 3
        self.put_error: Exception | None = None
        self.put: list = []
        self.done: list = []
        self.failed: list = []
        self.settings = dict(SEGMENT)
        self.images = {"PET": "/images/pet"}
        self.controls.connectClicked(self.begin)

    def begin(self) -> None:
        self.controls.begin(
            self.images, self.settings, self.put_in, self.done.append, self.failed.append
        )

    def put_in(self, result, folder):
        self.put.append((result, folder))
        yield from range(self.put_steps)
        if self.put_error is not None:
            raise self.put_error
        return "what was put"

    def click(self, times: int = 1) -> Panel:
        """Press Run and wait for the child."""
        for _ in range(times):
            self.ui.runButton.click()
        assert self.host.wait(lambda: self.child.launched, 10)
        return self

    def until(self, condition) -> None:
        assert self.host.wait(condition, 10)

    @property
    def status(self) -> str:
        return self.ui.statusLabel.text

    def assert_at_rest(self) -> None:
        assert not self.controls.running
        assert self.ui.runButton.visible
        assert self.ui.runButton.enabled
        assert not self.ui.progressBar.visible
        assert not self.ui.cancelButton.visible


@pytest.fixture
def panel(host, child):
    made = Panel(host, child)
    yield made
    made.controls.cleanup()
    made.frame.deleteLater()


def test_a_run_from_click_to_done(panel, child, temporary):
    panel.assert_at_rest()
    assert panel.ui.runButton.text == "Analyse"
    assert not panel.ui.statusLabel.visible
    panel.click()
    assert panel.controls.running
    assert not panel.ui.runButton.visible
    assert panel.ui.cancelButton.visible
    child.progress(0.5, "network 1 of 2")
    assert panel.ui.progressBar.value == 52
    assert panel.status == "Network 1 of 2…"
    result = child.succeeds()
    panel.until(lambda: panel.done)
    assert panel.done == ["what was put"]
    assert panel.put[0][0] == result
    assert panel.failed == []
    assert panel.status == "Done."
    panel.assert_at_rest()
    assert list(temporary.iterdir()) == []


def test_time_left_is_told_coarsely(host):
    from HNCLogic.panels.run_controls import time_in_words

    said = [time_in_words(seconds) for seconds in (0, 9, 14, 54, 56, 89, 200)]
    assert said == [
        "a few seconds left",
        "a few seconds left",
        "about 10 s left",
        "about 50 s left",
        "about 1 min left",
        "about 1 min left",
        "about 3 min left",
    ]


def test_time_left_stands_in_the_status(panel, child):
    panel.click()
    panel.controls._show(0.4, "network", 42.0)
    assert panel.status == "Network, about 40 s left…"
    panel.controls.cancel()


def test_cancel_and_again(panel, child, temporary, host):
    panel.click()
    panel.ui.cancelButton.click()
    assert [why.kind for why in panel.failed] == ["cancelled"]
    assert panel.status == "Cancelled."
    assert host.messages == []
    panel.assert_at_rest()
    panel.until(lambda: not list(temporary.iterdir()))
    panel.ui.runButton.click()
    panel.until(lambda: child.launched == 2)
    assert panel.ui.progressBar.value < 6
    child.succeeds()
    panel.until(lambda: panel.done)


def test_a_second_click_starts_nothing(panel, child, host):
    panel.begin()
    panel.begin()
    panel.until(lambda: child.launched)
    assert not host.wait(lambda: child.launched > 1, 0.2)
    panel.controls.cancel()


@pytest.mark.parametrize(
    ("code", "line", "kind", "words"),
    [
        (2, "hnc: /images/pet holds no image", "input", "The PET holds no image"),
        (-9, "", "killed", "memory"),
        (1, "ValueError: no", "crashed", "code 1"),
        (1, "ModuleNotFoundError: No module named 'monai'", "missing", "monai"),
    ],
)
def test_a_failure_is_shown_and_told(panel, child, host, temporary, code, line, kind, words):
    panel.click()
    child.ends(code, line)
    panel.until(lambda: panel.failed)
    assert [why.kind for why in panel.failed] == [kind]
    ((shown, text),) = host.messages
    assert shown == "error"
    assert words in text
    assert panel.status == text
    panel.assert_at_rest()
    assert list(temporary.iterdir()) == []


CHOOSE = {
    "choose": {
        "role": "PET",
        "series": [
            {"choice": "4", "words": "4: AC"},
            {"choice": "1.2.3", "words": "5: NAC (9 slices)"},
        ],
    }
}


def test_the_series_that_is_chosen_is_taken_the_second_time(panel, child, host):
    panel.settings["series"] = {"CT": "7"}
    panel.click()
    host.answers.append("5: NAC (9 slices)")
    child.ends(2, CHOOSE, "hnc: several")
    panel.until(lambda: child.launched == 2)
    assert child.job["series"] == {"CT": "7", "PET": "1.2.3"}
    assert panel.settings["series"] == {"CT": "7"}
    ((kind, text),) = host.messages
    assert kind == "question"
    assert "PET" in text
    child.succeeds()
    panel.until(lambda: panel.done)
    assert panel.failed == []


def test_choosing_no_series_ends_it(panel, child, host, temporary):
    panel.click()
    host.answers.append(None)
    child.ends(2, CHOOSE, "hnc: several")
    panel.until(lambda: panel.failed)
    assert panel.failed[0].kind == "choose"
    assert child.launched == 1
    assert panel.status == "Cancelled."
    panel.assert_at_rest()
    assert list(temporary.iterdir()) == []


def test_without_the_packages_nothing_starts(host, child):
    asked = []
    panel = Panel(host, child, lambda: asked.append(panel.ui.runButton.enabled))
    panel.ui.runButton.click()
    assert asked == [False]  # no second click while the question is open
    assert "packages are missing" in panel.status
    assert not host.wait(lambda: child.launched, 0.1)
    panel.assert_at_rest()
    panel.controls.cleanup()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (InputError("labels and lesions do not fit"), "input", "labels and lesions"),
        (MemoryError(), "killed", "memory"),
        (KeyError("x"), "crashed", "KeyError"),
    ],
)
def test_a_result_that_cannot_be_shown_is_a_failure(
    panel, child, host, temporary, error, kind, words
):
    panel.put_error = error
    panel.click()
    child.succeeds()
    panel.until(lambda: panel.failed)
    assert panel.failed[0].kind == kind
    assert words in host.messages[0][1]
    assert panel.done == []
    panel.assert_at_rest()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("how", ["cancel", "close scene"])
def test_cancel_while_the_result_is_shown(panel, child, host, temporary, how):
    panel.put_steps = 10**9
    panel.click()
    child.succeeds()
    panel.until(lambda: panel.put)
    assert panel.controls.running
    if how == "cancel":
        panel.ui.cancelButton.click()
    else:
        host.close_scene()
    assert [why.kind for why in panel.failed] == ["cancelled"]
    panel.assert_at_rest()
    assert list(temporary.iterdir()) == []
    assert not host.wait(lambda: panel.done, 0.1)


@pytest.mark.parametrize("when", ["computing", "showing"])
def test_a_panel_that_goes_away_takes_everything_along(host, child, temporary, when):
    panel = Panel(host, child)
    panel.put_steps = 10**9
    panel.click()
    if when == "showing":
        child.succeeds()
        panel.until(lambda: panel.put)
    panel.controls.cleanup()
    panel.frame.deleteLater()
    panel.until(lambda: not list(temporary.iterdir()))
    child.ends(1, "late")
    assert panel.failed == panel.done == host.messages == []


def test_the_button_says_why_it_cannot_be_pressed(panel, child, host):
    panel.controls.setReady(False, "Choose a PET first")
    assert not panel.controls.enabled
    assert panel.controls.toolTip == "Choose a PET first"
    panel.ui.runButton.click()
    assert not host.wait(lambda: child.launched, 0.1)
    panel.controls.setReady(True, "")
    panel.click()
    panel.controls.setReady(True, "")
    assert not panel.controls.enabled
    panel.controls.cancel()
    assert panel.controls.enabled


@pytest.mark.parametrize("palette", ["light", "dark"])
def test_the_controls_can_be_read(panel, host, tmp_path, palette):
    host.palette = palette
    try:
        idle = panel.frame.grab().toImage()
        panel.click()
        panel.controls._show(0.4, "heat map, network 2 of 5", 42.0)
        host.process_events()
        bar, button = panel.ui.progressBar, panel.ui.cancelButton
        assert bar.geometry.bottom() <= panel.frame.height
        assert abs(bar.geometry.center().y() - button.geometry.center().y()) <= 1
        assert button.width >= button.sizeHint.width()
        busy = panel.frame.grab().toImage()
        assert idle != busy
        busy.save(str(tmp_path / f"run-{palette}.png"))
    finally:
        host.palette = "light"
        panel.controls.cancel()


def test_what_it_will_take_is_said_until_it_runs(panel, child):
    assert not panel.ui.expectLabel.visible
    panel.controls.setExpected("About 2 min.")
    assert panel.ui.expectLabel.text == "About 2 min."
    assert panel.ui.expectLabel.visible
    assert not panel.ui.fasterButton.visible
    panel.ui.runButton.click()
    assert not panel.ui.expectLabel.visible
    panel.ui.cancelButton.click()
    assert panel.ui.expectLabel.visible


def test_faster_is_offered_and_asked_for(panel, host, monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    host.packages.missing = {"openvino"}
    panel.controls.setExpected("About 2 min.", faster=True)
    host.answers.append(False)
    panel.ui.fasterButton.click()
    ((kind, words),) = host.messages
    assert kind == "question"
    assert "OpenVINO" in words
    assert panel.ui.expectLabel.visible
    host.packages.reset()
