"""The built-in simulated patient in Slicer's Sample Data module: no download, no real person."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from HNCLogic.panels import dependencies
from HNCLogic.panels.awaited_child import run_child
from HNCLogic.panels.child_python import child_python
from HNCLogic.resources import resource_folder

log = logging.getLogger(__name__)

CATEGORY = "HNC"
NAME = "HNCSimulatedPatient"
SEED = 7
PATIENCE_S = 300.0
RECORD = "HNC.SuvRecord"


def register() -> None:
    """Offer the patient in Sample Data; to be called when the application has started."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=NAME,
        uris=[],  # nothing is fetched
        fileNames=[],
        nodeNames=[],
        loadFileTypes=[],
        loadFiles=[],
        checksums=[],
        thumbnailFileName=str(resource_folder() / "Icons" / "HNCSimulatedPatient.png"),
        customDownloader=load_simulated_patient,
    )


def load_simulated_patient(source: Any = None) -> list[Any]:
    """Simulate the patient in a child process and load its PET (SUVbw) and CT; gives the nodes.

    Empty where the user declined to install what that needs, or it failed, which is told.
    """
    if not dependencies.ensure():
        return []
    folder = Path(tempfile.mkdtemp(prefix="hnc-sample-"))
    slicer.app.setOverrideCursor(qt.Qt.WaitCursor)
    try:
        if not _simulate(folder / "cohort"):
            return []
        return _load(folder / "cohort" / f"simulated-{SEED:04d}")
    finally:
        slicer.app.restoreOverrideCursor()
        shutil.rmtree(folder, ignore_errors=True)


def _simulate(out: Path) -> bool:
    """Run ``hnc phantom`` while the event loop goes on."""
    import HNCLogic

    code, lines = run_child(
        [child_python(), "-m", "HNCLogic", "phantom", "--seed", str(SEED), "--out", str(out)],
        PATIENCE_S,
        useStartupEnvironment=False,
        cwd=str(Path(HNCLogic.__file__).resolve().parents[1]),
    )
    if code == 0:
        return True
    log.error("the simulated patient could not be made: %s", " ".join(lines[-5:]))
    slicer.util.errorDisplay(
        _("The simulated patient could not be made."), detailedText="\n".join(lines[-20:])
    )
    return False


def _load(folder: Path) -> list[Any]:
    from HNCLogic.phantom.patient import SIMULATED
    from HNCLogic.scene.notes import SIMULATED as SIMULATED_NOTE
    from HNCLogic.scene.notes import note_on
    from HNCLogic.scene.volumes import show_ct, show_pet

    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    patient = tree.CreateSubjectItem(tree.GetSceneItemID(), _("Simulated patient"))
    study = tree.CreateStudyItem(patient, "FDG PET/CT")
    nodes = []
    for kind, name in (("pet", "PET (simulated)"), ("ct", "CT (simulated)")):
        node = slicer.util.loadVolume(str(folder / f"{kind}.nrrd"), {"name": name})
        note_on(node, {SIMULATED_NOTE: SIMULATED})
        tree.CreateItem(study, node)
        nodes.append(node)
    pet, ct = nodes
    pet.SetAttribute(RECORD, (folder / "pet.json").read_text(encoding="utf-8"))
    show_pet(pet)
    show_ct(ct)
    for node in nodes:
        # The files are gone in a moment; what is saved later gets files of its own.
        node.SetAndObserveStorageNodeID(None)
    slicer.util.setSliceViewerLayers(background=ct, foreground=pet, foregroundOpacity=0.5, fit=True)
    return nodes
