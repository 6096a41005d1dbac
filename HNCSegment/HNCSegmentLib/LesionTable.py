"""The lesion table of the panel: a row for each lesion, then the totals."""

from __future__ import annotations

from dataclasses import dataclass, field

import qt
from slicer.i18n import tr as _

SWATCH_PIXELS = 12
MOST_ROWS = 12  # shown without scrolling


@dataclass(frozen=True)
class Row:
    """A line of the table. ``segment``: its id, empty in totals. ``colour``: RGB, 0 to 1.

    ``measures``: MTV (ml), SUVmax, SUVmean, SUVpeak (g/ml), TLG (g), Dmax (mm); None where there
    is none. ``at``: where its largest SUV is, RAS in mm.
    """

    segment: str
    name: str
    kind: str
    side: str
    measures: tuple
    colour: tuple | None = None
    at: tuple | None = field(default=None, compare=False)


class LesionTable:
    """Fills a QTableWidget.

    ``onClicked(row)`` is called for a click on a lesion's row, ``onSelected()`` when other rows
    are selected.
    """

    def __init__(self, table, onClicked, onSelected):
        self.table = table
        self._onClicked, self._onSelected = onClicked, onSelected
        self._rows: list[Row] = []
        self._wanted: list[str] = []  # segments to select, as soon as they have a row
        headers = (
            (_("Lesion"), _("The segment's name")),
            (_("Kind"), _("Primary tumour, lymph node, or not classified")),
            (_("Side"), _("The patient's own side")),
            (_("MTV\nml"), _("Metabolic tumour volume")),
            (_("SUVmax\ng/ml"), _("Largest SUVbw")),
            (_("SUVmean\ng/ml"), _("Mean SUVbw")),
            (_("SUVpeak\ng/ml"), _("Mean SUVbw of the hottest sphere of 1 ml")),
            (_("TLG\ng"), _("Total lesion glycolysis: SUVmean times MTV")),
            (_("Dmax\nmm"), _("Largest distance between two voxels")),
        )
        table.setColumnCount(len(headers))
        for column, (words, toolTip) in enumerate(headers):
            item = qt.QTableWidgetItem(words)
            item.setToolTip(toolTip)
            item.setTextAlignment(_alignment(column))
            table.setHorizontalHeaderItem(column, item)
        table.connect("cellClicked(int,int)", self._clicked)
        table.connect("itemSelectionChanged()", self._selected)

    def show(self, rows: list[Row]):
        """Show ``rows``; what was selected stays so, and what is to be selected is."""
        table = self.table
        if rows != self._rows:
            blocked = table.blockSignals(True)
            table.clearContents()
            table.setRowCount(len(rows))
            for index, row in enumerate(rows):
                self._fill(index, row)
            table.resizeColumnsToContents()
            table.resizeRowsToContents()
            table.blockSignals(blocked)
            self._rows = rows
            self._setHeight()
            self.select(self._wanted)
        self._rows = rows  # of equal rows the places may differ

    def selected(self) -> list[str]:
        """The ids of the selected lesions' segments, in the table's order."""
        chosen = {item.row() for item in self.table.selectedItems()}
        return [self._rows[index].segment for index in sorted(chosen)]

    def select(self, segments: list[str]):
        """Select the rows of these segments and no others; those without a row when they come."""
        self._wanted = list(segments)
        table = self.table
        blocked = table.blockSignals(True)
        for index, row in enumerate(self._rows):
            if row.segment:
                for column in range(table.columnCount):
                    table.item(index, column).setSelected(row.segment in segments)
        table.blockSignals(blocked)
        self._onSelected()

    def _fill(self, index: int, row: Row):
        total = not row.segment
        texts = (row.name, row.kind, row.side, *map(_number, row.measures, (2, 2, 2, 2, 1, 1)))
        for column, text in enumerate(texts):
            item = qt.QTableWidgetItem(text)
            item.setTextAlignment(_alignment(column))
            if total:
                item.setFlags(qt.Qt.ItemIsEnabled)  # is no lesion: nothing can be done to it
                font = item.font()
                font.setBold(True)
                item.setFont(font)
            elif column == 0 and row.colour is not None:
                item.setIcon(_swatch(row.colour))
            self.table.setItem(index, column, item)

    def _setHeight(self):
        table = self.table
        rows = [table.rowHeight(index) for index in range(min(table.rowCount, MOST_ROWS))]
        around = table.horizontalHeader().sizeHint.height() + 2 * table.frameWidth
        bar = table.horizontalScrollBar().sizeHint.height()
        table.setFixedHeight(around + bar + sum(rows))

    def _clicked(self, index, column):
        if index < len(self._rows) and self._rows[index].segment:
            self._onClicked(self._rows[index])

    def _selected(self):
        self._wanted = self.selected()
        self._onSelected()


def _alignment(column: int):
    side = qt.Qt.AlignLeft if column < 3 else qt.Qt.AlignRight
    return side | qt.Qt.AlignVCenter


def _number(value, decimals: int) -> str:
    return "–" if value is None else f"{value:.{decimals}f}"


def _swatch(colour):
    pixels = qt.QPixmap(SWATCH_PIXELS, SWATCH_PIXELS)
    pixels.fill(qt.QColor(*(round(255 * part) for part in colour)))
    icon = qt.QIcon(pixels)
    icon.addPixmap(pixels, qt.QIcon.Selected)  # else it would be tinted in the selected row
    return icon
