"""The command line ``hnc``: builds a Job from options and shows what came of it.

Exit code 0: done. 2: the input or the options are wrong, one line on stderr that starts with
``hnc: ``. 130: stopped by the user. 1: a bug of ours.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from HNCLogic import RESEARCH_USE, __version__
from HNCLogic.errors import InputError
from HNCLogic.options import (
    ANSWER,
    IMAGES,
    OUTLINE,
    Decay,
    Dose,
    HalfLife,
    Height,
    Injected,
    Json,
    Out,
    Overwrite,
    Series,
    Sex,
    Started,
    Units,
    Weight,
    checked,
    image_option,
    numbers_in,
    option,
    series_choices,
    suv_by_hand,
)

app = typer.Typer(
    help=f"Head-and-neck cancer in FDG PET with MRI or CT. {RESEARCH_USE}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="Trained models: list, show, verify, add.", no_args_is_help=True)
app.add_typer(models_app, name="models")

# What the system says of a path that the user gave; anything else would be a bug of ours.
UNREADABLE = {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.EIO}

HELP = {
    "analyze": "The whole job: verdict, heat map, tumour volume, numbers, scene, report.",
    "classify": "Is there cancer: probability and verdict (method 1).",
    "explain": "Verdict and heat map: where the network looked (Grad-CAM).",
    "segment": "Outline lesions and measure them (method 3, or a threshold).",
    "measure": "Measure lesions that are outlined already (--mask).",
}


def _task_command(task: str):
    def command(
        out: Out,
        pet: Annotated[Path | None, image_option("FDG PET")] = None,
        ct: Annotated[Path | None, image_option("CT")] = None,
        mr: Annotated[Path | None, image_option("MRI, T1")] = None,
        t2: Annotated[Path | None, image_option("MRI, T2")] = None,
        ce_t1: Annotated[Path | None, image_option("MRI, T1 with contrast")] = None,
        series: Series = None,
        mask: Annotated[
            Path | None,
            option("Lesions: to measure, or to compare the heat map with.", IMAGES, "--mask"),
        ] = None,
        region: Annotated[
            str | None,
            option("Stretch to analyse, LOW,HIGH in mm (S); else found.", IMAGES, "--region"),
        ] = None,
        presence_model: Annotated[
            str, option("Name or folder (hnc models list).", ANSWER, "--presence-model")
        ] = "presence-pet",
        aggregate: Annotated[
            str | None,
            option("mean, median, majority or weighted; else the model's.", ANSWER, "--aggregate"),
        ] = None,
        threshold: Annotated[
            float | None,
            option("Positive from this probability; else the model's.", ANSWER, "--threshold"),
        ] = None,
        delineation: Annotated[
            str, option("network, fixed, percent or adaptive.", OUTLINE, "--delineation")
        ] = "network",
        volume_model: Annotated[
            str, option("Name or folder (hnc models list).", OUTLINE, "--volume-model")
        ] = "tumour-volume-petct",
        fixed_suv: Annotated[float, option("fixed: SUV.", OUTLINE, "--suv")] = 4.0,
        percent: Annotated[
            float, option("percent: of each lesion's SUVmax.", OUTLINE, "--percent")
        ] = 41.0,
        fraction: Annotated[
            float, option("adaptive: of lesion minus background.", OUTLINE, "--fraction")
        ] = 0.4,
        candidate_suv: Annotated[
            float, option("Thresholds: hot spots below are left.", OUTLINE, "--candidate-suv")
        ] = 2.5,
        at: Annotated[
            list[str] | None,
            option("Thresholds: only the lesion at R,A,S in mm.", OUTLINE, "--at"),
        ] = None,
        minimum_ml: Annotated[
            float, option("Smaller regions are dropped, ml.", OUTLINE, "--minimum")
        ] = 0.1,
        keep_brain: Annotated[
            bool, option("Thresholds: do not leave the brain out.", OUTLINE, "--keep-brain")
        ] = False,
        weight: Weight = None,
        dose: Dose = None,
        injected: Injected = None,
        scan_started: Started = None,
        half_life: HalfLife = None,
        height: Height = None,
        sex: Sex = None,
        pet_units: Units = None,
        decay: Decay = None,
        overwrite: Overwrite = False,
        json: Json = False,
    ) -> None:
        from HNCLogic.job import Delineation, Job

        given = {"PET": pet, "CT": ct, "T1": mr, "T2": t2, "CE-T1": ce_t1}
        job = checked(
            Job,
            task=task,
            images={role: path for role, path in given.items() if path is not None},
            out=out,
            mask=mask,
            series=series_choices(series),
            suv=suv_by_hand(
                weight, dose, injected, scan_started, half_life, height, sex, pet_units, decay
            ),
            region_mm=None if region is None else numbers_in(region, 2, "--region"),
            presence_model=presence_model,
            volume_model=volume_model,
            aggregation=aggregate,
            threshold=threshold,
            delineation=checked(
                Delineation,
                method=delineation,
                fixed_suv=fixed_suv,
                percent=percent,
                adaptive_fraction=fraction,
                candidate_suv=candidate_suv,
                minimum_ml=minimum_ml,
                seeds=[numbers_in(point, 3, "--at") for point in at or []],
                exclude_brain=not keep_brain,
            ),
            overwrite=overwrite,
        )
        from HNCLogic.progress import shown_progress
        from HNCLogic.run import run_job

        with shown_progress() as progress:
            result = run_job(job, progress)
        _show(result, out, json)

    command.__doc__ = HELP[task]
    return command


for _task in HELP:
    app.command(_task, help=HELP[_task])(_task_command(_task))


def _show(result, out: Path, as_json: bool) -> None:
    if as_json:
        print(result.model_dump_json(indent=2))
        return
    from HNCLogic.report.terminal import show

    show(result, out)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("hnc-demo"),
    seed: Annotated[int, typer.Option(help="Which simulated patient.", min=0)] = 7,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """The whole job on a built-in simulated patient."""
    from HNCLogic.demo import run_demo
    from HNCLogic.progress import shown_progress

    with shown_progress() as progress:
        result = run_demo(out, seed, overwrite, progress)
    _show(result, out, json)


@app.command()
def suv(
    series: Annotated[Path, typer.Argument(help="DICOM folder of the PET, or an image file.")],
    out: Annotated[Path, typer.Option(help="Image to write: .nrrd, .nii.gz or .mha.")],
    choose: Annotated[
        str | None,
        typer.Option("--series", help="Which series, by number or UID."),
    ] = None,
    weight: Weight = None,
    dose: Dose = None,
    injected: Injected = None,
    scan_started: Started = None,
    half_life: HalfLife = None,
    height: Height = None,
    sex: Sex = None,
    pet_units: Units = None,
    decay: Decay = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """DICOM PET to SUVbw, with the record of how beside it as JSON."""
    from HNCLogic.convert import convert_to_suv

    record = convert_to_suv(
        series,
        out,
        choose,
        suv_by_hand(weight, dose, injected, scan_started, half_life, height, sex, pet_units, decay),
        overwrite,
    )
    if json:
        print(record.model_dump_json(indent=2))
    else:
        print(f"{out}: SUVbw, largest value {record.suv_max:.2f}")
        print(f"  {record.formula}")
        for warning in record.warnings:
            print(f"  warning: {warning}")
        print(RESEARCH_USE)


@app.command()
def run(job: Annotated[Path, typer.Argument(help="A Job as JSON.")]) -> None:
    """Do a job from a JSON file; progress as JSON lines on stdout (what the panels call)."""
    from HNCLogic.panel_process import run_job_file

    run_job_file(job)


@models_app.command("list")
def models_list(json: Json = False) -> None:
    """All models at hand."""
    from HNCLogic.models.listing import show_models

    show_models(json)


@models_app.command("show")
def models_show(name: str, json: Json = False) -> None:
    """A model's card: trained on what, for what, how good."""
    from HNCLogic.models.listing import show_card

    show_card(name, json)


@models_app.command("verify")
def models_verify(path: Path) -> None:
    """Check a model folder: card, files, hashes, weights."""
    from HNCLogic.models.store import verify

    model = verify(path)
    print(f"{path}: {model.card.name} {model.card.version} is whole")


@models_app.command("add")
def models_add(folder: Path) -> None:
    """Add a model folder to your own models, after checking it."""
    from HNCLogic.models.store import add_model

    model = add_model(folder)
    print(f"added {model.card.name} {model.card.version}")


@app.command()
def benchmark(
    pet: Annotated[Path | None, image_option("A real patient's PET")] = None,
    mr: Annotated[Path | None, image_option("Its MRI, T1")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small volumes, one repeat.")] = False,
    json: Json = False,
) -> None:
    """Speed and memory on this machine, beside peers, as ratios."""
    from HNCLogic.benchmark import run_benchmark

    run_benchmark(as_json=json, quick=quick, pet=pet, mr=mr)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"hnc {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> int:
    """Run the command line on ``arguments`` (default: the process's own); gives the exit code."""
    from typer.exceptions import TyperException

    from HNCLogic.outputs import end_cleanly_on_signals

    end_cleanly_on_signals()
    _print_anything()
    try:
        code = app(args=arguments, standalone_mode=False)
        return int(code or 0)
    except InputError as error:
        return _fail(str(error))
    except typer.Exit as error:
        return error.exit_code
    except MemoryError:
        return _fail("the memory does not suffice for these images: close other programs")
    except OSError as error:
        if error.errno not in UNREADABLE or error.filename is None:
            raise
        name = os.fsdecode(error.filename)
        return _fail(f"{name[:200]} cannot be used: {error.strerror.lower()}")
    except (KeyboardInterrupt, typer.Abort):
        print("hnc: stopped; nothing was left behind", file=sys.stderr)
        return 130
    except TyperException as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        return _fail(message or "give a command: hnc --help")


def _print_anything() -> None:
    """Write UTF-8 to files and pipes (JSON is), and never fail for a letter a console lacks."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                encoding=None if stream.isatty() else "utf-8", errors="backslashreplace"
            )


def _fail(message: str) -> int:
    print(f"hnc: {' '.join(message.split())}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
