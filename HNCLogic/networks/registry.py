"""Networks by name: the fixed table a model card chooses from.

A card is data from anyone; it can name a network of this table and give it bounded arguments,
nothing else. Torch is loaded when a network is made, not when this file is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from HNCLogic.errors import InputError, first_problem
from HNCLogic.networks.parotid_fusion import Fusion, fused_channels

if TYPE_CHECKING:
    import torch

LARGEST = 500_000_000  # parameters; the largest network of the five methods has 31 million

Width = Annotated[int, Field(ge=1, le=2048)]
Channels = Annotated[int, Field(ge=1, le=64)]
Side = Annotated[int, Field(ge=1, le=512)]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class PresenceArguments(_Arguments):
    in_channels: Channels = 1
    entry_filters: Width = 32
    filters: Annotated[list[Width], Field(min_length=1, max_length=6)] = [64, 128]
    dense: Annotated[int, Field(ge=1, le=65536)] = 512
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3


class AttentionUNetArguments(_Arguments):
    in_channels: Channels = 2
    classes: Annotated[int, Field(ge=1, le=64)] = 3
    widths: Annotated[list[Width], Field(min_length=2, max_length=7)] = [32, 64, 128, 256, 320]
    heads: Annotated[int, Field(ge=1, le=64)] = 8
    patch: Annotated[list[Side], Field(min_length=3, max_length=3)] = [32, 128, 128]

    @model_validator(mode="after")
    def fits(self) -> AttentionUNetArguments:
        shrink = 2 ** (len(self.widths) - 1)
        if any(side % shrink for side in self.patch):
            raise ValueError(f"patch must be divisible by {shrink} on every axis")
        if self.widths[-1] % self.heads:
            raise ValueError("the last of widths must be divisible by heads")
        return self


class OutlinePresenceArguments(AttentionUNetArguments):
    voxel_ml: Annotated[float, Field(gt=0, le=1)] = 0.015625
    least_ml: Annotated[float, Field(gt=0, le=10)] = 0.1
    slope: Annotated[float, Field(gt=0, le=100)] = 1.0
    offset: Annotated[float, Field(ge=-100, le=100)] = 0.0


class UNet2dArguments(_Arguments):
    in_channels: Channels = 2
    base_filters: Width = 64
    levels: Annotated[int, Field(ge=1, le=6)] = 4
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5


class DenseNet3dOptions(_Arguments):
    growth: Annotated[int, Field(ge=1, le=256)] = 16
    layers: Annotated[
        list[Annotated[int, Field(ge=1, le=64)]], Field(min_length=1, max_length=7)
    ] = [2, 2, 4, 4, 4]
    compression: Annotated[float, Field(gt=0, le=1)] = 0.5
    bottleneck: Annotated[int, Field(ge=0, le=16)] = 4
    stem_filters: Width = 32
    stem_stride: Annotated[int, Field(ge=1, le=4)] = 2
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class DenseNet3dArguments(DenseNet3dOptions):
    in_channels: Channels = 1


class GMGENetArguments(_Arguments):
    in_channels: Channels = 1
    extractor: DenseNet3dOptions = DenseNet3dOptions()
    classifier: DenseNet3dOptions = DenseNet3dOptions(stem_stride=1)


class ParotidArguments(_Arguments):
    in_channels: Channels = 3
    classes: Annotated[int, Field(ge=2, le=64)] = 2
    fusion: Fusion = "late-splice"
    widths: Annotated[list[Width], Field(min_length=2, max_length=2)] = [64, 128]
    roi: Annotated[int, Field(ge=1, le=32)] = 7
    features: Width = 256
    d_model: Width = 256
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    layers: Annotated[int, Field(ge=1, le=24)] = 1
    feed_forward: Annotated[int, Field(ge=1, le=65536)] = 512
    encoder_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5

    @model_validator(mode="after")
    def fits(self) -> ParotidArguments:
        if self.d_model % self.heads:
            raise ValueError("d_model must be divisible by heads")
        fused_channels(self.fusion, self.in_channels)  # raises where they do not go together
        return self


NETWORKS: dict[
    Literal[
        "presence",
        "outline-presence",
        "attention-unet",
        "unet2d",
        "dense-net-3d",
        "parotid",
        "gmgenet",
    ],
    type[_Arguments],
] = {
    "presence": PresenceArguments,
    "outline-presence": OutlinePresenceArguments,
    "attention-unet": AttentionUNetArguments,
    "unet2d": UNet2dArguments,
    "dense-net-3d": DenseNet3dArguments,
    "parotid": ParotidArguments,
    "gmgenet": GMGENetArguments,
}


def check_arguments(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """``arguments`` of network ``name``, defaults filled in. Raises InputError."""
    if name not in NETWORKS:
        raise InputError(f"unknown network {name!r:.60}: known are {', '.join(NETWORKS)}")
    # A card is JSON and has lists; Python callers may well give tuples.
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in arguments.items()}
    try:
        return NETWORKS[name].model_validate(plain).model_dump()
    except ValidationError as error:
        raise InputError(f"network {name} cannot be made: {first_problem(error)}") from error


def make(name: str, arguments: dict[str, Any] | None = None) -> torch.nn.Module:
    """A network with fresh weights, in float32 on the CPU.

    ``name`` is a key of ``NETWORKS``, ``arguments`` its keyword arguments (JSON values).
    Raises InputError for an unknown name, for arguments that do not fit, and for a network of
    more than 500 million parameters, before any memory is taken for it.
    """
    import torch

    from HNCLogic.networks.attention_unet import AttentionUNet
    from HNCLogic.networks.dense_net_3d import DenseNet3d
    from HNCLogic.networks.gmgenet import GMGENet
    from HNCLogic.networks.outline_presence import OutlinePresence
    from HNCLogic.networks.parotid import ParotidNet
    from HNCLogic.networks.presence import PresenceNet
    from HNCLogic.networks.unet2d import UNet2d

    checked = check_arguments(name, arguments or {})
    build = {
        "presence": PresenceNet,
        "outline-presence": OutlinePresence,
        "attention-unet": AttentionUNet,
        "unet2d": UNet2d,
        "dense-net-3d": DenseNet3d,
        "parotid": ParotidNet,
        "gmgenet": GMGENet,
    }[name]
    with torch.device("meta"):  # shapes only
        count = sum(parameter.numel() for parameter in build(**checked).parameters())
    if count > LARGEST:
        raise InputError(
            f"network {name} would have {count:.2g} parameters, the limit is {LARGEST:.0g}: "
            "use smaller widths"
        )
    return build(**checked)
