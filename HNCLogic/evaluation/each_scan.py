"""A cohort's scans one after the other, with progress and the entry in every refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
