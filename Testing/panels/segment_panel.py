"""HNCSegment as its tests use it: opened on the small patient, its buttons and its table."""

from __future__ import annotations

import numpy as np

from Testing.panels.handed_in_child import HandedInChild

MODULE = "HNCSegment/HNCSegment.py"


class OpenedPanel:
    """The module's panel and what a user does with it."""

    def __init__(self, host):
        self.host = host
        self.loaded = host.load(MODULE)

    @property
    def panel(self):
        return self.loaded.widget.panel

    @property
    def ui(self):
        return self.panel.ui

    @property
    def state(self):
        import slicer

        return slicer.util.getModuleLogic("HNCSegment").getParameterNode()

    @property
    def measured(self):
        return self.panel.lesions.measured

    @property
    def status(self):
        return self.child_of_run("statusLabel").text

    def child_of_run(self, name):
        import qt

        kind = qt.QLabel if name.endswith("Label") else qt.QPushButton
        return self.panel.run.widget.findChild(kind, name)

    def choose(self, selector, words):
        index = next(n for n in range(selector.count) if words in selector.itemText(n))
        selector.setCurrentIndex(index)

    def with_patient(self):
        """The loaded images in their places, the method a fixed threshold of SUV 4."""
        self.panel.enter(self.state)
        self.choose(self.ui.methodSelector, "Fixed")
        assert self.panel.run.enabled, self.panel.run.toolTip
        return self

    def start(self):
        self.child_of_run("runButton").click()

    def segment(self, seconds=120):
        """Press Segment, and wait until the new lesions are measured."""
        former = self.state.segmentation
        self.start()
        assert self.panel.run.running, self.host.messages
        assert self.host.wait(lambda: not self.panel.run.running, seconds)
        assert self.host.wait(lambda: self.state.segmentation is not former, 5), self.host.messages
        self.wait_measured()
        return self.state.segmentation

    def wait_measured(self, condition=lambda: True, seconds=20):
        def ready():
            live = self.panel.lesions.live
            return self.measured is not None and not live.running() and condition()

        assert self.host.wait(ready, seconds), self.ui.tableNote.text

    def hand_in(self, stubborn=False):
        """A child process that the test plays."""
        child = HandedInChild(stubborn)
        self.panel.useProcess(child, lambda: True)
        return child

    # the table

    @property
    def rows(self):
        table = self.ui.lesionTable
        return [
            [table.item(row, column).text() for column in range(table.columnCount)]
            for row in range(table.rowCount)
        ]

    @property
    def lesions(self):
        return self.rows[:-3]  # below them stand the totals of primary, nodes and all

    def click_row(self, row):
        table = self.ui.lesionTable
        table.clearSelection()
        table.selectRow(row)
        table.cellClicked(row, 0)
        self.host.process_events()

    def select_rows(self, *rows):
        ids = list(self.measured.by_segment)
        self.panel.lesions.table.select([ids[row] for row in rows])


def opened_on(host):
    """The module's panel on an empty scene, as whoever opens it finds it; for a fixture."""
    one = OpenedPanel(host)
    one.panel.enter(one.state)
    one.ui.inputsSection.collapsed = False
    yield one
    panel = host.load(MODULE).widget.panel
    panel.run.cancel()
    panel.useProcess(None, None)


def paint(node, segment, reference, voxels):
    """What a brush in the Segment Editor does: these voxels (bool, z y x) are the segment's."""
    import slicer

    slicer.util.updateSegmentBinaryLabelmapFromArray(
        voxels.astype(np.uint8), node, segment, reference
    )


def voxels_of(node, segment, reference):
    import slicer

    return slicer.util.arrayFromSegmentBinaryLabelmap(node, segment, reference) > 0
