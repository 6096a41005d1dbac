"""The box that offers to convert a PET to SUV: what was found, the fields, the formula as it
stands; and afterwards the formula that was used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from HNCLogic.panels import pet_source, suv_fields
from HNCLogic.panels import volume_facts as facts
from HNCLogic.panels.failure import Failure
from HNCLogic.panels.opening import Wanted, put
from HNCLogic.panels.panel_words import for_panel
from HNCLogic.panels.request import Request
from HNCLogic.panels.roles import BQML, is_suv, pet_units
from HNCLogic.panels.run_controls import RunControls
from HNCLogic.panels.stepwise import Stepwise
from HNCLogic.panels.suv_fields import SuvFields
from HNCLogic.panels.suv_form import SuvForm, names
from HNCLogic.panels.tones import colour_words, tones
from HNCLogic.resources import resource_folder

OF_SUV = ("weight", "dose")  # all that can be put right where only the SUVs are left
BQML_FROM = 100.0  # as images.plausible: SUVs above are a bladder's, in Bq/ml all is above

UNKNOWN = "unknown"  # shown is what must be put anew

Converted = Callable[[dict[str, Any], Wanted, list[str]], None]


class SuvOffer:
    """Hidden where there is nothing to say: no PET, or one that says itself that it is SUVbw."""

    def __init__(
        self,
        place: qt.QLayout,
        request: Request,
        on_converted: Converted,
        on_changed: Callable[[], None],
    ):
        """``on_converted`` gets the new node as {"PET": node}, what was wanted, and warnings;
        ``on_changed`` is called when the user states, or takes back, that a PET is SUVbw."""
        self.widget = slicer.util.loadUI(str(resource_folder() / "UI" / "SuvOffer.ui"))
        place.addWidget(self.widget)
        self._ui = slicer.util.childWidgetVariables(self.widget)
        self._on_converted, self._on_changed = on_converted, on_changed
        self._node: Any = None
        self._path: Path | None = None  # that the PET was, or is to be, opened from
        self._known: Any = None  # what is shown
        self._source: pet_source.PetSource | None = None
        self._reading: Stepwise | None = None
        self.controls = RunControls(self._ui.runWidget.layout(), _("Convert to SUV"), request)
        self.controls.connectClicked(self.convert)
        self._form = SuvForm(self._ui, self._edited)
        self._ui.isSuvButton.connect("clicked()", self.state_suv)
        self._ui.correctButton.connect("clicked()", self.correct)
        self._ui.closeButton.connect("clicked()", self.close)
        self.widget.visible = False

    def show_pet(self, node: Any, opened: Path | None = None) -> None:
        """Say what there is to say of the chosen PET; ``opened``: the path it was opened from."""
        known = None
        if node is not None:
            known = (node.GetID(), is_suv(node), node.GetAttribute(facts.RECORD), opened)
        if known == self._known:
            return
        if self.controls.running:
            return  # the conversion under way goes on; whoever ends it shows the PET again
        self._stop_reading()
        self._node, self._path, self._known, self._source = node, opened, known, None
        if node is None:
            self.widget.visible = False
        elif is_suv(node):
            self._show_used()
        else:
            self._open(pet_source.source_of(node, opened))

    def show_path(self, path: Path) -> None:
        """Offer the fields for a PET that could not be opened for want of what they hold."""
        self._stop_reading()
        self._node, self._path = None, path
        self._open(pet_source.source_of_path(path))

    def correct(self) -> None:
        """Reopen the fields of a PET converted here, or take back that it is SUVbw as it is."""
        if facts.is_stated_suv(self._node):
            self._node.RemoveAttribute(facts.RECORD)
            self._node.SetVoxelValueUnits(None)
            self._node.SetVoxelValueQuantity(None)
            self._on_changed()
        else:
            self._open(pet_source.source_of(self._node, self._path))

    def close(self) -> None:
        """Leave the fields: back to what is to be said of the chosen PET."""
        self._stop_reading()
        self._known = UNKNOWN
        self._on_changed()

    def state_suv(self) -> None:
        """The user says that the PET is SUVbw as it is: its units say so, and its record."""
        from HNCLogic.scene.volumes import mark_as_suv

        record = suv_fields.record_as_stated(facts.values_of(self._node).highest)
        self._node.SetAttribute(facts.RECORD, json.dumps(record))
        mark_as_suv(self._node)
        self._on_changed()

    def convert(self) -> None:
        """Start the conversion with the fields as they are."""
        source, given = self._source, self._form.given()
        if source.kind == "activity":
            stated = [field.name for field in fields(SuvFields)]
        else:
            stated = suv_fields.changed(given, self._found())
        if source.kind == "suv":
            stated = [name for name in stated if name in OF_SUV]
        suv = suv_fields.by_hand(given, stated)
        if source.kind == "activity" or (source.kind == "dicom" and not source.units):
            suv["units"] = BQML
        original = None if self._node is None else self._node.GetNodeReference(facts.SUV_SOURCE)
        wanted = Wanted(
            {"PET": source.image},
            suv,
            {"PET": source.series} if source.series else {},
            converts=original or self._node,
            transformed=source.kind == "dicom",
        )
        warnings: list[str] = []

        def steps(result: Any, folder: Path):
            warnings.extend(result.warnings)
            return put(result, folder, wanted)

        self._form.enable(())
        self._ui.isSuvButton.enabled = False
        self.controls.begin(
            dict(wanted.images),
            wanted.settings(),
            steps,
            lambda nodes: self._on_converted(nodes, wanted, warnings),
            self._not_converted,
        )

    def cleanup(self) -> None:
        self._stop_reading()
        self.controls.cleanup()

    def _not_converted(self, _why: Failure) -> None:
        self._edited()
        self._on_changed()  # another PET may have been chosen meanwhile

    def _open(self, reading: Any) -> None:
        """Show the fields, empty until ``reading``, a generator of the PetSource, has ended."""
        self._source = None
        self.controls.forget()
        self._form.fill(SuvFields().with_defaults())
        self._ui.headline.text, self._ui.foundLabel.text = self._found_words()
        self._show_parts(open_fields=True)
        self._edited()
        self._reading = Stepwise(reading, self._read, self._not_read)
        self._reading.start()

    def _read(self, source: pet_source.PetSource) -> None:
        self._source, self._reading = source, None
        shown = self._found()
        record = {} if self._node is None else facts.record(self._node)
        if source.kind == "dicom":
            shown = suv_fields.with_hand(shown, record)
        elif record:
            shown = suv_fields.from_record(record)
        self._form.fill(shown.with_defaults() if self._is_activity() else shown)
        self._ui.headline.text, self._ui.foundLabel.text = self._found_words()
        self._edited()

    def _not_read(self, _error: Exception) -> None:
        """Headers that cannot be had: the volume as it is loaded is left, or the path."""
        image = self._path if self._node is None else self._node
        self._read(pet_source.PetSource(image, "activity" if self._node is not None else "dicom"))

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _found(self) -> SuvFields:
        """What the source says itself: a value unlike it is given by hand."""
        if self._source.kind == "suv":
            return suv_fields.from_record(facts.record(self._source.image))
        return self._source.found

    def _is_activity(self) -> bool:
        """Do the values need weight, dose and times, as Bq/ml do?"""
        return self._source.kind == "activity" or self._source.units in ("", BQML)

    def _edited(self) -> None:
        """Say at each field what is wrong with it, which are by hand, and the formula anew."""
        given, source = self._form.given(), self._source
        self._ui.isSuvButton.enabled = True
        problems = suv_fields.problems(given)
        if source is None:
            self._form.mark({}, ())
            self._form.enable(())
            self._ready(_("Reading the DICOM headers…"))
            return
        found = self._found().with_defaults() if self._is_activity() else self._found()
        by_hand = suv_fields.changed(given, found)
        self._form.mark(problems, by_hand)
        self._form.enable(OF_SUV if source.kind == "suv" else tuple(names()))
        lacking = suv_fields.missing(given) if self._is_activity() else []
        if problems:
            self._ready(_("Put right what is marked."))
        elif lacking:
            self._ready(_("Still missing: {names}.").format(names=_listed(lacking)))
        else:
            words = [suv_fields.formula(given)] if self._is_activity() else []
            if by_hand:
                words.append(_("By hand: {names}.").format(names=_listed(by_hand)))
            self._ready("", "\n".join(words))

    def _ready(self, why_not: str, formula: str = "") -> None:
        self._ui.formulaLabel.text = formula or why_not
        colour_words(self._ui.formulaLabel, "quiet" if formula else "warn")
        self._ui.formulaLabel.visible = bool(formula or why_not)
        self.controls.setReady(not why_not, why_not or _("Makes a new volume in SUVbw"))

    def _show_used(self) -> None:
        """The formula that a PET converted here was made with; nothing where others made it."""
        record = facts.record(self._node)
        self.widget.visible = bool(record)
        if not record:
            return
        given = record.get("given_by_hand") or ()
        by_hand = [name for name, job in suv_fields.JOB_NAMES.items() if job in given]
        words = [record.get("formula", "")]
        if by_hand:
            words.append(_("By hand: {names}.").format(names=_listed(by_hand)))
        stated = facts.is_stated_suv(self._node)
        self._ui.headline.text = _("SUVbw, as you said") if stated else _("How the SUV was made")
        words += [for_panel(warning) for warning in record.get("warnings", ())]
        self._ui.foundLabel.text = "\n".join(words)
        self._ui.correctButton.text = _("Take back") if stated else _("Correct…")
        self._show_parts(open_fields=False)

    def _found_words(self) -> tuple[str, str]:
        """Headline and words on what was found: units, by whom, and the largest value."""
        if self._node is None:
            words = _("The file does not hold all that SUV needs. What is known is filled in.")
            return _("This PET cannot be opened as SUV yet"), words
        if is_suv(self._node):
            return _("Correct the SUV"), _("A new volume is made; this one stays as it is.")
        units = pet_units(self._node)
        largest = facts.values_of(self._node).highest
        value = _("Its largest value is {value}").format(value=_rounded(largest))
        if units == BQML:
            return _("This PET is in Bq/ml, not in SUV"), value + "."
        if units:
            headline = _("This PET is in {units}, not in SUVbw").format(units=units)
            return headline, _("Its DICOM headers say how it becomes SUV.")
        probably = _("probably Bq/ml") if largest > BQML_FROM else _("probably SUVbw already")
        return _("The units of this PET are not known"), f"{value}: {probably}."

    def _show_parts(self, open_fields: bool) -> None:
        can_be_suv = self._node is not None and not is_suv(self._node)
        self._ui.fieldsWidget.visible = self._ui.runWidget.visible = open_fields
        self._ui.formulaLabel.visible = open_fields
        self._ui.isSuvButton.visible = open_fields and can_be_suv
        self._ui.correctButton.visible = not open_fields
        self._ui.closeButton.visible = open_fields and not can_be_suv
        tone = tones(self.widget)["accent" if open_fields else "quiet"]
        self.widget.setStyleSheet(
            f"#SuvOffer {{ border: 1px solid {tone}; border-left: 4px solid {tone}; }} "
            "#headline { font-weight: bold; }"
        )
        self.widget.visible = True


def _listed(fields_: Iterable[str]) -> str:
    called = names()
    return ", ".join(called[name] for name in fields_)


def _rounded(value: float) -> str:
    if abs(value) < 1000:
        return f"{value:.3g}"
    return f"{float(f'{value:.3g}'):,.0f}".replace(",", "\N{NO-BREAK SPACE}")
