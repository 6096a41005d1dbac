"""Batches that are computed a part at a time, where memory holds no more."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from HNCLogic.job import Record


class WholeBatches(Record):
    """Settings with a batch of so many micro-batches, none of them cut short."""

    batch: Annotated[int, Field(ge=2)]
    micro_batch: Annotated[int, Field(ge=2)]  # what fits into memory at once

    @model_validator(mode="after")
    def batch_is_whole_micro_batches(self):
        if self.batch % self.micro_batch:
            raise ValueError("batch must be a multiple of micro_batch")
        return self

    @property
    def accumulate(self) -> int:
        """Micro-batches to a batch."""
        return self.batch // self.micro_batch
