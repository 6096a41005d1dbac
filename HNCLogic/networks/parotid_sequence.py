"""Second stage of Liu 2022: from the vectors of a tumour's slices to the kind of tumour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn


@dataclass
class SequenceReading:
    """What the second stage says of each patient, and what it rests on.

    ``attention`` (batch, slice): the share of attention that each slice receives, mean over heads
    and over the slices that give it, of the last layer. ``contribution`` (batch, slice): the
    share of the pooled values that come from each slice. Both are 0 at empty places, sum to 1.
    """

    logits: torch.Tensor
    attention: torch.Tensor
    contribution: torch.Tensor


class EncoderLayer(nn.Module):
    """Self-attention and a feed-forward network, each added and normalised: Vaswani 2017, 3.1.

    Parameters are named as in ``nn.TransformerEncoderLayer``; unlike that it gives its attention.
    """

    def __init__(self, d_model: int, heads: int, feed_forward: int, dropout: float):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(d_model, heads, dropout, batch_first=True)
        self.linear1 = nn.Linear(d_model, feed_forward)
        self.linear2 = nn.Linear(feed_forward, d_model)
        self.norm1 = nn.LayerNorm(d_model)
        self.norm2 = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor, present: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch, slice, d_model) and the attention (batch, from slice, to slice)."""
        attended, weights = self.self_attn(x, x, x, key_padding_mask=~present)
        x = self.norm1(x + self.dropout(attended))
        forward = self.linear2(self.dropout(torch.relu(self.linear1(x))))
        return self.norm2(x + self.dropout(forward)), weights


class SequenceClassifier(nn.Module):
    """Transformer encoder over a tumour's slices, max-pool over them, fully connected.

    Liu 2022: one layer, four heads, dropout 0.5 before the last layer. The vectors of several
    ``branches`` (sequences, or triplets of them) are fused first, by ``fusion``: added, or
    spliced into one longer vector. Where the paper is silent: a linear layer to ``d_model``,
    sine encoding of the slice's place, ``feed_forward`` 512, ``encoder_dropout`` 0.1.

    Takes vectors (batch, slice, branch, features) and ``present`` bool (batch, slice), False
    where a place is empty because another patient has more slices: what stands there changes
    nothing. Gives logits (batch, classes). Raises ValueError where a patient has no slice.
    """

    def __init__(
        self,
        classes: int = 2,
        branches: int = 1,
        fusion: Literal["add", "splice"] = "splice",
        features: int = 256,
        d_model: int = 256,
        heads: int = 4,
        layers: int = 1,
        feed_forward: int = 512,
        encoder_dropout: float = 0.1,
        dropout: float = 0.5,
    ):
        super().__init__()
        self.fusion = fusion
        self.entry = nn.Linear(features * (branches if fusion == "splice" else 1), d_model)
        self.layers = nn.ModuleList(
            EncoderLayer(d_model, heads, feed_forward, encoder_dropout) for _ in range(layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(d_model, classes)

    def read(self, vectors: torch.Tensor, present: torch.Tensor) -> SequenceReading:
        """Logits with attention and contribution of each slice."""
        if not bool(present.any(dim=1).all()):
            raise ValueError("a patient without a slice cannot be classified")
        # Set to 0, not multiplied: what stands at an empty place may be anything, even NaN.
        vectors = vectors.masked_fill(~present[:, :, None, None], 0.0)
        fused = vectors.sum(dim=2) if self.fusion == "add" else vectors.flatten(2)
        x = self.entry(fused)
        x = x + slice_places(x.shape[1], x.shape[2]).to(x)
        for layer in self.layers:
            x, weights = layer(x, present)
        filled = x.masked_fill(~present[:, :, None], -math.inf)
        pooled, winner = filled.max(dim=1)
        count = present.sum(dim=1, keepdim=True)
        # An empty place gives attention, too, which counts for nothing.
        attention = (weights * present[:, :, None]).sum(dim=1) / count
        won = nn.functional.one_hot(winner, x.shape[1]).float().mean(dim=1)
        return SequenceReading(self.logits(self.dropout(pooled)), attention, won)

    def forward(self, vectors: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        return self.read(vectors, present).logits


def slice_places(slices: int, d_model: int) -> torch.Tensor:
    """Sine and cosine encoding of places 0 … slices - 1, (slices, d_model): Vaswani 2017, 3.5."""
    place = torch.arange(slices, dtype=torch.float32)[:, None]
    pace = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
    code = torch.zeros(slices, d_model)
    code[:, 0::2] = torch.sin(place * pace)
    code[:, 1::2] = torch.cos(place * pace[: d_model // 2])
    return code
