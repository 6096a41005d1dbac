"""A graphics card that runs out of memory: fewer windows, then the CPU, each said aloud."""

import pytest
import torch

from HNCLogic.inference.backends import TorchBackend
from HNCLogic.inference.device import choose_device
from HNCLogic.inference.graphics import in_less_memory, windows_at_once


class Card(torch.nn.Module):
    """Doubles; out of memory from ``room`` + 1 windows on, until it is moved to the CPU."""

    def __init__(self, room: int, cpu_room: int = 99):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(2.0))
        self.room, self.cpu_room, self.tried = room, cpu_room, []

    def to(self, *where, **how):
        if where == ("cpu",):
            self.room = self.cpu_room
        return super().to(*where, **how)

    def forward(self, windows):
        self.tried.append(len(windows))
        if len(windows) > self.room:
            raise torch.OutOfMemoryError("as a card says it")
        return windows * self.weight


@pytest.mark.parametrize(
    ("room", "tried", "said"),
    [
        (9, [5, 5], []),
        (1, [5, 2, 1, 1, 1, 1, 1] + [1] * 5, ["2 windows", "1 windows"]),
        (0, [5, 2, 1] + [1] * 10, ["2 windows", "1 windows", "on the CPU"]),
    ],
)
def test_it_goes_on_with_less(room, tried, said):
    card, told = Card(room), []
    run = in_less_memory(TorchBackend(quick=False), card, told.append)
    windows = torch.arange(5.0).reshape(5, 1, 1, 1, 1)
    for _ in range(2):  # what was learnt holds for the next windows, too
        assert torch.equal(run(windows), windows * 2)
    assert card.tried == tried
    assert len(told) == len(said)
    assert all(words in line for words, line in zip(said, told, strict=True))


def test_where_the_cpu_has_not_enough_either_it_is_an_error():
    run = in_less_memory(TorchBackend(quick=False), Card(0, cpu_room=0), lambda words: None)
    with pytest.raises(torch.OutOfMemoryError):
        run(torch.zeros(2, 1, 1, 1, 1))


def test_a_card_that_lacks_an_operation_leaves_it_to_the_cpu():
    class Lacking(Card):
        def forward(self, windows):
            if self.room == 0:
                raise NotImplementedError("aten::slow_conv_transpose3d is not there")
            return super().forward(windows)

    told: list[str] = []
    run = in_less_memory(TorchBackend(quick=False), Lacking(0), told.append)
    windows = torch.arange(3.0).reshape(3, 1, 1, 1, 1)
    assert torch.equal(run(windows), windows * 2)
    assert torch.equal(run(windows), windows * 2)
    assert len(told) == 1
    assert "cannot compute this network" in told[0]


def test_apples_words_for_it_are_understood_and_other_errors_are_not_swallowed():
    class Apple(Card):
        words = "MPS backend out of memory (allocated 1 GB)"

        def forward(self, windows):
            if len(windows) > self.room:
                raise RuntimeError(self.words)
            return windows * self.weight

    told: list[str] = []
    windows = torch.arange(3.0).reshape(3, 1, 1, 1, 1)
    run = in_less_memory(TorchBackend(quick=False), Apple(1), told.append)
    assert torch.equal(run(windows), windows * 2)
    assert len(told) == 1
    other = Apple(1)
    other.words = "sizes do not match"
    with pytest.raises(RuntimeError, match="do not match"):
        in_less_memory(TorchBackend(quick=False), other, told.append)(windows)


def test_apples_graphics_are_taken_only_where_the_cpu_can_go_on(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device().type == "cpu"
    assert choose_device(apple=True).type == "mps"
    assert choose_device("cpu", apple=True).type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device(apple=True).type == "cuda"


def test_windows_at_once_follow_the_free_memory():
    assert windows_at_once(10_000, 1_000) == 6
    assert windows_at_once(100, 1_000) == 1
    assert windows_at_once(10**12, 1_000) == 16
