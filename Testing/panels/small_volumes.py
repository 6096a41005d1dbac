"""Small volumes, and ImageInputs over them, for the tests of what is chosen as PET, CT and MRI."""

from pathlib import Path
from typing import Any

import numpy as np

from HNCLogic.images.grid import Grid
from Testing.unit.dicom_writer import rotation, write_series

SIZE, SPACING, ORIGIN = (26, 24, 20), (4.0, 3.5, 3.0), (-51.5, -42.25, -180.0)
TURNED = rotation((1.0, 2.0, 3.0), 12.0)
UID = "1.2.826.0.1.3680043.8.498.4711"


def grid(size=SIZE, origin=ORIGIN, direction=TURNED) -> Grid:
    return Grid(size, SPACING, origin, tuple(np.asarray(direction).ravel()))


def bqml_values(size=SIZE, largest: int = 30000) -> np.ndarray:
    """Activity (z, y, x), int16: background, a warm block, one hottest voxel."""
    array = np.random.default_rng(8).integers(100, 900, size[::-1]).astype(np.int16)
    array[5:12, 6:18, 5:15] += 4000
    array[8, 9, 10] = largest
    return array


def ct_values(size=SIZE) -> np.ndarray:
    array = np.full(size[::-1], 40, np.int16)
    array[:, :6] = -1000
    array[:, 6:8] = 900
    return array


def add(scene: Any, name: str, array: np.ndarray, **where: Any) -> Any:
    from HNCLogic.scene.volumes import add_volume

    return add_volume(scene, grid(array.shape[::-1], **where).image(array), name)


def add_dicom_pet(host: Any, folder: Path, slopes=1.0, change=None) -> Any:
    """A PET in Bq/ml on disk, in the DICOM database and, as Slicer would load it, in the scene."""
    stored = bqml_values()
    slopes = np.broadcast_to(np.asarray(slopes, float), (len(stored),))
    write_series(
        folder / "pet",
        stored,
        spacing=SPACING,
        origin=ORIGIN,
        direction=TURNED,
        slopes=slopes,
        uid=UID,
        change=change,
    )
    host.open_dicom_database(folder)
    values = (stored * slopes[:, None, None]).astype(np.float32)
    node = add(host.scene, "3: PET WB", values)
    uids = [f"{UID}.{z + 1}" for z in range(len(stored))]
    node.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
    return node


class InputsInPanel:
    """ImageInputs in a panel of its own with a parameter node, and what a test does with them."""

    def __init__(self, host: Any, launch: Any = None, width: int = 380):
        import qt
        from slicer import vtkMRMLScalarVolumeNode
        from slicer.parameterNodeWrapper import parameterNodeWrapper

        from HNCLogic.panels.inputs import ImageInputs

        @parameterNodeWrapper
        class ParameterNode:
            pet: vtkMRMLScalarVolumeNode
            ct: vtkMRMLScalarVolumeNode
            mr: vtkMRMLScalarVolumeNode
            mrRole: str = ""

        self.host = host
        self.kind = ParameterNode
        self.changes = 0
        self.panel = qt.QWidget()
        layout = qt.QVBoxLayout(self.panel)
        self.inputs = ImageInputs(layout, launch, self._changed)
        layout.addStretch(1)
        self.panel.resize(width, 640)
        self.panel.show()
        self.node = None
        self.new_node()

    def _changed(self) -> None:
        self.changes += 1

    def new_node(self) -> None:
        import slicer

        kept = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "inputs")
        self.node = self.kind(kept)
        self.inputs.setParameterNode(self.node)

    def part(self, name: str) -> Any:
        import slicer

        return slicer.util.findChild(self.inputs.widget, name=name)

    def of_offer(self, name: str) -> Any:
        import slicer

        return slicer.util.findChild(self.inputs.offer.widget, name=name)

    def settle(self) -> None:
        """Let timers ring and headers be read."""
        assert self.host.wait(lambda: self._quiet(), 10)

    def _quiet(self) -> bool:
        offer = self.inputs.offer
        return not self.inputs._later.due and offer._reading is None

    def texts(self) -> dict[str, str]:
        return {
            name: self.of_offer(f"{name}Edit").text
            for name in ("weight", "dose", "injected", "reference", "halfLife")
        }

    def close(self) -> None:
        self.inputs.cleanup()
        self.panel.hide()
        self.panel.deleteLater()
        self.host.process_events()
