"""Both modules' panels in the moments after they are opened, when they are not whole yet."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from Testing.panels.small_volumes import add, bqml_values, ct_values

MODULES = ("HNCAnalysis", "HNCSegment")


@pytest.fixture(params=MODULES)
def opened(host, request, tiny_models):
    """A module whose panel is being made, with nothing done yet; afterwards it is whole again."""
    name = request.param
    host.load(f"{name}/{name}.py")
    yield reopened(host, name)
    if host._loaded[name].widget.modulePanel.panel is None:
        reopened(host, name)
    panel = host._loaded[name].widget.panel
    panel.run.cancel()


@pytest.fixture
def images(host):
    """A PET and a CT in the scene."""
    pet = add(host.scene, "PET", bqml_values() / 1000.0)
    return SimpleNamespace(pet=pet, ct=add(host.scene, "CT", ct_values()))


def reopened(host, name):
    """As ``host.reload``, but without a turn of the event loop."""
    loaded = host._loaded[name]
    loaded.widget.onReload()
    host._loaded[name] = type(loaded)(loaded.module, loaded.panel.self(), loaded.panel)
    loaded.panel.enter()
    return host._loaded[name].widget


def step(widget):
    """The next step, as the event loop would do it."""
    widget.modulePanel._work._step()


def steps_of_making(host, widget):
    """How many there are."""
    count = 0
    while not widget.modulePanel.whole:
        step(widget)
        count += 1
    widget.panel  # noqa: B018  # the last of them
    return count


def shown(widget):
    """What the panel's user can see of it: one widget, or none."""
    layout = widget.layout
    widgets = [layout.itemAt(n).widget() for n in range(layout.count())]
    return [each for each in widgets if each is not None and each.visible]


def test_it_is_not_seen_before_it_is_whole_and_then_by_itself(host, opened):
    making = opened.modulePanel
    seen = []
    while not making.whole:
        seen += shown(opened)
        step(opened)
    assert seen == []
    assert host.wait(lambda: not making._work.running, 10)
    assert len(shown(opened)) == 1


def test_the_event_loop_makes_it_in_turns(host, opened, monkeypatch):
    # A turn is one step however fast the machine is: a fast one does many in 20 ms.
    monkeypatch.setattr("HNCLogic.panels.stepwise.TURN_S", 0)
    turns = []
    assert host.wait(lambda: turns.append(None) or opened.modulePanel.whole, 20)
    assert len(turns) > 3
    assert len(shown(opened)) == 1


def test_a_click_right_after_opening_works(host, opened, images):
    panel = opened.panel  # asked for before the event loop has turned
    assert opened.modulePanel.whole
    assert len(shown(opened)) == 1
    assert panel.inputs.images() == {"PET": images.pet, "CT": images.ct}
    assert panel._parameterNode.pet is images.pet
    panel.inputs._ui.ctSelector.setCurrentNode(None)
    assert opened.logic.getParameterNode().ct is None
    host.process_events()
    assert panel.inputs.images() == {"PET": images.pet}
    assert opened.panel is panel  # not made again


def test_entered_and_left_before_it_is_whole(host, opened):
    host.select_module("Welcome")
    host.select_module(opened.moduleName)
    assert host.wait(lambda: opened.modulePanel.whole, 20)
    assert len(shown(opened)) == 1


@pytest.mark.parametrize("what", ["closed", "read", "unloaded", "reloaded"])
def test_between_any_two_steps(host, opened, what, tmp_path, images):
    name = opened.moduleName
    file = tmp_path / "scene.mrb"
    if what == "read":
        host.save_scene(file)
    count = steps_of_making(host, opened)
    assert count > 10
    for done in (1, *range(count - 5, count)):
        widget = reopened(host, name)
        for _step in range(done):
            step(widget)
        if what == "closed":
            host.scene.Clear(0)
        elif what == "read":
            host.scene.Clear(0)
            host.load_scene(file)
        elif what == "unloaded":
            host.unload(name)
            assert not host.wait(lambda of=widget: of.modulePanel._work.running, 0.05)
            host.load(f"{name}/{name}.py")
            widget = host._loaded[name].widget
        else:
            widget = host.reload(name).widget
        assert host.wait(lambda of=widget: of.modulePanel.whole, 20), done
        panel = widget.panel
        assert panel._parameterNode.parameterNode is widget.logic.getParameterNode().parameterNode
        assert ("PET" in panel.inputs.images()) == (what != "closed")
        assert host.errors == [], done
        if what == "closed":
            host.scene.AddNode(images.pet)


def test_a_scene_that_is_read_is_shown_in_turns_and_whole_when_asked(
    host, opened, tmp_path, images
):
    panel = opened.panel
    assert "PET" in panel.inputs.images()
    host.save_scene(tmp_path / "scene.mrb")
    host.scene.Clear(0)
    assert panel.inputs.images() == {}
    import slicer

    slicer.util.loadScene(str(tmp_path / "scene.mrb"), {})  # the event loop has not turned yet
    assert opened.modulePanel._work.running
    assert set(opened.panel.inputs.images()) == {"PET", "CT"}
    assert panel.inputs._ui.petSelector.currentNode() is panel.inputs.images()["PET"]
    assert not opened.modulePanel._work.running


def test_a_scene_closed_while_one_that_was_read_is_being_shown(host, opened, tmp_path, images):
    import slicer

    panel = opened.panel
    host.save_scene(tmp_path / "scene.mrb")
    for done in range(1, 4):
        slicer.util.loadScene(str(tmp_path / "scene.mrb"), {})
        for _step in range(done):
            step(opened)
        host.scene.Clear(0)
        host.process_events()
        assert panel.inputs.images() == {}
        assert host.errors == []


def test_what_goes_wrong_is_raised_where_the_panel_is_asked_for(host, opened, monkeypatch):
    def failing(_widget):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(opened.modulePanel, "_make", failing)
    with pytest.raises(RuntimeError, match="no such thing"):
        opened.panel  # noqa: B018
    assert shown(opened) == []
    opened.cleanup()
    assert opened.panel is None
