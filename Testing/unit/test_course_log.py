"""The log of a training: each epoch once, in a table, in TensorBoard's events, as curves."""

import csv

import numpy as np
import pytest

from HNCLogic.training.course_log import EVENTS, LOG, CourseLog, draw_curves


def history(epochs, seed=0):
    chance = np.random.default_rng(seed)
    return [
        {
            "epoch": n, "loss": float(np.exp(-n / 9) + 0.05 * chance.random()),
            "AUC": float(0.9 - 0.4 * np.exp(-n / 6) + 0.02 * chance.random()), "skipped": 0,
        }
        for n in range(1, epochs + 1)
    ]  # fmt: skip


def test_each_epoch_stands_in_it_once_however_often_it_is_told(tmp_path):
    log = CourseLog(tmp_path)
    whole = history(5)
    for n in range(1, 4):
        log(whole[:n])
    log.close()
    log = CourseLog(tmp_path)  # a resumed run tells all from the start
    for n in range(4, 6):
        log(whole[:n])
    log.close()
    with (tmp_path / LOG).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5]
    assert float(rows[2]["loss"]) == pytest.approx(whole[2]["loss"], rel=1e-5)


def test_tensorboard_reads_it(tmp_path):
    from tensorboardX.proto.event_pb2 import Event

    log = CourseLog(tmp_path)
    log(history(3))
    log.close()
    (path,) = (tmp_path / EVENTS).glob("events.*")
    held, found = path.read_bytes(), {}
    while held:
        length = int.from_bytes(held[:8], "little")
        event = Event.FromString(held[12 : 12 + length])
        for value in event.summary.value:
            found[value.tag, event.step] = value.simple_value
        held = held[16 + length :]
    assert found["loss", 2] == pytest.approx(history(3)[1]["loss"], rel=1e-5)
    assert {step for tag, step in found if tag == "AUC"} == {1, 2, 3}


def test_curves_are_drawn(tmp_path):
    from PIL import Image

    draw_curves(tmp_path / "curves.png", {n: history(30, n) for n in range(1, 6)}, "AUC")
    picture = np.asarray(Image.open(tmp_path / "curves.png").convert("RGB")).astype(int)
    assert picture.shape == (540, 1350, 3)
    marked = np.abs(picture - (0xB4, 0x43, 0x2F)).sum(axis=2) < 12
    for half in (marked[:, :675], marked[:, 675:]):
        assert half.sum() > 5 * 20  # the five kept epochs
