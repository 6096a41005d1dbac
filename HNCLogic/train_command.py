"""``hnc train``: a model of one of the methods, from a cohort."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from HNCLogic.errors import InputError


def train(
    method: Annotated[
        str, typer.Argument(help="presence, tumour-volume, slice-tumour, extension or parotid.")
    ],
    cohort: Annotated[
        Path,
        typer.Option(help="CSV: patient,scan,centre, a column a role (PET,CT,T1 …), mask,label."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run; its model/ is the model.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A setting of the method, NAME=VALUE (JSON), for example epochs=50, "
            'roles=["PET","MR"], preparation.pixels=96. `--show-settings` lists them.',
        ),
    ] = None,
    show_settings: Annotated[
        bool, typer.Option("--show-settings", help="The settings as they would be; trains nothing.")
    ] = False,
    folds: Annotated[int, typer.Option(help="Parts the patients are split into.", min=2)] = 5,
    fold: Annotated[
        list[int] | None, typer.Option(help="Train this fold only; may be repeated.", min=1)
    ] = None,
    model_of_these: Annotated[
        bool,
        typer.Option(
            "--model-of-these",
            help="Make the model of the folds that --fold names, without the others: small, and "
            "measured on fewer patients.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="What to compute on.")
    ] = "auto",
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "fp16"], typer.Option(help="Numbers to compute in.")
    ] = "auto",
    threads: Annotated[int | None, typer.Option(help="Cores; else all.", min=1)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    accept_metadata: Annotated[
        bool,
        typer.Option(
            "--accept-metadata",
            help="Train although scanner and table tell the label by themselves.",
        ),
    ] = False,
    name: Annotated[str | None, typer.Option(help="Of the model.")] = None,
    trained_on: Annotated[
        str | None,
        typer.Option(help="In words, where the patients come from; shown beside every result."),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--start",
            "--begin-with",  # torchrun takes --start, wherever it stands, for one of its own
            help="Begin with the weights of this model folder, or of another run's "
            "fold-N/best.safetensors; settings of the network must be the same.",
        ),
    ] = None,
) -> None:
    """Train a model: folds by patient, the papers' settings, to be killed and resumed at will.

    Several GPUs or machines: `torchrun --nproc-per-node N -m HNCLogic train …`, with micro-batches
    (--set micro_batch=…) that they can share out.
    """
    from HNCLogic.inference.device import use_threads
    from HNCLogic.progress import shown_progress
    from HNCLogic.training.ranks import ranks
    from HNCLogic.training.run import Order, settings_of
    from HNCLogic.training.run import train as train_run
    from HNCLogic.training.run_folder import MODEL

    order = Order(
        method, cohort, out, chosen_from(settings or []), folds, tuple(fold or ()), seed, device,
        precision, resume, accept_metadata, name, trained_on, start, model_of_these,
    )  # fmt: skip
    if show_settings:
        print(settings_of(order).model_dump_json(indent=2))
        return
    use_threads(threads)
    with ranks() as several, shown_progress() as progress:
        train_run(order, lambda words: print(words, flush=True), progress, several)
    if several.first and (out / MODEL).exists():
        print(f"try it: hnc models add {out / MODEL}")


def chosen_from(words: list[str]) -> dict[str, Any]:
    """``["a.b=1", "c=x"]`` as nested settings; values are JSON, or plain words.

    Raises InputError for anything without a name and a sign.
    """
    chosen: dict[str, Any] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not sign or not name.strip():
            raise InputError(f"--set {word}: give NAME=VALUE, for example --set epochs=50")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        *path, last = name.strip().split(".")
        place = chosen
        for part in path:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise InputError(f"--set {word}: {part} is no group of settings")
        place[last] = value
    return chosen
