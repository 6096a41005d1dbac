"""Evaluation of method 4: Tables II to IV and the reader, against scikit-learn and by hand."""

import csv
import json
from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace

import numpy as np
import pytest

from HNCLogic.evaluation import run
from HNCLogic.evaluation.parotid_answers import Answer
from HNCLogic.evaluation.parotid_scores import compared, scored, sequences, slices
from HNCLogic.methods.parotid import KINDS, SUBTYPES
from Testing.tiny_models import WORDS
from Testing.unit.small_parotids import write_parotids

ROLES = ["T2", "CE-T1", "DWI-b1000"]
SMALL = {"widths": [2, 4], "roi": 2, "features": 4, "d_model": 4, "feed_forward": 4}


def answer(patient, label, said, subtype=None, alone=()):
    asked = SimpleNamespace(scan=SimpleNamespace(patient=patient), label=label, reader=None)
    return Answer(asked, subtype, said, {"T2": np.array(alone, float).reshape(-1, 2)}, [])


@pytest.fixture(scope="module")
def answers():
    """Sixty patients, four classes, one model that knows something and one that does not."""
    rng = np.random.default_rng(3)
    found = []
    for number in range(60):
        kind = int(rng.integers(4))
        good, blind = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))
        good[kind] += 0.5
        said = {"late-splice": good / 1.5, "T2": blind}
        alone = rng.dirichlet(np.ones(2), rng.integers(2, 6))
        found.append(answer(f"p{number}", kind == 3, said, SUBTYPES[kind], alone))
    return found


@pytest.mark.parametrize("number", [-1, 0, 2])
def test_figures_are_scikit_learns(answers, number):
    from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

    cases = sequences(answers, "late-splice", number)
    found = scored(cases, repeats=200)
    said = np.stack([one.sequences["late-splice"] for one in answers])
    truth = np.array([SUBTYPES.index(one.subtype) for one in answers]) == number % 4
    called = said.argmax(axis=1) == number % 4
    assert found.accuracy.value == pytest.approx(accuracy_score(truth, called))
    assert found.sensitivity.value == pytest.approx(recall_score(truth, called))
    assert found.specificity.value == pytest.approx(recall_score(~truth, ~called))
    assert found.auc.value == pytest.approx(roc_auc_score(truth, said[:, number]))
    for one in (found.accuracy, found.sensitivity, found.specificity, found.auc):
        assert one.low < one.value < one.high


def test_slices_of_a_patient_are_not_so_many_patients(answers):
    from sklearn.metrics import roc_auc_score

    # Every slice ten times: no more is known than before.
    more = [replace(one, slices={"T2": np.repeat(one.slices["T2"], 10, 0)}) for one in answers]
    once, often = (scored(slices(each, "T2"), repeats=300) for each in (answers, more))
    assert often.of == 10 * once.of
    assert often.accuracy == pytest.approx(once.accuracy)
    truth = np.repeat([o.asked.label for o in answers], [len(o.slices["T2"]) for o in answers])
    said = np.concatenate([o.slices["T2"][:, 1] for o in answers])
    assert once.auc.value == pytest.approx(roc_auc_score(truth, said))


def test_a_model_that_knows_is_told_from_one_that_does_not(answers):
    found = compared(answers, "late-splice", "T2")
    assert found.difference.low > 0.1
    assert found.p < 0.01
    assert compared(answers, "T2", "T2").p == 1
    assert compared([one for one in answers if one.asked.label], "late-splice", "T2") is None


def write_model(folder, name, classes, roles, fusion):
    import torch

    from HNCLogic.models.writing import write_model as write
    from HNCLogic.networks.registry import make

    arguments = SMALL | {"in_channels": len(roles), "classes": len(classes), "fusion": fusion}
    states = [make("parotid", arguments).state_dict() for _ in range(2)]
    for state in states:  # so that random networks do not all say one thing
        state["sequence.logits.weight"] *= 5
    card = {
        **WORDS, "name": name, "method": "parotid",
        "network": {"name": "parotid", "arguments": arguments},
        "inputs": [{"role": role} for role in roles],
        "preprocessing": {"pixels": 40, "field_mm": 90.0}, "classes": list(classes),
    }  # fmt: skip
    write(folder, card, states)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("classes", [KINDS, SUBTYPES], ids=["kinds", "subtypes"])
def test_evaluation_of_a_run_prints_all_three_tables_and_the_reader(classes, tmp_path):
    """A run's folder by hand: its models, and which fold judges whom."""
    import torch

    torch.manual_seed(5)
    torch.set_num_threads(1)
    path = write_parotids(tmp_path / "cohort", 8)
    folder = tmp_path / "run"
    folder.mkdir()
    write_model(folder / "model", "tiny-parotid", classes, ROLES, "late-splice")
    for role in ROLES:
        write_model(
            folder / "beside" / role, f"tiny-{role.lower()}", classes, [role], "late-splice"
        )
    write_model(folder / "beside" / "early", "tiny-early", classes, ROLES, "early")
    about = {"method": "parotid", "cohort": str(path)}
    about["cohort_sha256"] = sha256(path.read_bytes()).hexdigest()
    (folder / "run.json").write_text(json.dumps(about))
    lines = [f"p{n:02d}/1,{1 + n // 4}" for n in range(8)]
    (folder / "out_of_fold.csv").write_text("\n".join(["scan,fold", *lines]) + "\n")

    summary = run.evaluate(run.Order(str(folder), tmp_path / "out"))
    tables = (tmp_path / "out" / "tables.md").read_text()
    for words in ("Table II of", "Table III of", "Radiologist", "single image", "Early-fusion",
                  "T2 / CE-T1 / DWI-b1000", "Model beside reader, 8 scans"):  # fmt: skip
        assert words in tables
    assert ("Table IV of" in tables) == (classes is SUBTYPES)
    assert (tmp_path / "out" / "figures" / "malignancy-roc.png").stat().st_size > 10_000
    figures = summary["figures"]["malignancy"]
    assert set(figures["sequences"]) == {"late-splice", "early", *ROLES}
    assert set(figures["slices"]) == {*ROLES, " + ".join(ROLES)}
    rows = list(csv.DictReader((tmp_path / "out" / "scans.csv").open()))
    assert [row["fold"] for row in rows] == ["1"] * 4 + ["2"] * 4
    assert [row["label"] for row in rows] == ["0", "1"] * 4
    for row in rows:
        said = [float(row[name]) for name in classes]
        assert sum(said) == pytest.approx(1)
        assert row["called"] == classes[int(np.argmax(said))]
    from sklearn.metrics import roc_auc_score

    truth = [row["label"] == "1" for row in rows]
    assert figures["sequences"]["late-splice"]["auc"]["value"] == pytest.approx(
        roc_auc_score(truth, [float(row["malignant"]) for row in rows])
    )
    # The reader's five points, 2 + number % 3.
    assert figures["reader"]["reader_auc"]["value"] == pytest.approx(
        roc_auc_score(truth, [2 + n % 3 for n in range(8)])
    )
