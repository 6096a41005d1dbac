"""A cohort's scans one after the other, with progress and the entry in every refusal, and what the
program warned of in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from HNCLogic.errors import InputError
from HNCLogic.progress import Progress

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def each_scan(
    asked: Sequence[Asked],
    path: Path,
    progress: Progress,
    answer: Callable[[int, Asked, Progress], Answer],
) -> list[Answer]:
    """``answer(place, one, progress)`` for each of ``asked``, in order.

    Raises InputError with the entry of the table at ``path``.
    """
    answers = []
    for place, one in enumerate(asked):

        def tell(share: float, words: str, place: int = place) -> None:
            progress((place + share) / len(asked), f"scan {place + 1} of {len(asked)}")

        tell(0.0, "")
        try:
            answers.append(answer(place, one, tell))
        except InputError as error:
            raise InputError(f"{path}, entry {place + 1}: {error}") from error
    return answers


def noted(warnings: Iterable[Sequence[str]]) -> list[str]:
    """The warnings of each scan, each kind once and with how many scans it was said of.

    Warnings that differ in their numbers alone are of one kind: the first stands for all.
    """
    of_scans = list(warnings)
    said: dict[str, list[str]] = {}
    for words in (words for one in of_scans for words in one):
        said.setdefault(re.sub(r"\d+(?:\.\d+)?", "#", words), []).append(words)
    found = []
    for alike in said.values():
        numbers = "" if len(set(alike)) == 1 else "; the numbers are the first one's"
        found.append(f"{alike[0]} ({len(alike)} of {len(of_scans)} scans{numbers})")
    return found
