"""A training run: cohort in, five folds, a model folder out; killed at any moment, it goes on.

RUN/run.json             what was chosen, of which cohort, with which versions
RUN/folds.json           which patients each fold is trained, validated and tested on
RUN/images.json          hashes of the images, by patient: they are never a test
RUN/cache/               scans as the network sees them
RUN/extractor/           of extension: the network that is trained before the folds
RUN/fold-1/plain/        of extension: a network on whole volumes, to be compared with
RUN/fold-1/ …            log.csv, events/, last.safetensors, best.safetensors, done.json
RUN/fold-1/repeat-1/ …   the same, where each fold is trained several times
RUN/fold-1/slices-T2/ …  of parotid: the networks that are trained before the fold's last
RUN/curves.png  RUN/out_of_fold.csv
RUN/model/               the model: card and weights
RUN/beside/              of parotid: models of other ways to fuse, to be compared with
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from HNCLogic import __version__
from HNCLogic.errors import InputError, first_problem
from HNCLogic.outputs import write_file_whole, write_text_whole
from HNCLogic.progress import Progress
from HNCLogic.training.cohort import Cohort, read_cohort
from HNCLogic.training.course_log import CURVES, CourseLog, draw_curves
from HNCLogic.training.engine import Precision, Settings, train_fold
from HNCLogic.training.known_images import write_images
from HNCLogic.training.leakage import metadata_auc, refuse_given_away, refuse_shared_images
from HNCLogic.training.prepared import Prepared, prepare_cohort
from HNCLogic.training.ranks import Ranks
from HNCLogic.training.recipes import RECIPES, Recipe
from HNCLogic.training.repeats import keep_median, seed_of_repeat
from HNCLogic.training.run_folder import BEST, CACHE, DONE, FOLDS, MODEL, RUN, fold_folder
from HNCLogic.training.splits import Fold
from HNCLogic.training.start import refuse_known_images, start_hash, start_weights


@dataclass(frozen=True)
class Order:
    """What to train, on what, and how."""

    method: str
    cohort: Path
    out: Path
    chosen: Mapping[str, Any] = field(default_factory=dict)  # of the method's own settings
    folds: int = 5
    only: tuple[int, ...] = ()  # folds that are trained now; none named: all
    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"
    resume: bool = False
    accept_metadata: bool = False
    name: str | None = None  # of the model
    trained_on: str | None = None  # in words, shown wherever a result is
    start: Path | None = None  # model or weights that every fold begins with
    model_of_named: bool = False  # the model is made of the folds in ``only`` alone: 1, or 1, 2 …


def train(
    order: Order,
    say: Callable[[str], None],
    progress: Progress = lambda share, words: None,
    ranks: Ranks | None = None,
) -> None:
    """Do it all. Raises InputError for a cohort, settings or a folder that cannot be used."""
    ranks = ranks or Ranks()
    recipe, chosen = _recipe(order), settings_of(order)
    cohort = read_cohort(order.cohort)
    identity = _identity(order, chosen)
    if ranks.first:
        _open_folder(order, identity)
    say = say if ranks.first else lambda words: None
    roles, preparing = recipe.roles(chosen), recipe.preparing(chosen)
    if not ranks.first:
        ranks.told(None)  # until the first process has prepared everything
    scans = prepare_cohort(cohort, preparing, roles, order.out / CACHE, progress, recipe.check)
    if ranks.first:
        ranks.told(True)
    cohort = cohort_with_labels(cohort, scans)
    apart = () if recipe.set_apart is None else (recipe.set_apart(chosen),)
    folds = recipe.split(cohort, order.seed, order.folds, *apart)
    _refuse_leaks(scans, folds, order, say)
    if order.start:
        refuse_known_images(order.start, scans)
    if ranks.first:
        _write_folds(order.out, folds)
        write_images(order.out, scans)
    wanted = order.only or tuple(range(1, len(folds) + 1))
    if not set(wanted) <= set(range(1, len(folds) + 1)):
        raise InputError(f"there are folds 1 to {len(folds)}, not {max(wanted)}")
    model_folds = folds[: len(set(wanted))] if order.model_of_named else folds
    if order.model_of_named and set(wanted) != set(range(1, len(model_folds) + 1)):
        raise InputError(
            "a model numbers its folds 1, 2 … without gaps: name these, for example --fold 1 "
            "--fold 2 --model-of-these"
        )
    began = time.monotonic()
    if recipe.first is not None:

        def teach(task, folder: Path, words: str) -> None:
            _one_training(
                order, chosen, task, folder, words, say, ranks,
                lambda share: progress(share, f"training, {words}"),
            )  # fmt: skip

        scans = recipe.first(order, chosen, cohort, scans, folds, teach, ranks)
    for done, number in enumerate(wanted):

        def tell(share: float, done: int = done) -> None:
            progress((done + share) / len(wanted), "training")

        _one_fold(order, recipe, chosen, scans, folds[number - 1], number, say, ranks, tell)
    if ranks.first:
        _finish(order, recipe, chosen, scans, model_folds, say)
        say(f"{time.monotonic() - began:.0f} s of training")


def _recipe(order: Order) -> Recipe:
    if order.method not in RECIPES:
        raise InputError(f"there is no method {order.method!r:.40}: train {', '.join(RECIPES)}")
    return RECIPES[order.method]


def settings_of(order: Order) -> Any:
    """The method's settings with those that ``order`` chooses. Raises InputError."""
    try:
        return _recipe(order).settings.model_validate(dict(order.chosen))
    except ValidationError as error:
        raise InputError(f"settings of {order.method}: {first_problem(error)}") from error


def _identity(order: Order, chosen: Any) -> dict[str, Any]:
    """What must be the same when a run is resumed."""
    return {
        "method": order.method,
        "settings": chosen.model_dump(mode="json"),
        "cohort_sha256": hashlib.sha256(order.cohort.read_bytes()).hexdigest(),
        "folds": order.folds,
        "seed": order.seed,
        "start_sha256": order.start and start_hash(order.start),
    }


def _open_folder(order: Order, identity: dict[str, Any]) -> None:
    path = order.out / RUN
    held = order.out.exists() and any(order.out.iterdir())
    if held and not order.resume:
        raise InputError(
            f"{order.out} is not empty: give another folder, or --resume to go on with the run"
        )
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        different = [k for k, v in identity.items() if before.get(k) != v]
        if different:
            raise InputError(
                f"{order.out} was begun with another {different[0].replace('_', ' ')}: resume with "
                "the same command, or give another folder"
            )
        return
    if held:
        raise InputError(f"{order.out} holds something that is no run of ours: give another folder")
    order.out.mkdir(parents=True, exist_ok=True)
    about = {**identity, "cohort": str(order.cohort), "hnc_version": __version__}
    write_text_whole(path, json.dumps(about, indent=2) + "\n")


def cohort_with_labels(cohort: Cohort, scans: list[Prepared]) -> Cohort:
    """The cohort with every label filled in, from the mask where the table has none."""
    filled = (replace(s, label=p.label) for s, p in zip(cohort.scans, scans, strict=True))
    return Cohort(cohort.path, tuple(filled))


def _refuse_leaks(scans: list[Prepared], folds: list[Fold], order: Order, say) -> None:
    facts = [scan.facts for scan in scans]
    refuse_shared_images(facts, folds)
    labels = {scan.label for scan in scans}
    if len(labels) < 2:
        say("all scans have the same label: whether metadata tell it cannot be asked")
        return
    try:
        auc = metadata_auc(facts, order.seed)
    except ValueError as error:
        say(f"whether metadata tell the label cannot be asked: {error}")
        return
    say(refuse_given_away(auc, order.accept_metadata))


def _write_folds(out: Path, folds: list[Fold]) -> None:
    parts = [
        {part.name: sorted(getattr(fold, part.name)) for part in fields(fold)} for fold in folds
    ]
    write_text_whole(out / FOLDS, json.dumps(parts, indent=1) + "\n")


def _one_fold(order, recipe, chosen, scans, fold, number, say, ranks, progress) -> None:
    folder = fold_folder(order.out, number)
    if (folder / DONE).exists():
        say(f"fold {number}: done before")
        return
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        part: [scan for scan in scans if scan.patient in getattr(fold, part)]
        for part in ("train", "validation")
    }
    train, validation = parts["train"], parts["validation"]
    if recipe.before_fold is not None:

        def teach(task, folder: Path, words: str, stage) -> None:
            _one_training(order, stage, task, folder, words, say, ranks, lambda share: None)

        train, validation = recipe.before_fold(
            order, chosen, train, validation, number, teach, ranks
        )
    task = recipe.task(chosen, train, validation, order.seed, number)
    repeats = getattr(chosen, "repeats", 1)
    if repeats == 1:
        stage = recipe.stage(chosen)
        _one_training(order, stage, task, folder, f"fold {number}", say, ranks, progress)
        return
    places = [folder / f"repeat-{repeat}" for repeat in range(1, repeats + 1)]
    for done, place in enumerate(places):

        def tell(share: float, done: int = done) -> None:
            progress((done + share) / repeats)

        words = f"fold {number}, training {done + 1} of {repeats}"
        place.mkdir(exist_ok=True)
        once = replace(task, seed=seed_of_repeat(order.seed, done + 1))
        _one_training(order, chosen, once, place, words, say, ranks, tell)
    if ranks.first:
        say(f"fold {number}: {keep_median(places, folder)}")


def _one_training(order, stage, task, folder, words, say, ranks, progress) -> None:
    """``stage``: how long and in what batches, as a method's settings say."""
    if (folder / DONE).exists():
        say(f"{words}: done before")
        return
    settings = Settings(
        stage.epochs, stage.patience, task.seed, task.fold, accumulate=stage.accumulate,
        precision=order.precision, device=order.device, clip=getattr(stage, "clip", None),
    )  # fmt: skip
    log = CourseLog(folder)

    def watch(history: list[dict[str, float]], left: float) -> None:
        log(history)
        last = history[-1]
        say(
            f"{words}, epoch {len(history)}/{stage.epochs}: loss {last['loss']:.4f}, "
            f"{task.monitor} {last[task.monitor]:.4f}, at most {left / 60:.0f} min left"
        )
        progress(len(history) / stage.epochs)

    try:
        course = train_fold(
            task, folder, settings, ranks=ranks, resume=order.resume, watch=watch,
            start=order.start and start_weights(order.start, task.fold),
        )  # fmt: skip
    finally:
        log.close()
    if not ranks.first:
        return
    from safetensors.torch import save

    held = save(course.weights)
    write_file_whole(folder / BEST, lambda part: part.write_bytes(held))
    write_text_whole(
        folder / DONE,
        json.dumps({"epoch": course.epoch, "monitor": task.monitor, "history": course.history}),
    )
    say(f"{words}: epoch {course.epoch} of {len(course.history)} is kept")


def _finish(order, recipe, chosen, scans, folds, say) -> None:
    """Curves, what each fold says of patients it was not trained on, and the model folder."""
    done = {}
    for number in range(1, len(folds) + 1):
        path = fold_folder(order.out, number) / DONE
        if path.exists():
            done[number] = json.loads(path.read_text(encoding="utf-8"))
    monitor = next(iter(done.values()))["monitor"]
    draw_curves(order.out / CURVES, {n: d["history"] for n, d in done.items()}, monitor)
    if len(done) < len(folds):
        say(f"{len(done)} of {len(folds)} folds are trained; the model is made when all are")
        return
    if (order.out / MODEL).exists():
        say("the model was made before")
        return
    recipe.finish(order, chosen, scans, folds, say)
