"""What pydantic finds becomes words for the user: the place, our own words, none of pydantic's."""

import pytest
from pydantic import BaseModel, ValidationError, model_validator

from HNCLogic.errors import InputError, first_problem
from HNCLogic.networks.registry import check_arguments


class Interval(BaseModel):
    low: float = 0.0
    high: float = 1.0

    @model_validator(mode="after")
    def in_order(self):
        if self.low > self.high:
            raise ValueError("low over high")
        return self


class Several(BaseModel):
    intervals: list[Interval]


@pytest.mark.parametrize(
    ("record", "values", "within", "words"),
    [
        (Interval, {"low": 2}, (), "low over high"),
        (Interval, {"low": 2}, ("part",), "part: low over high"),
        (Several, {"intervals": [{"low": 2}]}, (), "intervals.0: low over high"),
        (Several, {"intervals": [{"low": 2}]}, ("p",), "p.intervals.0: low over high"),
        (Several, {"intervals": [{"low": 2}] * 2}, (), "intervals.0: low over high (and 1 more)"),
        (Several, {}, (), "intervals: Field required"),
    ],
)  # fmt: skip
def test_the_place_and_our_own_words(record, values, within, words):
    with pytest.raises(ValidationError) as caught:
        record(**values)
    assert first_problem(caught.value, *within) == words


def test_a_network_that_cannot_be_made_says_why_in_our_words():
    words = "network attention-unet cannot be made: the last of widths must be divisible by heads"
    with pytest.raises(InputError) as caught:
        check_arguments("attention-unet", {"heads": 7})
    assert str(caught.value) == words
