"""The median of several trainings: Liedes et al. 2023 trained 50 times and kept the median model,
for the best one of many is so by chance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from HNCLogic.outputs import write_file_whole, write_text_whole
from HNCLogic.training.run_folder import BEST, DONE

FIGURE = "Dice"  # of the validation patients, at the epoch that is kept


def seed_of_repeat(seed: int, repeat: int) -> int:
    """The seed of training ``repeat``, from 1; the first has ``seed`` itself."""
    if repeat == 1:
        return seed
    return int(np.random.SeedSequence((seed, repeat)).generate_state(1)[0])


def median_of(figures: Sequence[float]) -> int:
    """Index of the median; of an even number the lower of the middle two, of equals the first."""
    return int(np.argsort(figures, kind="stable")[(len(figures) - 1) // 2])


def keep_median(places: Sequence[Path], folder: Path) -> str:
    """Copy the median training's weights and course to ``folder``; says which it is."""
    courses = [json.loads((place / DONE).read_text(encoding="utf-8")) for place in places]
    figures = [course["history"][course["epoch"] - 1][FIGURE] for course in courses]
    chosen = median_of(figures)
    held = (places[chosen] / BEST).read_bytes()
    write_file_whole(folder / BEST, lambda part: part.write_bytes(held))
    seconds = sum(entry["seconds"] for course in courses for entry in course["history"])
    about = courses[chosen] | {
        "repeat": chosen + 1, "figures": figures, "all_seconds": seconds,
    }  # fmt: skip
    write_text_whole(folder / DONE, json.dumps(about))
    return (
        f"training {chosen + 1} of {len(places)} is kept, the median, {FIGURE} "
        f"{figures[chosen]:.3f} of {min(figures):.3f} to {max(figures):.3f} on validation patients"
    )
