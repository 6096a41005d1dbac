"""PET, CT and MRI by role, for both modules' panels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HNCLogic.panels import image_checks, roles
from HNCLogic.panels.failure import Failure
from HNCLogic.panels.opening import Opening, Wanted
from HNCLogic.panels.panel_words import for_panel
from HNCLogic.panels.request import Request
from HNCLogic.panels.stepwise import Soon
from HNCLogic.panels.suv_offer import SuvOffer
from HNCLogic.panels.tones import box, colour_words
from HNCLogic.resources import resource_folder

FIELDS = {"PET": "pet", "CT": "ct", "MR": "mr"}  # role → of the parameter node, and its selector
# Options of the command line for which the SUV box has fields
HELD_BY_FIELDS = {"weight", "dose", "injected", "scan-started", "half-life", "decay", "pet-units"}


class ImageInputs(VTKObservationMixin):
    """PET, CT and MRI by role: selectors that fill themselves in, opening from disk, the offer to
    convert to SUV."""

    def __init__(
        self,
        place: qt.QLayout,
        launch: Callable | None = None,
        on_changed: Callable[[], None] | None = None,
        mri_used: Callable[[], bool] = lambda: True,
    ):
        """``launch``: as ``slicer.util.launchConsoleProcess``. ``on_changed``: called when what is
        chosen may have changed. ``mri_used``: does the sequence of an MRI matter?"""
        VTKObservationMixin.__init__(self)
        self._onChanged, self._mriUsed = on_changed, mri_used
        self._parameterNode = None
        self._writing = False
        self._emptied: set[str] = set()  # roles that the user emptied: they stay so
        self._opened: dict[str, Path] = {}  # node → the path it came from; gone with the session
        self._remarks: list[str] = []
        self._doubtful: dict[str, list[Any]] = {}
        self._whyNot = ""
        self.widget = slicer.util.loadUI(str(resource_folder() / "UI" / "ImageInputs.ui"))
        place.addWidget(self.widget)
        self._ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self._ui.sequenceCombo.addItem("")
        for sequence in roles.MR_SEQUENCES:
            self._ui.sequenceCombo.addItem(sequence)
        self.opening = Opening(
            self._ui.openingWidget.layout(), Request(launch), self._onOpened, self._onNotOpened
        )
        self.offer = SuvOffer(
            self.widget.layout(), Request(launch), self._onConverted, self._refresh
        )
        self._later = Soon(self._onLater)
        self._filling = False  # is filling in wanted when the timer rings
        for role in FIELDS:
            self._selector(role).connect(
                "currentNodeChanged(vtkMRMLNode*)", lambda node, role=role: self._onPicked(role)
            )
        self._ui.sequenceCombo.connect("currentTextChanged(QString)", self._onSequence)
        scene = slicer.mrmlScene
        for event in (scene.NodeAddedEvent, scene.EndImportEvent, scene.EndBatchProcessEvent):
            self.addObserver(scene, event, self._onScene)
        self.addObserver(scene, scene.EndCloseEvent, self._onClosed)
        # Before the selectors, which would take the next node in the list.
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onLeaving, priority=1.0)
        self._refresh()

    def setParameterNode(self, parameterNode: Any) -> None:
        """A wrapped node with ``pet``, ``ct``, ``mr`` and ``mrRole``; None to let go of it."""
        if self._parameterNode is not None:
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onModified)
        if parameterNode is None:
            self.opening.controls.forget()
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._onModified)
        self._show()
        self._refresh()

    def fillIn(self) -> None:
        """Choose what is clear for the roles that are empty; say between what the others are in
        doubt. A role that the user emptied stays so until the scene is closed."""
        node = self._parameterNode
        if node is None or slicer.mrmlScene.IsBatchProcessing():
            return
        found, self._doubtful = roles.found_roles(slicer.mrmlScene, node.pet)
        chosen = [volume for volume in (node.pet, node.ct, node.mr) if volume is not None]
        for role, field in FIELDS.items():
            volume = found.get(role)
            if getattr(node, field) is not None or role in self._emptied or volume is None:
                continue
            if volume not in chosen:
                self._choose(role, volume)
        self._show()
        self._refresh()

    def images(self) -> dict[str, Any]:
        """The chosen volumes by Job's roles: "PET", "CT", and the MRI by its sequence."""
        sequence = self._sequence()
        chosen = self._chosen()
        if "MR" in chosen:
            volume = chosen.pop("MR")
            chosen |= {sequence: volume} if sequence else {}
        return chosen

    def settings(self) -> dict[str, Any]:
        """What Job needs beside the images."""
        pet = self._chosen().get("PET")
        if pet is None or pet.GetAttribute(roles.facts.RECORD) or not roles.is_suv(pet):
            return {"suv": {}}
        return {"suv": {"units": roles.SUVBW}}

    def whyNotReady(self) -> str:
        """Why the images cannot be used yet; "" when they can."""
        return self._whyNot

    def cleanup(self) -> None:
        self._onChanged = None
        self._later.stop()
        self.opening.cleanup()
        self.offer.cleanup()
        self.setParameterNode(None)
        self.removeObservers()

    def _selector(self, role: str) -> Any:
        return getattr(self._ui, f"{FIELDS[role]}Selector")

    def _chosen(self) -> dict[str, Any]:
        node = self._parameterNode
        found = {} if node is None else {role: getattr(node, f) for role, f in FIELDS.items()}
        return {role: volume for role, volume in found.items() if volume is not None}

    def _sequence(self) -> str:
        said = "" if self._parameterNode is None else self._parameterNode.mrRole
        return said if said in roles.MR_SEQUENCES else ""

    def _choose(self, role: str, volume: Any) -> None:
        setattr(self._parameterNode, FIELDS[role], volume)
        if role == "MR":
            self._parameterNode.mrRole = "" if volume is None else roles.mr_sequence(volume)

    def _show(self) -> None:
        """The parameter node's state in the selectors."""
        chosen = self._chosen()
        self._writing = True
        for role in FIELDS:
            self._selector(role).setCurrentNode(chosen.get(role))
            self._selector(role).enabled = self._parameterNode is not None
        self._ui.sequenceCombo.currentText = self._sequence()
        self._writing = False

    def _refresh(self) -> None:
        """Say what there is to say of the images as they are now."""
        chosen = self._chosen()
        self._watch(chosen.values())
        self._ui.sequenceCombo.visible = self._ui.sequenceLabel.visible = "MR" in chosen
        lines = [image_checks.described(r, node, self._sequence()) for r, node in chosen.items()]
        lines += [
            _("{role}: {names} fit equally well; choose one.").format(
                role=image_checks.role_name(role),
                names=_(" and ").join(f"“{volume.GetName()}”" for volume in volumes),
            )
            for role, volumes in self._doubtful.items()
            if role not in chosen
            and role not in self._emptied
            and all(volume.GetScene() is not None for volume in volumes)
        ]
        self._ui.stateLabel.text = "\n".join(lines)
        self._ui.stateLabel.visible = bool(lines)
        colour_words(self._ui.stateLabel, "quiet")
        wrong = image_checks.complaints(chosen, self._sequence(), self._mriUsed())
        self._whyNot = wrong[0] if wrong else "" if "PET" in chosen else _("Choose a PET.")
        pet = chosen.get("PET")
        if pet is None or not image_checks.can_be_pet(pet):
            self.offer.show_pet(None)
        else:
            self.offer.show_pet(pet, self._opened.get(pet.GetID()))
        told = [words for words in wrong if words != image_checks.not_suv()]
        told += self._remarks + (image_checks.remarks(chosen) if not wrong else [])
        self._ui.complaintLabel.text = "\n".join(told)
        self._ui.complaintLabel.visible = bool(told)
        box(self._ui.complaintLabel, "warn")
        if self._onChanged is not None:
            self._onChanged()

    def _watch(self, volumes: Any) -> None:
        """Hear of changes to the chosen volumes, and to no others."""
        events = (
            slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent,
            slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
            vtk.vtkCommand.ModifiedEvent,
        )
        self.removeObservers(self._onVolume)
        for volume in volumes:
            for event in events:
                if not self.hasObserver(volume, event, self._onVolume):
                    self.addObserver(volume, event, self._onVolume)

    def _onPicked(self, role: str) -> None:
        if self._writing or self._parameterNode is None or slicer.mrmlScene.IsBatchProcessing():
            return
        volume = self._selector(role).currentNode()
        if volume is None:
            self._emptied.add(role)
        else:
            self._emptied.discard(role)
        self._remarks = []
        self._choose(role, volume)
        self._refresh()

    def _onSequence(self, text: str) -> None:
        if not self._writing and self._parameterNode is not None:
            self._parameterNode.mrRole = text
            self._refresh()

    def _onModified(self, _caller: Any = None, _event: str = "") -> None:
        self._show()
        self._later.start()

    def _onVolume(self, _caller: Any, _event: str) -> None:
        self._later.start()

    def _onScene(self, _caller: Any, _event: str) -> None:
        if not slicer.mrmlScene.IsBatchProcessing():
            self._filling = True
            self._later.start()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onLeaving(self, _caller: Any, _event: str, node: Any) -> None:
        for role in [role for role, volume in self._chosen().items() if volume is node]:
            self._choose(role, None)

    def _onClosed(self, _caller: Any, _event: str) -> None:
        self._emptied.clear()
        self._opened.clear()
        self._remarks, self._doubtful = [], {}
        self._later.start()

    def _onLater(self) -> None:
        if slicer.mrmlScene.IsBatchProcessing():
            self._later.start()
            return
        if unseen := self._unseen():
            roles.facts.values_of(unseen[0])
            self._later.start()  # the next one in its own turn: for all at once a user would wait
            return
        filling, self._filling = self._filling, False
        self.fillIn() if filling else self._refresh()

    def _unseen(self) -> list[Any]:
        """Volumes chosen, or about to be, whose voxels were not looked at since they changed."""
        if self._parameterNode is None:
            return []
        chosen = self._chosen()
        if self._filling:
            chosen = roles.roles_in_scene(slicer.mrmlScene, chosen.get("PET")) | chosen
        return [one for one in roles.looked_into(chosen) if not roles.facts.looked_at(one)]

    def _onConverted(self, nodes: dict[str, Any], wanted: Wanted, warnings: list[str]) -> None:
        path = wanted.images["PET"]
        if isinstance(path, Path):
            self._opened[nodes["PET"].GetID()] = path
        self._put(nodes, [])  # the PET's own warnings stand in the box

    def _onOpened(self, nodes: dict[str, Any], wanted: Wanted, warnings: list[str]) -> None:
        for role, node in nodes.items():
            self._opened[node.GetID()] = wanted.images[role]
        self._put(nodes, [for_panel(words) for words in warnings])

    def _put(self, nodes: dict[str, Any], warnings: list[str]) -> None:
        """New volumes into their roles, and into the views."""
        if self._parameterNode is None:
            return
        self._remarks = warnings
        for role, node in nodes.items():
            role = role if role in FIELDS else "MR"
            self._emptied.discard(role)
            self._choose(role, node)
        self._show()
        self._refresh()
        self._lookAt()

    def _lookAt(self) -> None:
        from HNCLogic.scene.application import of_desktop
        from HNCLogic.scene.display import fuse, set_fusion

        chosen = self._chosen()
        behind = next((role for role in ("CT", "MR") if role in chosen), None)
        pet = chosen.get("PET")
        application = of_desktop()
        if pet is not None and roles.is_suv(pet):
            fuse(application, pet, chosen.get(behind), behind or "CT")
        elif behind is not None:
            set_fusion(application, None, chosen[behind], 1.0)
        application.logic.FitSliceToAll()

    def _onNotOpened(self, why: Failure, wanted: Wanted) -> None:
        path = wanted.images.get("PET")
        if why.kind == "input" and path and why.options & HELD_BY_FIELDS:
            self.offer.show_path(path)
