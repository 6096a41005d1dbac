"""``hnc phantom``: simulated patients as a cohort, and the benchmark that is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from HNCLogic.errors import InputError
from HNCLogic.options import Json, Overwrite

phantom_app = typer.Typer(
    help="Simulated patients with their truth, as a cohort; `benchmark`: how methods do on them.",
    invoke_without_command=True,
)
GATE_FAILED = 3  # exit code of --strict
Jobs = Annotated[int | None, typer.Option(help="Processes; else one a core.", min=1)]
Anatomy = Annotated[
    Path | None,
    typer.Option(help="Real CTs with organ masks to take the bodies from; else built in."),
]


@phantom_app.callback()
def phantom(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Folder for the cohort; made anew.")] = None,
    count: Annotated[int, typer.Option(help="How many patients.", min=1)] = 1,
    seed: Annotated[
        int, typer.Option(help="Of the cohort; another gives other patients.", min=0)
    ] = 0,
    cases: Annotated[
        Literal["presence", "parotid", "extension"],
        typer.Option(help="Cancer or not in PET/CT; parotid tumours in MR; nodes in CT."),
    ] = "presence",
    form: Annotated[
        Literal["nrrd", "dicom"], typer.Option("--as", help="Files; masks are NRRD in any case.")
    ] = "nrrd",
    modalities: Annotated[
        str | None,
        typer.Option(help="Images, such as PET,CT,T1,T2,CE-T1,DWI-b0,DWI-b1000,ADC; else usual."),
    ] = None,
    scanner: Annotated[
        Literal["fast", "full"],
        typer.Option(help="PET blurred and made noisy, or projected, counted and reconstructed."),
    ] = "fast",
    centre: Annotated[
        str | None,
        typer.Option(help="One virtual hospital, or main or external; else drawn."),
    ] = None,
    anatomy: Anatomy = None,
    malignant: Annotated[
        float | None,
        typer.Option(help="Share of malignant parotid tumours; else 0.18.", min=0, max=1),
    ] = None,
    jobs: Jobs = None,
    overwrite: Overwrite = False,
) -> None:
    """Simulated patients with their truth, as a cohort: images, outlines, survival, a list."""
    if context.invoked_subcommand is not None:
        sources = {name: context.get_parameter_source(name) for name in context.params}
        given = [name for name, source in sources.items() if source.name == "COMMANDLINE"]
        if given:
            name = context.invoked_subcommand
            raise InputError(f"--{given[0]} stands before {name}: put options after it")
        return
    from HNCLogic.phantom.cohort import write_cohort
    from HNCLogic.phantom.cohort_plan import Cohort
    from HNCLogic.progress import shown_progress

    if out is None:
        raise InputError("Missing option '--out': say which folder the cohort goes to")
    roles = () if modalities is None else tuple(_roles(modalities))
    cohort = Cohort(count, seed, cases, form, roles, scanner, centre, anatomy, malignant)
    with shown_progress() as progress:
        write_cohort(cohort, out, overwrite=overwrite, jobs=jobs, progress=progress)
    words = "patient" if count == 1 else "patients"
    print(f"{out}: {count} simulated {words}, listed in cohort.csv")


def _roles(words: str) -> list[str]:
    """Roles from a list with commas, however they are written."""
    from HNCLogic.phantom.cohort_plan import ROLES

    known = {role.upper(): role for roles in ROLES.values() for role in roles}
    found = [word.strip() for word in words.split(",") if word.strip()]
    if not found:
        raise InputError("--modalities names no image: write, for example, PET,CT")
    return [known.get(word.upper(), word) for word in found]


@phantom_app.command()
def benchmark(
    out: Annotated[Path, typer.Option(help="Folder for the results; made anew.")] = Path(
        "hnc-phantom-benchmark"
    ),
    count: Annotated[int, typer.Option(help="Patients of each of the three settings.")] = 200,
    model: Annotated[
        list[str] | None, typer.Option(help="Name or folder of a model to score; may be repeated.")
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(help="Folder of masks named by patient, probabilities.csv, or both."),
    ] = None,
    anatomy: Anatomy = None,
    jobs: Jobs = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with exit code 3 where a gate failed.")
    ] = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """How methods do on frozen simulated patients, and whether these are hard as they should be."""
    from HNCLogic.benchmark import simulated_page, simulated_patients
    from HNCLogic.progress import shown_progress

    with shown_progress() as progress:
        summary = simulated_patients.run(
            out, count=count, models=model or [], predictions=predictions, anatomy=anatomy,
            jobs=jobs, overwrite=overwrite, progress=progress,
        )  # fmt: skip
    failed = simulated_patients.failed_gates(summary)
    if json:
        from json import dumps

        print(dumps(summary, indent=2))
    else:
        simulated_page.show(summary)
        for words in failed:
            print(f"FAILED  {words}")
        print(f"{out}: summary.json, summary.md, summary.html")
    if failed and strict:
        raise typer.Exit(GATE_FAILED)


@phantom_app.command()
def gallery(
    out: Annotated[Path, typer.Option(help="Picture, PNG.")] = Path("hnc-phantom-gallery.png"),
    count: Annotated[int, typer.Option(help="How many simulated patients.", min=1)] = 6,
    seed: Annotated[int, typer.Option(help="Of the first; the others follow.", min=0)] = 70000,
    real: Annotated[
        Path | None, typer.Option(help="A real PET to hang beside them: DICOM folder or file.")
    ] = None,
    levels: Annotated[
        str | None,
        typer.Option(help="Tonsils,larynx,shoulders in the real PET, mm (S); else guessed."),
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="Print which of them have a tumour.")
    ] = False,
    anatomy: Anatomy = None,
) -> None:
    """Simulated patients in one picture, beside a real PET: could a reader tell them apart?"""
    from HNCLogic.benchmark import gallery as pictures
    from HNCLogic.progress import shown_progress

    try:
        heights = None if levels is None else [float(word) for word in levels.split(",")]
    except ValueError as error:
        raise InputError(f"--levels {levels}: write three heights in mm, T,L,S") from error
    with shown_progress() as progress:
        pictures.gallery(
            out, count=count, seed=seed, real=real, levels=heights, labels=labels,
            anatomy=anatomy, progress=progress,
        )  # fmt: skip
    print(f"{out}: {count} simulated patients" + ("" if real is None else " and a real PET"))
