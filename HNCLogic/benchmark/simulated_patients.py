"""``hnc phantom benchmark``: how methods do on frozen simulated patients, and how hard these are.

Three settings of the same number of patients each, matched pairs of one with and one without
tumour: the main centres, the external centre with its small nodes, and a centre that no training
cohort holds. For each the honesty gates, then every method: thresholds, the simulated reader, our
models by name, and predictions made elsewhere on the same patients.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from HNCLogic import RESEARCH_USE, __version__
from HNCLogic.benchmark.predictions import Predictions, read_predictions
from HNCLogic.benchmark.scores import verdicts
from HNCLogic.benchmark.simulated_methods import Said, judge
from HNCLogic.errors import InputError
from HNCLogic.evaluation.classification import wilson
from HNCLogic.evaluation.segmentation import TARGETS, overlap
from HNCLogic.phantom.cohort import in_processes
from HNCLogic.phantom.cohort_plan import BLOCK, MR_ROLES, Cohort, plan
from HNCLogic.progress import Progress


@dataclass(frozen=True)
class Setting:
    """Frozen: a seed is never changed, or figures could not be compared from year to year."""

    name: str
    centre: str
    seed: int
    words: str


SETTINGS = (
    Setting("main", "main", 31000, "the main centres"),
    Setting("external", "external", 32000, "the external centre, small nodes"),
    Setting("west", "west", 33000, "a centre that no training cohort holds"),
)
MOST = 1000  # patients of a setting: further ones would be called as the next setting's


def run(
    out: Path,
    *,
    count: int = 200,
    models: Sequence[str] = (),
    predictions: Path | None = None,
    anatomy: Path | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
    progress: Progress = lambda share, words: None,
) -> dict[str, Any]:
    """Make the patients, ask every method, write ``summary.json``, ``summary.md`` and
    ``summary.html`` into ``out``; gives what the first holds.

    Raises InputError for a count that is no multiple of a block of patients, an unknown model,
    predictions that do not fit, and an ``out`` that cannot be written.
    """
    from HNCLogic.benchmark.simulated_page import html, markdown
    from HNCLogic.outputs import whole_or_nothing

    if not BLOCK <= count <= MOST or count % BLOCK:
        raise InputError(
            f"{count} patients of a setting: give {BLOCK} to {MOST}, a multiple of {BLOCK}, so "
            "that a larger benchmark begins with a smaller one's patients"
        )
    roles = _roles(models)
    others = None if predictions is None else read_predictions(predictions)
    with whole_or_nothing(out, overwrite) as folder:
        settings = {}
        for number, setting in enumerate(SETTINGS):
            cohort = Cohort(
                count, setting.seed, modalities=roles, centre=setting.centre, anatomy=anatomy
            )
            patients = plan(cohort)
            theirs = None if others is None else others.of([one.name for one in patients])
            said = in_processes(
                partial(judge, cohort=cohort, models=tuple(models), others=theirs),
                patients,
                jobs,
                lambda share, words, number=number, setting=setting: progress(
                    (number + share) / len(SETTINGS), f"{setting.name}: {words}"
                ),
            )
            settings[setting.name] = _summary(setting, said, count)
        _require_some(others, settings)
        summary = {
            "made_by": f"HNC {__version__}",
            "simulated": "All patients are simulated; no figure here is of real ones.",
            "research_use": RESEARCH_USE,
            "patients_of_each_setting": count,
            "anatomy": "built in" if anatomy is None else "CTs of a folder",
            "settings": settings,
        }
        summary = _without_nan(summary)
        (folder / "summary.json").write_text(
            json.dumps(summary, indent=2, allow_nan=False) + "\n", encoding="utf-8"
        )
        (folder / "summary.md").write_text(markdown(summary), encoding="utf-8")
        (folder / "summary.html").write_text(html(summary), encoding="utf-8")
    return summary


def failed_gates(summary: dict[str, Any]) -> list[str]:
    """The gates that did not hold, with their setting."""
    return [
        f"{name}: {gate['name']} {gate['value']:.2f}, must be {gate['limit']}"
        for name, setting in summary["settings"].items()
        for gate in setting["gates"]
        if not gate["passed"]
    ]


def _roles(models: Sequence[str]) -> tuple[str, ...]:
    """PET, CT and what MR the models look at. Raises InputError for a model that is not there."""
    from HNCLogic.models.store import find_model

    roles = {"PET", "CT"}
    for name in models:
        wanted = {source.role for source in find_model(name).card.inputs}
        roles |= {"T1" if role == "MR" else role for role in wanted}
    return tuple(role for role in ("PET", "CT", *MR_ROLES) if role in roles)


def _summary(setting: Setting, said: list[Said], count: int) -> dict[str, Any]:
    from HNCLogic.phantom.honesty import gates

    return {
        "words": setting.words,
        "images": f"hnc phantom --count {count} --seed {setting.seed} --centre {setting.centre}",
        "gates": [asdict(gate) for gate in gates([one.facts for one in said])],
        "verdicts": {name: _verdicts(name, said) for name in _named(said, "verdicts")},
        "outlines": {name: _outlines(name, said) for name in _named(said, "outlines")},
    }


def _named(said: list[Said], what: str) -> list[str]:
    """The methods that said anything, in the order they were asked."""
    return list(dict.fromkeys(name for one in said for name in getattr(one, what)))


def _verdicts(name: str, said: list[Said]) -> dict[str, Any]:
    asked = [one for one in said if name in one.verdicts]
    return asdict(
        verdicts(
            [one.positive for one in asked],
            [one.verdicts[name][0] for one in asked],
            [one.verdicts[name][1] for one in asked],
            [one.match for one in asked],
        )
    )


def _outlines(name: str, said: list[Said]) -> dict[str, Any]:
    """Dice in patients with tumour; of those without, how many were left without an outline."""
    sick = [one.outlines[name] for one in said if one.positive and name in one.outlines]
    well = [one.outlines[name] for one in said if not one.positive and name in one.outlines]
    found: dict[str, Any] = {}
    for target in TARGETS:
        scored = overlap([one[target] for one in sick if target in one])
        found[target] = None if scored is None else asdict(scored)
    clean = sum(one["union"][1] == 0 for one in well)
    found["clean_negatives"] = asdict(wilson(clean, len(well))) if well else None
    return found


def _require_some(others: Predictions | None, settings: dict[str, Any]) -> None:
    if others is None:
        return
    scored = any(
        others.name in s["verdicts"] or others.name in s["outlines"] for s in settings.values()
    )
    if not scored:
        raise InputError(
            f"{others.name}: no prediction is of a patient of this benchmark; they are called "
            "as in the cohorts that its commands make (see its README)"
        )


def _without_nan(value: Any) -> Any:
    """JSON knows no NaN: what could not be worked out is null."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
