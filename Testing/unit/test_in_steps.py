"""Work in steps, done at once or told in other words: what it returns, and what closing does."""

import pytest

from HNCLogic.in_steps import at_once, retold


@pytest.fixture
def happened() -> list[str]:
    return []


def work(happened, count):
    try:
        for step in range(count):
            happened.append(f"step {step}")
            yield step / count
        return "made"
    finally:
        happened.append("cleaned up")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_at_once_does_every_step_and_gives_the_outcome(happened, count):
    assert at_once(work(happened, count)) == "made"
    assert happened == [f"step {n}" for n in range(count)] + ["cleaned up"]


def test_retold_says_it_in_other_words_and_returns_the_outcome(happened):
    def whole():
        outcome = yield from retold(work(happened, 4), lambda share: f"{share:.0%}")
        yield outcome

    assert list(whole()) == ["0%", "25%", "50%", "75%", "made"]


def test_retold_closed_half_way_closes_the_work_at_once(happened):
    kept = work(happened, 4)  # a reference of ours: nothing is collected by itself
    steps = retold(kept, str)
    assert next(steps) == "0.0"
    steps.close()
    assert happened == ["step 0", "cleaned up"]
    with pytest.raises(StopIteration):
        next(kept)


def test_what_goes_wrong_in_a_step_comes_out(happened):
    def failing():
        yield 0.0
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        at_once(failing())
    with pytest.raises(OSError, match="disk is full"):
        list(retold(failing(), str))
