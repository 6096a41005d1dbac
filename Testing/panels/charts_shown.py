"""All of the panel's charts in one window, as pictures at a scale and in a palette.

``python -m Testing.panels.charts_shown FOLDER --palette dark --scale 2`` writes ``350.png`` and
``600.png``: one process draws at one scale.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from pathlib import Path

WIDTHS = (350, 600)


def presence(aggregation: str = "mean", probability: float = 0.81, windows: int = 9):
    """An answer: windows of 128 mm every 32 mm from S -180 on, the middle ones positive."""
    from HNCLogic.job import FoldAnswer, Presence, WindowAnswer

    spread = (-0.10, -0.04, 0.02, 0.05, 0.09)
    made = []
    for index in range(windows):
        value = 0.05 + 0.9 * math.exp(-(((index - windows / 2) / 2) ** 2))
        made.append(
            WindowAnswer(
                index=index,
                first_slice=8 * index,
                last_slice=8 * index + 31,
                inferior_mm=-180.0 + 32 * index,
                superior_mm=-52.0 + 32 * index,
                probability=value,
                folds=[min(1.0, max(0.0, value + each)) for each in spread],
            )
        )
    return Presence(
        probability=None if aggregation == "majority" else probability,
        verdict="positive",
        threshold=0.33,
        threshold_source="mean of the folds",
        aggregation=aggregation,
        folds=[
            FoldAnswer(fold=n, probability=min(1.0, max(0.0, probability + each)))
            for n, each in enumerate(spread, 1)
        ],
        fold_spread=0.07,
        windows=made,
        model="presence-pet 0.1",
        trained_on="simulated patients",
    )


def explanation(annotated: bool = True):
    """Heat of 110 slices from S -180 on, 3 mm apart, hottest at S -60; two annotated stretches."""
    from HNCLogic.job import Explanation, SliceHeat

    slices = []
    for index in range(110):
        heat = math.exp(-(((index - 40) / 12) ** 2)) + 0.05 * math.sin(index)
        marked = (30 <= index < 48 or 70 < index < 75) if annotated else None
        slices.append(
            SliceHeat(
                index=index,
                position_mm=-180.0 + 3 * index,
                heat=min(1.0, max(0.0, heat)),
                annotated=marked,
            )
        )
    return Explanation(slices=slices, hottest_ras=(10.0, 20.0, -60.0))


def show_all(width: int):
    """A window of that width with a gauge, votes, windows and heat; its charts, in that order."""
    import qt

    from HNCLogic.panels.charts import Chart

    window = qt.QWidget()
    layout = qt.QVBoxLayout(window)
    charts = [Chart(layout, lambda mm: None) for _ in range(4)]
    charts[0].show_gauge(presence())
    charts[1].show_gauge(presence("majority"))
    charts[2].show_windows(presence())
    charts[3].show_heat(explanation())
    window.resize(width, 100)
    window.show()
    return window, charts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--palette", default="light", choices=("light", "dark"))
    parser.add_argument("--scale", default="1")
    given = parser.parse_args()
    os.environ["QT_SCALE_FACTOR"] = given.scale

    from Testing.host import desktop

    host = desktop.start(palette=given.palette)
    given.folder.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        window, charts = show_all(width)
        host.process_events()
        window.resize(width, window.layout().totalMinimumSize().height())
        charts[2].mark(-20.0)
        charts[3].mark(-60.0)
        host.process_events()
        window.grab().save(str(given.folder / f"{width}.png"))
    for error in host.errors:
        print(error, file=sys.stderr)
    return 1 if host.errors else 0


if __name__ == "__main__":
    sys.exit(main())
