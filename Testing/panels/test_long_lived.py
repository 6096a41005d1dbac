"""What lives as long as the application is set aside for Python's garbage collector."""

import gc
import weakref

import pytest


@pytest.fixture(autouse=True)
def nothing_set_aside():
    gc.unfreeze()
    yield
    gc.unfreeze()


class Ring:
    """Garbage that only the collector finds."""

    def __init__(self):
        self.itself = self


def test_a_panel_that_is_whole_is_set_aside_and_given_back_when_it_goes(host):
    host.load("HNCAnalysis/HNCAnalysis.py")
    module = host.reload("HNCAnalysis")  # another test's panel was set aside in its own time
    assert host.wait(lambda: module.widget.modulePanel.whole and gc.get_freeze_count(), 60)
    ring = Ring()
    seen = weakref.ref(ring)
    del ring
    gc.collect()
    assert seen() is None, "what came after is collected as ever"
    module.widget.cleanup()
    assert gc.get_freeze_count() == 0


def test_what_was_set_aside_as_garbage_is_collected_once_taken_back():
    from HNCLogic.panels.long_lived import set_aside, take_back

    ring = Ring()
    seen = weakref.ref(ring)
    set_aside()
    del ring
    gc.collect()
    assert seen() is not None
    take_back()
    gc.collect()
    assert seen() is None
