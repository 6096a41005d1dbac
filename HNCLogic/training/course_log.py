"""The course of training, live: a table for each fold, TensorBoard events, curves as a picture."""

from __future__ import annotations

import csv
import importlib.util
import io
from pathlib import Path
from typing import Any

from HNCLogic.outputs import write_file_whole, write_text_whole
from HNCLogic.report.standalone import LIGHT

LOG, EVENTS, CURVES = "log.csv", "events", "curves.png"
History = list[dict[str, float]]  # an entry for each epoch


class CourseLog:
    """Writes what ``engine.train_fold`` tells its ``watch`` into a fold's folder.

    The table is written anew each time, so that a run that was killed and resumed has each epoch
    once. TensorBoard's events are written where tensorboardX is installed.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self._events: Any = None
        self._told = 0

    def __call__(self, history: History) -> None:
        write_text_whole(self.folder / LOG, as_csv(history))
        events = self._writer()
        for entry in history[self._told :] if events else ():
            for name, value in entry.items():
                if name != "epoch":
                    events.add_scalar(name, value, int(entry["epoch"]))
        self._told = len(history)
        if events:
            events.flush()

    def _writer(self):
        if self._events is None and importlib.util.find_spec("tensorboardX") is not None:
            from tensorboardX import SummaryWriter

            self._events = SummaryWriter(str(self.folder / EVENTS))
        return self._events

    def close(self) -> None:
        if self._events is not None:
            self._events.close()


def as_csv(history: History) -> str:
    """A line for each epoch; columns as of the first."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(history[0]) if history else ["epoch"], lineterminator="\n")
    table.writeheader()
    for entry in history:
        table.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in entry.items()})
    return text.getvalue()


def draw_curves(path: Path, courses: dict[int, History], monitor: str) -> None:
    """Loss, and what validation is judged by, of all folds by epoch; PNG.

    ``courses``: history by fold. The epoch that is kept is marked.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name, title in zip(
        figure.subplots(1, 2), ("loss", monitor), ("Training: loss", f"Validation: {monitor}"),
        strict=True,
    ):  # fmt: skip
        for fold, history in sorted(courses.items()):
            epochs = [entry["epoch"] for entry in history]
            values = [entry[name] for entry in history]
            shade = 0.45 + 0.55 * fold / max(courses)
            named = "a fold" if fold == min(courses) else None
            axes.plot(epochs, values, color=LIGHT["accent"], alpha=shade, lw=1.3, label=named)
            best = max(range(len(history)), key=lambda i: history[i][monitor])
            axes.plot(
                epochs[best], values[best], "o", color=LIGHT["yes"], ms=4.5,
                label=named and "its epoch that is kept",
            )  # fmt: skip
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xlabel("epoch")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="0.92")
        axes.set_axisbelow(True)
        axes.legend(frameon=False, fontsize=8)
    write_file_whole(path, lambda part: figure.savefig(part, dpi=150, format="png"))
