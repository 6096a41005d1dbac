"""What can be chosen in training method 4, the kind of a parotid tumour on MRI: Liu et al. 2022."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from HNCLogic.job import Record, Role
from HNCLogic.methods import parotid
from HNCLogic.networks.parotid_fusion import Fusion, fused_channels
from HNCLogic.training.batches import WholeBatches

Width = Annotated[int, Field(ge=1, le=2048)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Stage(WholeBatches):
    """How one of the two stages is trained."""

    learning_rate: Annotated[float, Field(gt=0)]  # of Adam
    batch: Annotated[int, Field(ge=2)]  # ours
    micro_batch: Annotated[int, Field(ge=2)]  # ours: what fits into memory at once
    epochs: Annotated[int, Field(ge=1)]  # ours
    patience: Annotated[int, Field(ge=1)]  # ours


class SliceStage(Stage):
    """The first: ResNet-18's first stages on single slices."""

    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    batch: Annotated[int, Field(ge=2)] = 16
    micro_batch: Annotated[int, Field(ge=2)] = 16
    epochs: Annotated[int, Field(ge=1)] = 30
    patience: Annotated[int, Field(ge=1)] = 10


class SequenceStage(Stage):
    """The second: a Transformer on the slices' vectors, which are computed once."""

    learning_rate: Annotated[float, Field(gt=0)] = 1e-5
    batch: Annotated[int, Field(ge=2)] = 8
    micro_batch: Annotated[int, Field(ge=2)] = 8
    epochs: Annotated[int, Field(ge=1)] = 300
    patience: Annotated[int, Field(ge=1)] = 60


class Augmentation(Record):
    """The paper's copies are ten to an image; how they were changed it does not say."""

    copies: Annotated[int, Field(ge=0, le=100)] = 9  # beside the image itself
    flip: bool = True  # left to right, half of the time
    gain: Share = 0.2  # each sequence brighter or darker by up to this share
    box: Share = 0.1  # each edge of the box moved by up to this share of its side


class ParotidTraining(Record):
    """All that can be chosen; defaults are the paper's, or ours where it is silent."""

    roles: Annotated[list[Role], Field(min_length=1)] = ["T2", "CE-T1", "DWI-b1000"]
    fusion: Fusion = "late-splice"
    # Ways that are trained on the same folds and told beside: a fusion, or one of ``roles`` alone.
    # None: those that need no further slice network.
    beside: list[str] | None = None
    classes: Literal["kinds", "subtypes"] = "kinds"  # benign or malignant; the four subtypes
    preparation: parotid.Preparation = parotid.Preparation()
    imagenet: Path | None = None  # resnet18's weights, safetensors, torchvision's names
    widths: tuple[Width, Width] = (64, 128)  # ResNet-18's
    roi: Annotated[int, Field(ge=1, le=32)] = 7  # ours
    features: Width = 256  # ours
    d_model: Width = 256  # ours
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    layers: Annotated[int, Field(ge=1, le=24)] = 1
    feed_forward: Annotated[int, Field(ge=1, le=65536)] = 512  # ours
    encoder_dropout: Share = 0.1  # ours
    dropout: Share = 0.5
    class_weights: bool = True  # ours: a rare class weighs as much as a frequent one
    augmentation: Augmentation = Augmentation()
    slices: SliceStage = SliceStage()
    sequence: SequenceStage = SequenceStage()

    @model_validator(mode="after")
    def fits_together(self) -> ParotidTraining:
        if len(set(self.roles)) < len(self.roles):
            raise ValueError("a sequence stands twice in roles")
        if self.d_model % self.heads:
            raise ValueError("d_model must be divisible by heads")
        for name in [self.fusion, *(self.beside or [])]:
            if name not in get_args(Fusion) and name not in self.roles:
                raise ValueError(
                    f"beside {name!r:.40} can be one of roles or {', '.join(get_args(Fusion))}"
                )
            self.groups(name)
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """The networks' outputs, in order."""
        return parotid.KINDS if self.classes == "kinds" else parotid.SUBTYPES

    @property
    def ways(self) -> list[str]:
        """The ways that are trained beside ``fusion``, see ``beside``."""
        if self.beside is not None:
            return [way for way in dict.fromkeys(self.beside) if way != self.fusion]
        if not self.fusion.startswith("late") or len(self.roles) == 1:
            return []
        return [*self.roles, "late-add" if self.fusion == "late-splice" else "late-splice"]

    def roles_of(self, way: str) -> list[str]:
        """The sequences that ``way``, a fusion or a sequence alone, looks at."""
        return [way] if way in self.roles else list(self.roles)

    def groups(self, way: str) -> list[tuple[str, ...]]:
        """The sequences that each slice network of ``way`` looks at: one, or three.

        Raises ValueError where the fusion takes another number of sequences.
        """
        if way in self.roles:
            return [(way,)]
        channels = fused_channels(way, len(self.roles))
        return [tuple(self.roles[n] for n in group) for group in channels]

    def network_arguments(self, way: str) -> dict:
        """Of network "parotid"."""
        return {
            "in_channels": len(self.roles_of(way)), "classes": len(self.class_names),
            "fusion": "late-splice" if way in self.roles else way, "widths": list(self.widths),
            "roi": self.roi, "features": self.features, "d_model": self.d_model,
            "heads": self.heads, "layers": self.layers, "feed_forward": self.feed_forward,
            "encoder_dropout": self.encoder_dropout, "dropout": self.dropout,
        }  # fmt: skip
