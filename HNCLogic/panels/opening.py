"""Opening images from disk: a menu, a process of its own that reads them, volumes in the scene.

The job "open" of the headless package does the reading, so that DICOM, SUV and what is refused
are the same everywhere, and the panel never waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from HNCLogic.in_steps import retold
from HNCLogic.panels import volume_facts as facts
from HNCLogic.panels.choice import choose_one
from HNCLogic.panels.failure import Failure
from HNCLogic.panels.request import Request
from HNCLogic.panels.roles import MR_SEQUENCES, sequence_in
from HNCLogic.panels.run_controls import RunControls

ROLES = ("PET", "CT", "MR")
FILES = "*.nrrd *.nhdr *.nii *.nii.gz *.mha *.mhd *.dcm"


@dataclass(frozen=True)
class Wanted:
    """What is to be opened: a path or a volume node for each of Job's roles."""

    images: Mapping[str, Any]
    suv: Mapping[str, Any] = field(default_factory=dict)  # as Job's ``suv``
    series: Mapping[str, str] = field(default_factory=dict)
    converts: Any = None  # the volume node of which this makes an SUV one
    transformed: bool = False  # ``images`` know nothing of the transform ``converts`` stands under

    def settings(self) -> dict[str, Any]:
        return {"task": "open", "suv": dict(self.suv), "series": dict(self.series)}


class Opening:
    """A button with a menu of what to open, and the progress of it in the button's place."""

    def __init__(
        self,
        place: qt.QLayout,
        request: Request,
        on_opened: Callable[[dict[str, Any], Wanted, list[str]], None],
        on_failed: Callable[[Failure, Wanted], None],
        roles: Sequence[str] = ROLES,
    ):
        """``on_opened`` gets the new nodes by role, what was wanted, and warnings. ``roles``: what
        the menu offers, of ``ROLES``."""
        self._on_opened, self._on_failed = on_opened, on_failed
        self._roles = roles
        self.controls = RunControls(place, _("Open images…"), request)
        self.controls.setReady(True, _("Open a DICOM folder or an image file from disk"))
        self.controls.connectClicked(self.ask)

    def ask(self) -> None:
        """Let the user pick from the menu, then where, and open it."""
        menu = qt.QMenu(self.controls.widget)
        texts = entries(self._roles)
        for text in texts:
            menu.addAction(text)
        below = self.controls.widget.mapToGlobal(qt.QPoint(0, self.controls.widget.height))
        picked = menu.exec_(below)
        text = None if picked is None else picked.text
        menu.deleteLater()
        if text not in texts:
            return
        roles, folder = texts[text]
        path = ask_path(text, folder)
        images = None if path is None else _by_role(roles, path)
        if images is not None:
            self.begin(Wanted(images))

    def begin(self, wanted: Wanted) -> None:
        warnings: list[str] = []

        def steps(result: Any, folder: Path) -> Iterator[float]:
            warnings.extend(result.warnings)
            return put(result, folder, wanted)

        self.controls.begin(
            dict(wanted.images),
            wanted.settings(),
            steps,
            lambda nodes: self._on_opened(nodes, wanted, warnings),
            lambda why: self._on_failed(why, wanted),
        )

    def cleanup(self) -> None:
        self.controls.cleanup()


def entries(roles: Sequence[str] = ROLES) -> dict[str, tuple[tuple[str, ...], bool]]:
    """The menu: words → the roles, and whether a folder is asked for, not a file."""
    found = {}
    if "PET" in roles and "CT" in roles:
        found[_("PET and CT from one DICOM folder…")] = (("PET", "CT"), True)
    names = {"PET": _("PET"), "CT": _("CT"), "MR": _("MRI")}
    for role in roles:
        name = names[role]
        found[_("{role}: DICOM folder…").format(role=name)] = ((role,), True)
        found[_("{role}: image file…").format(role=name)] = ((role,), False)
    return found


def ask_path(title: str, folder: bool) -> Path | None:
    parent = slicer.util.mainWindow()
    if folder:
        picked = qt.QFileDialog.getExistingDirectory(parent, title)
    else:
        picked = qt.QFileDialog.getOpenFileName(parent, title, "", _("Images") + f" ({FILES})")
    return Path(picked) if picked else None


def _by_role(roles: tuple[str, ...], path: Path) -> dict[str, Path] | None:
    """``path`` for each role; an MRI's sequence is asked for where its name does not say it."""
    if "MR" not in roles:
        return dict.fromkeys(roles, path)
    sequence = sequence_in(path.name)
    if not sequence:
        title = _("Which MR sequence is it?")
        index = choose_one(title, _("Its name does not say it."), MR_SEQUENCES)
        if index is None:
            return None
        sequence = MR_SEQUENCES[index]
    return {sequence: path}


def put(result: Any, folder: Path, wanted: Wanted) -> Iterator[float]:
    """Put the volumes that the job "open" wrote into the scene: a generator of the share done,
    which returns the nodes by role. Closed half-way, it takes back what it had put."""
    from HNCLogic.scene.adopt import place_under_study_of
    from HNCLogic.scene.voxel_files import read_node

    scene = slicer.mrmlScene
    roles = [role for role in wanted.images if role in result.files]
    nodes: dict[str, Any] = {}
    try:
        for done, role in enumerate(roles):
            name = scene.GenerateUniqueName(_name(role, wanted.converts))
            steps = read_node(scene, folder / result.files[role], name)
            nodes[role] = yield from retold(
                steps, lambda share, done=done: (done + share) / len(roles)
            )
            yield (done + 1) / len(roles)
            _show(role, nodes[role])
            _describe(role, nodes[role], result, wanted)
            yield (done + 1) / len(roles)
        first = wanted.converts or nodes.get("PET") or next(iter(nodes.values()))
        place_under_study_of(scene, first, nodes.values())
    except BaseException:  # GeneratorExit too: cancelled
        for node in nodes.values():
            scene.RemoveNode(node)
        raise
    return nodes


def _name(role: str, converts: Any) -> str:
    if converts is None:
        return {"PET": "PET SUVbw", "CT": "CT"}.get(role, f"{role} MRI")
    base = converts.GetName().removesuffix(" SUVbw")
    return f"{base} SUVbw"


def _show(role: str, node: Any) -> None:
    from HNCLogic.scene import volumes

    show = {"PET": volumes.show_pet, "CT": volumes.show_ct}.get(role, volumes.show_mr)
    show(node)


def _describe(role: str, node: Any, result: Any, wanted: Wanted) -> None:
    """What the node is and came from. No path: it may name the patient."""
    node.SetAttribute(facts.ROLE, role)
    if role != "PET":
        return
    node.SetAttribute(facts.RECORD, result.suv.model_dump_json())
    if wanted.converts is not None and wanted.converts.GetScene() is not None:
        node.SetNodeReferenceID(facts.SUV_SOURCE, wanted.converts.GetID())
        if wanted.transformed:
            node.SetAndObserveTransformNodeID(wanted.converts.GetTransformNodeID())
