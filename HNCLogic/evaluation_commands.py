"""``hnc evaluate``: a model or a training run against the truth of a cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from HNCLogic.options import Json, Overwrite


def add_evaluate(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command()(evaluate)


def evaluate(
    what: Annotated[
        str, typer.Argument(help="A model's name or folder, or the folder of a training run.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report; made anew.")],
    cohort: Annotated[
        Path | None,
        typer.Option(help="The patients (CSV); else those that the run was trained on, by fold."),
    ] = None,
    heatmaps: Annotated[
        bool, typer.Option("--heatmaps", help="Verdicts: also judge the heat maps (Grad-CAM).")
    ] = False,
    sanity_scans: Annotated[
        int,
        typer.Option(help="Heat maps: scans on which weights are drawn anew; 0 for none.", min=0),
    ] = 5,
    about: Annotated[
        str | None, typer.Option(help="Where the patients come from, for the report.")
    ] = None,
    cutoff_ml: Annotated[
        float | None,
        typer.Option(
            help="Tumour volume: the burden (ml) that parts high from low in the survival "
            "analysis; else the median of these patients.",
            min=0,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Of weights drawn anew, and of slices drawn.", min=0)
    ] = 0,
    own_cohort: Annotated[
        bool,
        typer.Option(
            "--own-cohort",
            help="A run: the cohort is the one it was trained on, only its table has changed; "
            "judged by fold.",
        ),
    ] = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """A model or training run against the truth: tables, figures, one page, plain numbers."""
    from HNCLogic.evaluation import run
    from HNCLogic.progress import shown_progress

    order = run.Order(
        what, out, cohort, heatmaps, sanity_scans, about, seed, overwrite, cutoff_ml, own_cohort
    )
    with shown_progress() as progress:
        summary = run.evaluate(order, progress)
    if json:
        from json import dumps

        print(dumps(summary, indent=2, ensure_ascii=False))
        return
    _show(out, summary)


def _show(out: Path, summary: dict[str, Any]) -> None:
    """The tables on the terminal, and where the rest is."""
    from HNCLogic.evaluation.page import FIGURES, PAGE, SUMMARY, TABLES

    parts = (out / TABLES).read_text(encoding="utf-8").split("\n\n")
    captions = {part[2:].split("](", 1)[0] for part in parts if part.startswith("![")}
    shown = [part for part in parts if not part.startswith("![") and part.strip() not in captions]
    print("\n\n".join(shown).rstrip() + "\n")
    print(f"{out}: {PAGE}, {TABLES}, {SUMMARY}, {FIGURES}")
