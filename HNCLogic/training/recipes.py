"""The methods that can be trained: for each its settings, preparation, folds, task and ending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from HNCLogic.job import MR_ROLES, Record
from HNCLogic.training import (
    extension_model,
    parotid_model,
    presence_model,
    slice_model,
    volume_model,
)
from HNCLogic.training.extension_split import extension_folds
from HNCLogic.training.extension_task import (
    ExtensionPreparing,
    ExtensionTask,
    ExtensionTraining,
    require_label,
)
from HNCLogic.training.parotid_settings import ParotidTraining
from HNCLogic.training.parotid_task import ParotidPreparing, require_box_and_kind, sequence_task
from HNCLogic.training.presence_task import PresencePreparing, PresenceTraining, presence_task
from HNCLogic.training.slice_task import SlicePreparing, SliceTask, SliceTraining
from HNCLogic.training.splits import cross_validation, nested_cross_validation
from HNCLogic.training.volume_task import VolumePreparing, VolumeTask, VolumeTraining

if TYPE_CHECKING:
    from HNCLogic.training.cohort import Scan
    from HNCLogic.training.prepared import Prepared
    from HNCLogic.training.splits import Fold


@dataclass(frozen=True)
class Recipe:
    """What ``run.train`` needs to know of a method."""

    settings: type[Record]
    roles: Callable[[Any], list[str]]
    preparing: Callable[[Any], Any]
    split: Callable[..., list[Fold]]  # cohort, seed, folds, and what ``set_apart`` says
    task: Callable[..., Any]  # settings, train, validation, seed, fold
    finish: Callable[..., None]  # order, settings, scans, folds, say: the model folder
    set_apart: Callable[[Any], int] | None = None  # how many patients are in no fold
    check: Callable[[Scan], None] = lambda scan: None  # raises InputError for one of no use
    # A step before the folds, which gives what they are trained on in place of ``scans``.
    first: Callable[..., list[Prepared]] | None = None
    # A step before each fold's task, which gives what the task is trained and validated on.
    before_fold: Callable[..., tuple[list[Prepared], list[Prepared]]] | None = None
    stage: Callable[[Any], Any] = lambda chosen: chosen  # how long and in what batches the task is


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
    "extension": Recipe(
        ExtensionTraining,
        roles=lambda chosen: ["CT"],
        preparing=ExtensionPreparing,
        split=extension_folds,
        task=ExtensionTask,
        finish=extension_model.finish,
        set_apart=lambda chosen: chosen.extractor_patients,
        check=require_label,
        first=extension_model.vois_by_extractor,
    ),
    "parotid": Recipe(
        ParotidTraining,
        roles=lambda chosen: chosen.roles,
        preparing=ParotidPreparing,
        split=cross_validation,
        task=sequence_task,
        finish=parotid_model.finish,
        check=require_box_and_kind,
        before_fold=parotid_model.vectors_by_slice_networks,
        stage=lambda chosen: chosen.sequence,
    ),
}
