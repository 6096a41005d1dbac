"""Model folders on disk: written, read, found, added; and every way one is refused."""

import copy
import hashlib
import json
import os
import pickle
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from HNCLogic.errors import InputError
from HNCLogic.explain.grad_cam import heat_stack
from HNCLogic.inference.ensemble import window_probabilities
from HNCLogic.job import Record
from HNCLogic.models import store
from HNCLogic.models.folder import open_model, verify
from HNCLogic.models.listing import show_card, show_models
from HNCLogic.models.store import add_model, find_model, list_models, own_models
from HNCLogic.models.writing import write_model
from HNCLogic.networks.registry import make

ARGUMENTS = {"in_channels": 1, "entry_filters": 2, "filters": [2, 3], "dense": 4}
FIELDS = {
    "name": "tiny",
    "version": "0.1",
    "method": "presence",
    "network": {"name": "presence", "arguments": ARGUMENTS},
    "inputs": [{"role": "PET"}],
    "preprocessing": {"window": 8},
    "classes": ["positive"],
    "threshold": {"value": 0.5, "chosen_by": "hand"},
    "aggregation": "mean",
    "training": {"words": "nothing at all"},
    "intended_use": "Tests.",
    "licence": "Apache-2.0",
}
FIRST, SECOND = "fold-1.safetensors", "fold-2.safetensors"


def trained(seed):
    torch.manual_seed(seed)
    network = make("presence", ARGUMENTS)
    for _ in range(3):
        network(torch.rand(4, 1, 8, 8, 8) * 3)
    return network.eval()


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """No test sees or touches models outside its own folder."""
    torch.set_num_threads(1)
    monkeypatch.setenv("HNC_MODELS", str(tmp_path / "own"))
    monkeypatch.setattr(store, "shipped_models", lambda: tmp_path / "shipped")


@pytest.fixture
def folder(tmp_path):
    write_model(tmp_path / "tiny", FIELDS, [trained(s).state_dict() for s in (1, 2)])
    return tmp_path / "tiny"


def recard(folder, change):
    """Rewrite the card after ``change`` was made to its fields."""
    path = folder / "model.json"
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


def rehash(folder):
    """Make the card's hashes those of the files, so that only what is tested is wrong."""

    def change(fields):
        for each in fields["weights"]:
            held = (folder / each["file"]).read_bytes()
            each["sha256"] = hashlib.sha256(held).hexdigest()

    recard(folder, change)


def reweigh(folder, change):
    """Rewrite fold 2 after ``change`` was made to its tensors, hash and all."""
    tensors = load_file(folder / SECOND)
    change(tensors)
    (folder / SECOND).write_bytes(save(tensors))
    rehash(folder)


def test_what_is_written_is_read_again(folder):
    model = find_model(folder)
    assert sorted(p.name for p in folder.iterdir()) == [FIRST, SECOND, "model.json"]
    assert (model.card.title, model.folds) == ("tiny 0.1", 2)
    hashes = "".join(hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in (FIRST, SECOND))
    assert model.digest == hashlib.sha256(hashes.encode()).hexdigest()
    stack = np.random.default_rng(1).random((1, 12, 8, 8), dtype=np.float32)
    ours = window_probabilities(model.networks(), 2, stack, 8, 4)
    originals = window_probabilities([trained(1), trained(2)], 2, stack, 8, 4)
    assert np.abs(ours - originals).max() < 2e-3  # float16 kernels
    assert np.abs(ours[0] - ours[1]).max() > 1e-3


def test_kernels_are_float16_on_disk_and_float32_in_use(folder):
    tensors = load_file(folder / FIRST)
    kinds = {(t.ndim > 1, t.dtype) for t in tensors.values()}
    assert kinds == {(True, torch.float16), (False, torch.float32)}
    assert not any("num_batches" in name for name in tensors)
    for network in open_model(folder).networks():
        assert not network.training
        floats = [v for v in network.state_dict().values() if v.is_floating_point()]
        assert all(v.dtype == torch.float32 for v in floats)


def test_one_network_takes_each_folds_weights_in_turn(folder):
    seen = [(id(n), n.logit.weight.clone()) for n in open_model(folder).networks()]
    assert len(seen) == 2
    assert seen[0][0] == seen[1][0]
    assert not torch.equal(seen[0][1], seen[1][1])


def test_networks_from_disk_can_be_explained(folder):
    stack = np.random.default_rng(1).random((1, 12, 8, 8), dtype=np.float32)
    model = open_model(folder)
    heat = heat_stack(model.networks(), model.folds, stack, 8, 4)
    expected = heat_stack([trained(1), trained(2)], 2, stack, 8, 4)
    assert np.abs(heat.values - expected.values).max() < 0.02


def _foreign(name):
    return lambda folder: (folder / name).write_bytes(b"x")


def _flip(folder):
    held = bytearray((folder / SECOND).read_bytes())
    held[-3] ^= 1
    (folder / SECOND).write_bytes(held)


def _cut(folder):
    held = (folder / SECOND).read_bytes()
    (folder / SECOND).write_bytes(held[:-100])
    rehash(folder)


def _grow(folder):
    with (folder / SECOND).open("ab") as file:
        file.truncate(3 * 2**20)
    rehash(folder)


def _noise(folder):
    (folder / SECOND).write_bytes(b"\x93\x00\x00\x00\x00\x00\x00\x00" + b"{" * 147)
    rehash(folder)


def _pickled(folder):
    (folder / SECOND).write_bytes(pickle.dumps({"weights": [1, 2]}))
    rehash(folder)


def _link(folder):
    shutil.move(folder / SECOND, folder.parent / "elsewhere")
    (folder / SECOND).symlink_to(folder.parent / "elsewhere")


def _pop(name):
    return lambda folder: reweigh(folder, lambda t: t.pop(name))


def _put(name, tensor):
    return lambda folder: reweigh(folder, lambda t: t.__setitem__(name, tensor))


def _card(change):
    return lambda folder: recard(folder, change)


REFUSALS = {
    "a changed byte": (_flip, r"fold-2\.safetensors is not the file its card names"),
    "a missing fold": (lambda f: (f / SECOND).unlink(), r"lacks fold-2\.safetensors"),
    "no card": (lambda f: (f / "model.json").unlink(), r"has no model\.json"),
    "a card that is no JSON": (lambda f: (f / "model.json").write_text("{"), "not a model card"),
    "an unknown network": (
        _card(lambda c: c["network"].update(name="resnet")),
        "unknown network 'resnet'",
    ),
    "a fold less in the card": (_card(lambda c: c["weights"].pop()), "which its card does not"),
    "a pickle": (_foreign("extra.pkl"), "pickles and code have no place"),
    "a torch file": (_foreign("model.pt"), "pickles and code have no place"),
    "a torch file in capitals": (_foreign("MODEL.PTH"), "pickles and code have no place"),
    "a checkpoint": (_foreign("last.ckpt"), "pickles and code have no place"),
    "a bin": (_foreign("pytorch_model.bin"), "pickles and code have no place"),
    "code": (_foreign("setup.py"), "pickles and code have no place"),
    "a fold too many": (_foreign("fold-3.safetensors"), "which its card does not name"),
    "something else": (_foreign("run.sh"), "which its card does not name"),
    "a folder inside": (lambda f: (f / "more").mkdir(), "not a plain file"),
    "a pipe": (lambda f: os.mkfifo(f / "README.md"), "not a plain file"),
    "a link": (_link, "holds a link"),
    "a pickle called safetensors": (_pickled, r"fold-2\.safetensors is damaged"),
    "noise called safetensors": (_noise, r"fold-2\.safetensors is damaged"),
    "a file cut short": (_cut, r"fold-2\.safetensors is damaged"),
    "a file far too large": (_grow, "larger than its network"),
    "a tensor missing": (_pop("logit.bias"), "does not fit its network: logit.bias is missing"),
    "a tensor too many": (_put("extra", torch.zeros(1)), "'extra' is unknown"),
    "a tensor of another shape": (_put("logit.bias", torch.zeros(2)), r"\(2,\), not \(1,\)"),
    "whole numbers": (_put("logit.bias", torch.zeros(1, dtype=torch.int64)), "torch.int64"),
    "a weight not finite": (_put("logit.bias", torch.tensor([torch.nan])), "not finite"),
    "infinity": (_put("logit.weight", torch.full((1, 4), torch.inf).half()), "not finite"),
    "a network of other widths": (
        _card(lambda c: c["network"]["arguments"].update(filters=[2, 4])),
        "does not fit its network",
    ),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_every_refusal_is_one_line_and_nothing_is_added(folder, what, tmp_path):
    spoil, words = REFUSALS[what]
    spoil(folder)
    with pytest.raises(InputError, match=words) as caught:
        verify(folder)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400 + len(str(folder))
    with pytest.raises(InputError, match=words):
        add_model(folder)
    assert not (tmp_path / "own").exists()


def test_hashes_are_checked_when_a_model_is_found_and_again_when_read(folder):
    model = find_model(folder)
    _flip(folder)
    with pytest.raises(InputError, match="SHA-256 differs"):
        find_model(folder)
    with pytest.raises(InputError, match="SHA-256 differs"):
        list(model.networks())


def test_what_systems_leave_behind_does_no_harm(folder):
    for name in (".DS_Store", "README.md", "LICENSE"):
        (folder / name).write_text("x")
    verify(folder)
    add_model(folder)
    assert sorted(p.name for p in (own_models() / "tiny").iterdir()) == [
        "LICENSE",
        "README.md",
        FIRST,
        SECOND,
        "model.json",
    ]


def test_added_model_is_found_by_name_and_listed(folder):
    added = add_model(folder)
    assert added.folder == own_models() / "tiny"
    assert find_model("tiny").card == added.card
    (listing,) = list_models()
    assert (listing.name, listing.shipped, listing.problem) == ("tiny", False, None)
    assert listing.card.version == "0.1"
    with pytest.raises(InputError, match="is there already"):
        add_model(folder)


def test_shipped_models_come_first_and_names_must_not_be_double(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "shipped" / "tiny")
    assert find_model("tiny").folder == tmp_path / "shipped" / "tiny"
    with pytest.raises(InputError, match="is there already"):
        add_model(folder)
    shutil.copytree(folder, own_models() / "tiny")
    with pytest.raises(InputError, match="two models are called tiny"):
        find_model("tiny")
    assert [each.shipped for each in list_models()] == [True, False]


def test_broken_model_is_listed_with_its_problem(folder):
    add_model(folder)
    (own_models() / "tiny" / SECOND).unlink()
    (own_models() / "empty").mkdir()
    (own_models() / ".hidden").mkdir()
    assert [(m.name, m.card) for m in list_models()] == [("empty", None), ("tiny", None)]
    assert "lacks fold-2" in list_models()[1].problem
    with pytest.raises(InputError, match="lacks fold-2"):
        find_model("tiny")


def test_model_that_is_not_there(folder, tmp_path):
    with pytest.raises(InputError, match=r"no model called 'other'.*no model is installed"):
        find_model("other")
    add_model(folder)
    with pytest.raises(InputError, match="known are tiny"):
        find_model(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="tiny is for method presence, not tumour-volume: none"):
        find_model("tiny", method="tumour-volume")
    assert find_model("tiny", method="presence").card.name == "tiny"
    (own_models() / "tiny").rename(own_models() / "renamed")
    assert "holds model tiny: rename the folder" in list_models()[0].problem


class Preparation(Record):
    window: int
    stride: int = 4


def test_preprocessing_is_the_methods_to_check(folder):
    assert open_model(folder).preparation(Preparation) == Preparation(window=8)
    recard(folder, lambda c: c["preprocessing"].update(window="wide"))
    with pytest.raises(InputError, match=r"model\.json does not fit: preprocessing\.window: "):
        open_model(folder).preparation(Preparation)
    recard(folder, lambda c: c.update(preprocessing={"window": 8, "colour": "red"}))
    with pytest.raises(InputError, match=r"preprocessing\.colour: Extra inputs"):
        open_model(folder).preparation(Preparation)


def test_models_are_shown_to_people_and_to_programs(folder, capsys):
    add_model(folder)
    (own_models() / "broken").mkdir()
    show_models(as_json=False)
    shown = capsys.readouterr().out
    assert "tiny 0.1  (your own)  method presence, from PET\n    trained on nothing at all" in shown
    assert "broken  (your own)  CANNOT BE USED" in shown
    show_models(as_json=True)
    broken, tiny = json.loads(capsys.readouterr().out)
    assert (broken["problem"] is None, tiny["problem"], tiny["inputs"]) == (False, None, ["PET"])
    show_card("tiny", as_json=False)
    shown = capsys.readouterr().out
    assert "threshold     0.5, hand" in shown
    assert "2 folds" in shown
    show_card(str(folder), as_json=True)
    assert json.loads(capsys.readouterr().out)["weights"][1]["fold"] == 2


def borrowing(folder, name="borrower"):
    """A model beside ``folder`` whose weights are that one's."""
    made = folder.parent / name
    made.mkdir(parents=True)
    shutil.copy(folder / "model.json", made)
    recard(made, lambda fields: fields.update(name=name, weights_of=folder.name))
    return made


def test_a_model_may_have_the_weights_of_the_one_beside_it(folder):
    made = borrowing(folder)
    model = verify(made)
    assert model.digest == open_model(folder).digest
    ours, theirs = (next(iter(one.networks())) for one in (model, open_model(folder)))
    assert torch.equal(ours.logit.weight, theirs.logit.weight)
    (folder / FIRST).write_bytes(b"another")
    with pytest.raises(InputError, match="SHA-256 differs"):
        verify(made)
    (folder / FIRST).unlink()
    with pytest.raises(InputError, match="lacks fold-1"):
        open_model(made)


def test_a_model_whose_weights_are_not_there_is_refused(folder, tmp_path):
    made = borrowing(folder)
    with pytest.raises(InputError, match="add that one first"):
        add_model(made)  # the copy would be alone
    add_model(folder)
    assert add_model(made).weights_folder == own_models() / "tiny"
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="weights from the model tiny, which is not there"):
        open_model(made)
    recard(made, lambda fields: fields.update(weights_of="../tiny"))
    with pytest.raises(InputError, match="weights_of"):
        open_model(made)
    recard(made, lambda fields: fields.update(weights_of="borrower"))
    with pytest.raises(InputError, match="names another model"):
        open_model(made)


def test_writing_is_whole_or_not_at_all(tmp_path):
    state = trained(1).state_dict()
    broken = {**state, "logit.bias": torch.tensor([torch.nan])}
    with pytest.raises(ValueError, match="not finite"):
        write_model(tmp_path / "new", FIELDS, [state, broken])
    huge = {**state, "logit.weight": torch.full((1, 4), 1e6)}
    with pytest.raises(ValueError, match=r"not finite numbers of torch\.float16"):
        write_model(tmp_path / "new", FIELDS, [huge])
    foreign = {k: v for k, v in state.items() if k != "logit.bias"}
    with pytest.raises(InputError, match=r"logit\.bias is missing"):
        write_model(tmp_path / "new", FIELDS, [state, foreign])
    fields = copy.deepcopy(FIELDS)
    fields["aggregation"] = "least"
    with pytest.raises(InputError, match="the card does not fit: aggregation"):
        write_model(tmp_path / "new", fields, [state])
    assert list(tmp_path.iterdir()) == []
    write_model(tmp_path / "new", FIELDS, [state])
    with pytest.raises(InputError, match="not empty"):
        write_model(tmp_path / "new", FIELDS, [state])


@pytest.mark.parametrize(
    ("platform", "variables", "ends"),
    [
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/hnc/models"),
        ("linux", {}, ".local/share/hnc/models"),
        ("darwin", {}, "Library/Application Support/HNC/Models"),
        ("win32", {"LOCALAPPDATA": "/users/me/local"}, "/users/me/local/HNC/Models"),
        ("linux", {"HNC_MODELS": "/elsewhere"}, "/elsewhere"),
    ],
)
def test_own_models_lie_where_the_system_keeps_data(monkeypatch, platform, variables, ends):
    for name in ("HNC_MODELS", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert own_models().as_posix().endswith(ends)
