"""The command line ``hnc``: builds a Job from options and shows what came of it.

Exit code 0: done. 2: the input or the options are wrong, one line on stderr that starts with
``hnc: ``. 130: stopped by the user. 141: nobody reads the output any more. 1: a bug of ours.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from HNCLogic import RESEARCH_USE, __version__
from HNCLogic.config_file import expanded
from HNCLogic.evaluation_commands import add_evaluate
from HNCLogic.options import (
    Decay,
    Dose,
    HalfLife,
    Height,
    Injected,
    Json,
    Overwrite,
    Sex,
    Started,
    Units,
    Weight,
    image_option,
    suv_by_hand,
)
from HNCLogic.phantom_commands import phantom_app
from HNCLogic.refusal import in_users_words
from HNCLogic.task_commands import add_task_commands
from HNCLogic.train_command import train

STOPPED = 130  # 128 + SIGINT; also what Typer makes of a KeyboardInterrupt
CLOSED_PIPE = 141  # 128 + SIGPIPE, as shells give it

app = typer.Typer(
    help=f"Head-and-neck cancer in FDG PET with MRI or CT. {RESEARCH_USE} Options may also stand "
    "in a file, TOML or JSON: add --config FILE to any command below.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="Trained models: list, show, verify, add.", no_args_is_help=True)
app.add_typer(models_app, name="models")
app.add_typer(phantom_app, name="phantom")
app.command()(train)


def _show(result, out: Path, as_json: bool) -> None:
    if as_json:
        print(result.model_dump_json(indent=2))
        return
    from HNCLogic.report.terminal import show

    show(result, out)


add_task_commands(app, _show)


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


add_evaluate(app)


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
    part: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this: start-up, 'first answer', bounds, network, costs (of longer volumes, "
            "more folds, denser windows), memory, 'heat map', training, 'other methods', patient, "
            "panels or agreement. May be given several times."
        ),
    ] = None,
    cohort: Annotated[
        Path | None,
        typer.Option(help="Patients (CSV) on which backends are compared with torch in float32."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to keep figures, table and plots in, part by part.")
    ] = None,
    shared: Annotated[
        bool,
        typer.Option(
            "--shared", help="Others use the machine: one thread, timed by the processor's clock."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Speed and memory on this machine, beside peers, as ratios."""
    from HNCLogic.benchmark import run_benchmark

    run_benchmark(
        as_json=json,
        quick=quick,
        pet=pet,
        mr=mr,
        only=part or [],
        cohort=cohort,
        out=out,
        shared=shared,
    )


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"hnc {__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> int:
    """Run the command line on ``arguments`` (default: the process's own); gives the exit code."""
    from HNCLogic.outputs import end_cleanly_on_signals

    end_cleanly_on_signals()
    _print_anything()
    try:
        words = expanded(sys.argv[1:] if arguments is None else arguments, app)
        code = app(args=words, standalone_mode=False)
        sys.stdout.flush()  # here, where a reader that has gone is understood
        return _stopped() if code == STOPPED else int(code or 0)
    except typer.Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _stopped()
    except SystemExit as error:  # Typer's own answer to a closed pipe
        if not isinstance(error.__context__, BrokenPipeError):
            raise
        return _nobody_reads()
    except BrokenPipeError:
        return _nobody_reads()
    except Exception as error:
        words = in_users_words(error)
        if words is None:
            raise
        return _fail(words)


def _stopped() -> int:
    print("hnc: stopped; nothing was left behind", file=sys.stderr)
    return STOPPED


def _nobody_reads() -> int:
    """The reader of our output has gone (``| head -1``): say nothing, end as other tools do."""
    # What is still buffered would fail once more when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return CLOSED_PIPE


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
