"""The section "Lesions": how they came about, their measures, where they are."""

from __future__ import annotations

from html import escape
from types import SimpleNamespace

from slicer.i18n import tr as _

from HNCLogic.panels.panel_words import for_panel
from HNCLogic.panels.tones import box
from HNCLogic.scene.application import of_desktop
from HNCLogic.scene.layers import jump as jumpTo
from HNCLogic.scene.tables import lesion_columns
from HNCSegmentLib import SegmentationRecord as record
from HNCSegmentLib.LesionTable import LesionTable, Row
from HNCSegmentLib.LiveMeasures import LiveMeasures

MEASURES = ("mtv_ml", "suv_max", "suv_mean", "suv_peak", "tlg_ml", "dmax_mm")


class LesionRows:
    """Shows a segmentation's lesions, and keeps its result and table nodes up to date.

    ``onChanged()`` is called when other rows are selected and when measures came or went.
    """

    def __init__(self, ui, onChanged):
        self.ui = ui
        self._onChanged = onChanged
        self._segmentation = None
        self._toHottest = False
        self.measured = None  # of the segmentation shown; None while it is not known
        self.table = LesionTable(ui.lesionTable, lambda row: jump(row.at), onChanged)
        self.live = LiveMeasures(self._onMeasured, self._onFailed, self._onBusy)
        self._showStored()

    def follow(self, segmentation, pet):
        """Show this segmentation, measured in ``pet``; either may be None."""
        if segmentation is not self._segmentation:
            self._segmentation = segmentation
            self.measured = None
            self._showStored()
        self.live.follow(segmentation, pet)

    def goToHottest(self):
        """Move the views to the hottest lesion, as soon as it is known."""
        self._toHottest = True
        if self.measured is not None:
            self._goToHottest()

    def result(self):
        """The Result of what is shown, as it is now; None while it is not measured."""
        if self.measured is None or self._segmentation is None:
            return None
        return record.resultOf(self._segmentation, self.measured, self.live.pet)

    def lesionOfSegment(self):
        """Segment's id → its Lesion, without segments that are empty."""
        found = {} if self.measured is None else self.measured.by_segment
        return {id: lesion for id, lesion in found.items() if hasattr(lesion, "label")}

    def _onMeasured(self, measured):
        self.measured = measured
        result = self.result()
        columns = lesion_columns(list(measured.by_segment.items()), measured.totals)
        record.store(self._segmentation, result, columns)
        self._show(measured.by_segment, measured.totals)
        self._describe(result.delineation, result.delineation_trained_on, result.simulated)
        nothing = "" if measured.by_segment else _("No lesion was found.")
        self._say(nothing, result.warnings)
        if self._toHottest:
            self._goToHottest()
        self._onChanged()

    def _onFailed(self, words):
        """What was known stays in the table; it is said why it is not measured anew."""
        self.measured = None
        self._say(words)
        self._onChanged()

    def _onBusy(self):
        self.measured = None
        self._say(_("Measuring …"))
        self._onChanged()

    def _goToHottest(self):
        self._toHottest = False
        if self.measured.lesions:
            jump(max(self.measured.lesions, key=lambda lesion: lesion.suv_max).suv_max_ras)

    def _showStored(self):
        """What the segmentation's own text and table say, before it is measured."""
        for widget in (self.ui.lesionTable, self.ui.changeRow, self.ui.undoRow):
            widget.visible = self._segmentation is not None
        said = record.said(self._segmentation)
        lesions = [SimpleNamespace(**lesion) for lesion in said.get("lesions", [])]
        ids = record.segmentsInTable(self._segmentation)
        known = dict(zip(ids, lesions, strict=True)) if len(ids) == len(lesions) else {}
        self._show(known, [SimpleNamespace(**total) for total in said.get("totals", [])])
        words = said.get("delineation")
        if words is None and self._segmentation is not None:
            words = record.BY_USER
        self._describe(words, said.get("delineation_trained_on"), said.get("simulated"))
        self._say("", said.get("warnings", ()))

    def _show(self, bySegment, totals):
        kinds = {"primary": _("primary"), "node": _("node"), "lesion": _("lesion")}
        sides = {"left": _("left"), "right": _("right"), "midline": _("midline")}
        sides["both"] = _("both")
        groups = {"primary": _("Primary"), "nodes": _("Nodes"), "all": _("All")}
        rows = []
        for segment, lesion in bySegment.items():
            rows.append(
                Row(
                    segment,
                    lesion.name,
                    kinds[lesion.kind],
                    sides.get(getattr(lesion, "side", None), ""),
                    _measures(lesion),
                    self._colour(segment),
                    getattr(lesion, "suv_max_ras", None),
                )
            )
        for total in totals:
            name = f"{groups[total.group]} ({total.count})"
            rows.append(Row("", name, "", sides.get(total.side, ""), _measures(total)))
        self.table.show(rows)

    def _colour(self, segment):
        found = self._segmentation.GetSegmentation().GetSegment(segment)
        return None if found is None else tuple(found.GetColor())

    def _describe(self, delineation, trainedOn, simulated):
        """How the lesions came about, in the line above the table."""
        if delineation is None:
            words = _("None yet. Segment outlines them, or choose a segmentation.")
        else:
            words = _("Outlined by: {how}.").format(how=delineation)
            if record.measuredElsewhere(self._segmentation, self.live.pet):
                words += " " + _("Measured in: {name}.").format(name=self.live.pet.GetName())
            if trainedOn:
                words += " " + _("Trained on: {data}.").format(data=trainedOn.rstrip("."))
        self.ui.madeLabel.text = escape(words) + (
            f" <b>{_('Simulated patient.')}</b>" if simulated else ""
        )

    def _say(self, words, warnings=()):
        """The lines below the table: what is going on, and what to mind."""
        lines = [f"<b>{escape(words)}</b>"] if words else []
        lines += [escape(for_panel(each)) for each in warnings]
        self.ui.tableNote.text = "<br>".join(lines)
        self.ui.tableNote.visible = bool(lines)
        if lines:
            box(self.ui.tableNote, "warn" if warnings else "accent")


def jump(at):
    """Move the slice views to a place, RAS in mm; nothing where there is none."""
    if at is not None:
        jumpTo(of_desktop(), tuple(at))


def _measures(of):
    return tuple(getattr(of, name, None) for name in MEASURES)
