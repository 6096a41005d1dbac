"""The section "Answer": the verdict in words and on a gauge, how far the networks agree."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from HNCAnalysisLib.Tasks import PAROTID
from HNCLogic.panels.charts import Chart
from HNCLogic.panels.kind_charts import show_kinds
from HNCLogic.panels.tones import box, colour_words

VERDICT_SIZE = 1.5  # of the panel's own letters


class AnswerView:
    """Shows a Result, says when it is of earlier settings; tables where it cannot be read."""

    def __init__(self, ui):
        self.ui = ui
        self.gauge = Chart(ui.gaugePlace.layout())
        font = ui.verdictLabel.font
        if font.pointSizeF() > 0:
            font.setPointSizeF(font.pointSizeF() * VERDICT_SIZE)
        else:  # a style has set it in pixels
            font.setPixelSize(round(font.pixelSize() * VERDICT_SIZE))
        font.setBold(True)
        ui.verdictLabel.setFont(font)
        words = (ui.verdictLabel, ui.sentenceLabel, ui.agreementLabel, ui.answerTrainedLabel)
        for label in (*words, ui.warningsLabel):
            label.setTextFormat(qt.Qt.PlainText)  # a model's words are data
            label.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        self.clear()

    def clear(self):
        ui = self.ui
        ui.answerSection.visible = False
        for label in (ui.verdictLabel, ui.sentenceLabel, ui.agreementLabel, ui.answerTrainedLabel):
            label.text = ""
        self.gauge.clear()
        ui.resultTable.visible = False
        self._warn([])
        self.sayStale([])

    def show(self, result):
        """``result`` has an answer: the verdict and all that belongs to it."""
        from HNCLogic.report import wording

        ui, answer = self.ui, result.answer
        ui.answerSection.visible = True
        ui.resultTable.visible = False
        ui.verdictLabel.text = wording.verdict(answer)
        colour_words(ui.verdictLabel, "yes" if wording.tone(answer) == "positive" else "no")
        ui.sentenceLabel.text = wording.answer(answer)
        ui.agreementLabel.text = wording.agreement(answer)
        if result.parotid is None:
            self.gauge.show_gauge(answer)
        else:
            show_kinds(self.gauge, answer)
        if result.extension is not None:
            where = (wording.where_judged(answer), wording.region(answer.region))
            ui.agreementLabel.text = "\n".join((ui.agreementLabel.text, *where))
        ui.answerTrainedLabel.text = _("{model}, trained on {data}. {use}").format(
            model=answer.model, data=answer.trained_on, use=result.research_use
        )
        colour_words(ui.answerTrainedLabel, "quiet")
        self._warn(result.warnings)

    def showTables(self, tables, why, trainedOn):
        """What can be shown without the packages that read the result: its table nodes, and what
        the heat map says of the network."""
        self.clear()
        ui = self.ui
        ui.answerSection.visible = True
        ui.verdictLabel.text = _("An answer from before")
        colour_words(ui.verdictLabel, None)
        ui.sentenceLabel.text = why
        if trainedOn:
            ui.answerTrainedLabel.text = _("Trained on {data}.").format(data=trainedOn)
            colour_words(ui.answerTrainedLabel, "quiet")
        table = next((node for node in tables if node is not None), None)
        ui.resultTable.visible = table is not None
        if table is not None:
            _fill(ui.resultTable, table)

    def sayStale(self, changed):
        """``changed``: the names of what is set otherwise now; none: the answer is up to date."""
        words = {
            "pet": _("PET"),
            "ct": _("CT"),
            "mr": _("MRI"),
            "mrRole": _("MRI sequence"),
            "annotated": _("outlines"),
            "voxels": _("the images themselves"),
            "model": _("model"),
            "aggregation": _("windows"),
            "threshold": _("threshold"),
            "neckCt": _("CT"),
            "range": _("region"),
            "voi": _("volume judged"),
            "box": _("box"),
            **PAROTID.roles,
        }
        label = self.ui.staleLabel
        label.visible = bool(changed)
        if changed:
            what = ", ".join(words[name] for name in changed)
            label.text = _("Of earlier settings. Changed since: {what}. Analyse again.").format(
                what=what
            )
            box(label, "warn")

    def _warn(self, warnings):
        label = self.ui.warningsLabel
        label.visible = bool(warnings)
        bullet = "• " if len(warnings) > 1 else ""
        label.text = "\n".join(bullet + each for each in warnings)
        box(label, "warn")


def _fill(widget, node):
    """The cells of a table node, numbers as short as they can be said."""
    table = node.GetTable()
    rows, columns = table.GetNumberOfRows(), table.GetNumberOfColumns()
    widget.setRowCount(rows)
    widget.setColumnCount(columns)
    widget.setHorizontalHeaderLabels([table.GetColumnName(c) for c in range(columns)])
    for row in range(rows):
        for column in range(columns):
            value = table.GetValue(row, column)
            text = f"{value.ToDouble():.4g}" if value.IsNumeric() else value.ToString()
            widget.setItem(row, column, qt.QTableWidgetItem(text))
    widget.setEditTriggers(qt.QTableWidget.NoEditTriggers)
