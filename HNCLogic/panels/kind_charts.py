"""The charts of what kind of tumour it is, in a panel's ``Chart``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from HNCLogic.panels.charts import Chart

if TYPE_CHECKING:
    from HNCLogic.job import Parotid


def show_kinds(chart: Chart, parotid: Parotid) -> None:
    """The probability of each kind as a bar, each network's as a dot."""
    from HNCLogic.report import kind_charts, wording

    chart.show(
        lambda layout: kind_charts.kinds_chart(parotid, layout),
        lambda layout: kind_charts.kinds_height(parotid, layout),
    )
    chart.say(_("Probability of each kind of tumour"), wording.kinds(parotid))


def show_attention(chart: Chart, parotid: Parotid) -> None:
    """Each slice's share of the attention and of the answer; cleared where there are no slices."""
    from HNCLogic.report import kind_charts, wording

    slices = sorted(parotid.slices, key=lambda one: one.position_mm)
    if not slices:
        chart.clear()
        return
    stops = [
        (
            *(one.position_mm,) * 3,
            _("Slice {number} of {count}: attention {attention}, share {share}").format(
                number=number,
                count=len(slices),
                attention=wording.number(one.attention, 2),
                share=wording.number(one.contribution, 2),
            ),
        )
        for number, one in enumerate(slices, 1)
    ]
    chart.show_along(
        lambda layout: kind_charts.attention_chart(parotid, layout),
        lambda layout: kind_charts.attention_frame(parotid, layout),
        stops,
    )
    chart.say(
        _("Attention on each slice of the tumour"),
        _("{count} slices. Arrow keys: from slice to slice.").format(count=len(slices)),
    )
