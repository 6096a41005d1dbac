"""A model's card: what ``model.json`` says, and what it may say.

A card comes from anyone, so everything in it is bounded and checked before it is used: it is
data that picks from what the program offers, never code. The weights files are named in it with
their SHA-256.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from HNCLogic.errors import InputError, first_problem
from HNCLogic.job import MR_ROLES, Aggregation, Record, Role
from HNCLogic.models.plain_card import CARD_FILE, LARGEST_CARD, plain_card, read_card_file
from HNCLogic.networks.registry import check_arguments

__all__ = ["CARD_FILE", "LARGEST_CARD", "Card", "card_of", "parse_card", "read_card"]

InputRole = Literal[Role, "MR"]  # "MR": any MR sequence
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\n]*$")]
Words = Annotated[str, Field(min_length=1, max_length=20_000)]
Slug = Annotated[str, Field(max_length=60, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Share = Annotated[float, Field(ge=0, le=1)]
FoldNumber = Annotated[int, Field(ge=1, le=99)]


class _Part(Record):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class NetworkChoice(_Part):
    name: Slug
    arguments: dict[str, Any] = {}  # checked by the network itself

    @model_validator(mode="after")
    def can_be_made(self) -> NetworkChoice:
        try:
            self.arguments = check_arguments(self.name, self.arguments)
        except InputError as error:
            raise ValueError(str(error)) from error
        return self


class ModelInput(_Part):
    """One channel of the network's input."""

    role: InputRole
    required: bool = True  # a channel that is not is zeros where the image is not given


class Threshold(_Part):
    value: Share
    per_fold: list[Share] = []  # in the order of the folds
    chosen_by: Line


class Training(_Part):
    words: Words  # on what, said wherever a result is shown
    data: Annotated[list[Line], Field(max_length=100)] = []
    counts: Annotated[dict[Line, Annotated[int, Field(ge=0)]], Field(max_length=100)] = {}


class Metric(_Part):
    name: Line
    value: float
    low: float | None = None  # ends of the 95 % interval
    high: float | None = None
    data: Line  # on what it was measured

    @model_validator(mode="after")
    def in_order(self) -> Metric:
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends")
        if self.low is not None and not self.low <= self.value <= self.high:
            raise ValueError("the value must lie in its interval")
        return self


class WeightsFile(_Part):
    file: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    fold: FoldNumber

    @model_validator(mode="after")
    def named_by_fold(self) -> WeightsFile:
        if self.file != weights_name(self.fold):
            raise ValueError(f"the file of fold {self.fold} must be {weights_name(self.fold)}")
        return self


class Card(_Part):
    """All of ``model.json``."""

    format: Literal["hnc-model"] = "hnc-model"
    format_version: Literal[1] = 1
    name: Slug
    version: Annotated[str, Field(max_length=30, pattern=r"^\d+\.\d+(\.\d+)?$")]
    method: Literal["presence", "tumour-volume", "slice-tumour", "extension", "parotid"]
    network: NetworkChoice
    inputs: Annotated[list[ModelInput], Field(min_length=1, max_length=16)]  # channel by channel
    # Numbers, words and lists that the method checks when it is used: spacing, windows, strides.
    preprocessing: Annotated[dict[Line, Any], Field(max_length=100)]
    classes: Annotated[list[Line], Field(min_length=1, max_length=64)]
    threshold: Threshold | None = None
    aggregation: Aggregation | None = None
    training: Training
    metrics: Annotated[list[Metric], Field(max_length=1000)] = []
    intended_use: Words
    licence: Line
    defaults_taken: Annotated[list[Line], Field(max_length=200)] = []
    weights: Annotated[list[WeightsFile], Field(min_length=1, max_length=99)]
    weights_of: Slug | None = None  # the model beside this one that has the files; None: this one

    @field_validator("weights")
    @classmethod
    def all_folds(cls, weights: list[WeightsFile]) -> list[WeightsFile]:
        folds = [each.fold for each in weights]
        if folds != list(range(1, len(folds) + 1)):
            raise ValueError("folds must be numbered 1, 2, … without gaps, in this order")
        return weights

    @model_validator(mode="after")
    def fits_together(self) -> Card:
        if self.weights_of == self.name:
            raise ValueError("weights_of names another model, or none")
        roles = [each.role for each in self.inputs]
        if len(set(roles)) != len(roles):
            raise ValueError("an input role stands twice")
        channels = self.network.arguments["in_channels"]
        if channels != len(roles):
            raise ValueError(f"the network takes {channels} channels, inputs has {len(roles)}")
        if self.method == "presence":
            self._fits_presence()
        elif self.method == "tumour-volume":
            self._fits_tumour_volume()
        elif self.method == "extension":
            self._fits_extension()
        elif self.method == "parotid":
            self._fits_parotid()
        else:
            self._fits_slice_tumour()
        return self

    def _fits_presence(self) -> None:
        if self.network.name not in ("presence", "outline-presence"):
            raise ValueError('method "presence" needs network "presence" or "outline-presence"')
        if self.threshold is None or self.aggregation is None:
            raise ValueError('method "presence" needs a threshold and an aggregation')
        self._one_threshold_per_fold()

    def _fits_tumour_volume(self) -> None:
        if self.network.name != "attention-unet":
            raise ValueError('method "tumour-volume" needs network "attention-unet"')
        self._one_name_per_class()

    def _fits_slice_tumour(self) -> None:
        if self.network.name != "unet2d":
            raise ValueError('method "slice-tumour" needs network "unet2d"')
        if self.threshold is None:
            raise ValueError('method "slice-tumour" needs a threshold')
        if len(self.classes) != 1:
            raise ValueError('method "slice-tumour" has one class')
        self._one_threshold_per_fold()

    def _fits_extension(self) -> None:
        if self.network.name != "gmgenet":
            raise ValueError('method "extension" needs network "gmgenet"')
        if self.threshold is None:
            raise ValueError('method "extension" needs a threshold')
        if [each.role for each in self.inputs] != ["CT"]:
            raise ValueError('method "extension" takes a CT and nothing else')
        self._one_threshold_per_fold()

    def _fits_parotid(self) -> None:
        if self.network.name != "parotid":
            raise ValueError('method "parotid" needs network "parotid"')
        if self.threshold is not None:
            raise ValueError('method "parotid" names the most probable class: no threshold')
        if "malignant" not in self.classes or len(set(self.classes)) != len(self.classes):
            raise ValueError("classes must differ, and one of them must be malignant")
        if not all(each.required and each.role in MR_ROLES for each in self.inputs):
            raise ValueError('method "parotid" needs each of its inputs, MR sequences by name')
        self._one_name_per_class()

    def _one_name_per_class(self) -> None:
        if len(self.classes) != self.network.arguments["classes"]:
            raise ValueError(
                f"the network has {self.network.arguments['classes']} classes, "
                f"classes names {len(self.classes)}"
            )

    def _one_threshold_per_fold(self) -> None:
        if self.threshold.per_fold and len(self.threshold.per_fold) != len(self.weights):
            raise ValueError("threshold.per_fold must have one threshold per fold, or none")

    @property
    def title(self) -> str:
        """Name and version, as results and provenance give them."""
        return f"{self.name} {self.version}"


def weights_name(fold: int) -> str:
    return f"fold-{fold}.safetensors"


def parse_card(text: bytes, source: str) -> Card:
    """The card in the bytes of a ``model.json``; ``source`` names it in errors.

    Raises InputError, in one line, for anything but a whole and valid card.
    """
    return card_of(plain_card(text, source), source)


def card_of(fields: dict[str, Any], source: str) -> Card:
    """A card of ``fields``; pydantic's findings become one InputError of one line."""
    try:
        return Card.model_validate(fields)
    except ValidationError as error:
        raise InputError(f"{source} does not fit: {first_problem(error)}") from error


def read_card(folder: Path) -> Card:
    """The card of a model folder. Raises InputError where there is none or it does not fit."""
    return parse_card(read_card_file(folder), str(folder / CARD_FILE))
