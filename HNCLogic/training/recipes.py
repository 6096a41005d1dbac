"""The methods that can be trained: for each its settings, preparation, folds, task and ending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from HNCLogic.job import MR_ROLES, Record
from HNCLogic.training import presence_model, slice_model, volume_model
from HNCLogic.training.presence_task import PresencePreparing, PresenceTraining, presence_task
from HNCLogic.training.slice_task import SlicePreparing, SliceTask, SliceTraining
from HNCLogic.training.splits import cross_validation, nested_cross_validation
from HNCLogic.training.volume_task import VolumePreparing, VolumeTask, VolumeTraining

if TYPE_CHECKING:
    from HNCLogic.training.cohort import Cohort
    from HNCLogic.training.splits import Fold


@dataclass(frozen=True)
class Recipe:
    """What ``run.train`` needs to know of a method."""

    settings: type[Record]
    roles: Callable[[Any], list[str]]
    preparing: Callable[[Any], Any]
    split: Callable[[Cohort, int, int], list[Fold]]
    task: Callable[..., Any]  # settings, train, validation, seed, fold
    finish: Callable[..., None]  # order, settings, scans, folds, say: the model folder


def _slice_roles(chosen: SliceTraining) -> list[str]:
    return [*chosen.roles, *(MR_ROLES if "MR" in chosen.roles else ())]


RECIPES: dict[str, Recipe] = {
    "presence": Recipe(
        PresenceTraining,
        roles=lambda chosen: chosen.roles,
        preparing=PresencePreparing,
        split=cross_validation,
        task=presence_task,
        finish=presence_model.finish,
    ),
    "tumour-volume": Recipe(
        VolumeTraining,
        roles=lambda chosen: ["PET", "CT"],
        preparing=VolumePreparing,
        split=nested_cross_validation,
        task=VolumeTask,
        finish=volume_model.finish,
    ),
    "slice-tumour": Recipe(
        SliceTraining,
        roles=_slice_roles,
        preparing=SlicePreparing,
        split=nested_cross_validation,
        task=SliceTask,
        finish=slice_model.finish,
    ),
}
