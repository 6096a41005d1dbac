"""What a model card may say, and every way in which it may not."""

import copy
import json

import pytest

from HNCLogic.errors import InputError
from HNCLogic.models.card import LARGEST_CARD, card_of, parse_card, read_card

PRESENCE = {
    "format": "hnc-model",
    "format_version": 1,
    "name": "presence-pet",
    "version": "0.1",
    "method": "presence",
    "network": {"name": "presence", "arguments": {"in_channels": 2}},
    "inputs": [{"role": "PET", "required": True}, {"role": "MR", "required": False}],
    "preprocessing": {"field_mm": 256.0, "suv_window": [0.0, 25.0], "pet_intensity": "suv"},
    "classes": ["negative", "positive"],
    "threshold": {"value": 0.5, "per_fold": [0.4, 0.6], "chosen_by": "equitability"},
    "aggregation": "mean",
    "training": {"words": "simulated patients", "data": ["simulated"], "counts": {"patients": 9}},
    "metrics": [{"name": "AUC", "value": 0.9, "low": 0.8, "high": 0.95, "data": "held out"}],
    "intended_use": "Research only.\nNot for diagnosis.",
    "licence": "Apache-2.0",
    "defaults_taken": ["stride 2 on entering the second stage"],
    "weights": [
        {"file": "fold-1.safetensors", "sha256": "0" * 64, "fold": 1},
        {"file": "fold-2.safetensors", "sha256": "a" * 64, "fold": 2},
    ],
}
VOLUME = {
    **PRESENCE,
    "name": "tumour-volume-petct",
    "method": "tumour-volume",
    "network": {"name": "attention-unet"},
    "inputs": [{"role": "PET"}, {"role": "CT", "required": False}],
    "classes": ["background", "primary", "node"],
    "threshold": None,
    "aggregation": None,
}


def changed(card, path, value):
    """A copy of ``card`` with the value at the dotted ``path`` set, or removed (None given)."""
    out = copy.deepcopy(card)
    *way, last = path.split(".")
    at = out
    for step in way:
        at = at[int(step)] if step.isdigit() else at[step]
    last = int(last) if last.isdigit() else last
    if value is None:
        del at[last]
    else:
        at[last] = value
    return out


PAROTID = {
    **PRESENCE,
    "name": "parotid-mr",
    "method": "parotid",
    "network": {"name": "parotid"},
    "inputs": [{"role": "T2"}, {"role": "CE-T1"}, {"role": "DWI-b1000"}],
    "classes": ["benign", "malignant"],
    "threshold": None,
    "aggregation": None,
}


@pytest.mark.parametrize("fields", [PRESENCE, VOLUME, PAROTID])
def test_good_cards_survive_json(fields):
    card = parse_card(json.dumps(fields).encode(), "model.json")
    again = parse_card(card.model_dump_json().encode(), "model.json")
    assert again == card
    assert card.title == f"{fields['name']} 0.1"


def test_network_arguments_come_back_with_their_defaults_filled_in():
    card = card_of(PRESENCE, "card")
    assert card.network.arguments["filters"] == [64, 128]
    assert card.network.arguments["in_channels"] == 2


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("format", "keras", '"format": "hnc-model"'),
        ("format", None, '"format": "hnc-model"'),
        ("format_version", 2, "format version 2, this HNC reads 1"),
        ("name", "../evil", "name"),
        ("name", "Presence", "name"),
        ("name", None, "name: Field required"),
        ("version", "latest", "version"),
        ("method", "horoscope", "method"),
        ("network.name", "resnet", "unknown network 'resnet'"),
        ("network.arguments", {"in_channels": 2, "filters": [10**12]}, r"network.*filters"),
        ("network.arguments", {"in_channels": 1}, "takes 1 channels, inputs has 2"),
        ("network.name", "attention-unet", 'needs network "presence"'),
        ("inputs", [], "inputs"),
        ("inputs.1.role", "PET", "stands twice"),
        ("inputs.1.role", "X-ray", r"inputs\.1\.role"),
        ("inputs.0.required", "yes", r"inputs\.0\.required"),
        ("threshold", None, "needs a threshold"),
        ("threshold.value", 1.5, r"threshold\.value"),
        ("threshold.value", "0.5", r"threshold\.value"),
        ("threshold.per_fold", [0.5], "one threshold per fold"),
        ("aggregation", "least", "aggregation"),
        ("aggregation", None, "an aggregation"),
        ("metrics.0.low", 0.95, "must lie in its interval"),
        ("metrics.0.high", None, "two ends"),
        ("weights", [], "weights"),
        ("weights.1.fold", 3, r"fold 3 must be fold-3\.safetensors"),
        ("weights.0.file", "../fold-1.safetensors", "must be fold-1.safetensors"),
        ("weights.0.file", "/etc/passwd", "must be fold-1.safetensors"),
        ("weights.0.file", "fold-1.pt", "must be fold-1.safetensors"),
        ("weights.0.sha256", "0" * 63, "sha256"),
        ("weights.0.sha256", "G" * 64, "sha256"),
        ("weights.0", None, "numbered 1, 2"),
        ("licence", "Apache\n2.0", "licence"),
        ("licence", "\x1b[2J", "cannot be shown"),
        ("intended_use", "safe \u202e esu", "cannot be shown"),
        ("intended_use", "\ud800", "cannot be shown"),
        ("intended_use", "x" * 30_000, "intended_use"),
        ("preprocessing.\x07", 1, "cannot be shown"),
        ("preprocessing.deep", [[[[[[[[[1]]]]]]]]], "within each other"),
        ("preprocessing.big", 10**30, "too large"),
        ("surprise", 1, "surprise: Extra inputs are not permitted"),
    ],
)
def test_what_a_card_may_not_say(path, value, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_card(json.dumps(changed(PRESENCE, path, value)).encode(), "model.json")
    assert str(caught.value).startswith("model.json ")
    assert "\n" not in str(caught.value)
    assert "Value error" not in str(caught.value)  # pydantic's words, not ours
    assert len(str(caught.value)) < 500


def test_tumour_volume_names_as_many_classes_as_its_network_has():
    with pytest.raises(InputError, match="network has 3 classes, classes names 2"):
        card_of(changed(VOLUME, "classes.2", None), "card")
    with pytest.raises(InputError, match='needs network "attention-unet"'):
        card_of(changed(VOLUME, "network", PRESENCE["network"]), "card")


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("classes.0", "adenoma", None),
        ("classes.1", "cancer", "one of them must be malignant"),
        ("classes.0", "malignant", "must differ"),
        ("inputs.0.role", "MR", "MR sequences by name"),
        ("inputs.0.required", False, "each of its inputs"),
        ("threshold", PRESENCE["threshold"], "no threshold"),
        ("network.arguments", {"classes": 4}, "has 4 classes, classes names 2"),
    ],
)
def test_what_a_card_for_the_parotid_may_say(path, value, words):
    fields = changed(PAROTID, path, value)
    if words is None:
        assert card_of(fields, "card").classes == ["adenoma", "malignant"]
        return
    with pytest.raises(InputError, match=words):
        card_of(fields, "card")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not a model card"),
        (b"\xff\xfe\x00", "it is not UTF-8"),
        (b"[1, 2]", "does not say"),
        (b'"hnc-model"', "does not say"),
        (b'{"format": "hnc-model", "format": "hnc-model"}', "stands twice"),
        (b'{"format": NaN}', "NaN is not a number"),
        (b'{"format": -Infinity}', "-Infinity is not a number"),
        (b'{"format": 1e999}', "too large"),
        (b'{"format": ' + b"9" * 5000 + b"}", "not a model card"),
        (b"[" * 100_000, "too deep|not a model card"),
        (b" " * (LARGEST_CARD + 1), "larger than"),
    ],
)
def test_text_that_is_no_card(text, words):
    with pytest.raises(InputError, match=words) as caught:
        parse_card(text, "model.json")
    assert len(str(caught.value)) < 400


def test_several_findings_are_one_line():
    fields = changed(changed(PRESENCE, "name", "?"), "version", "?")
    with pytest.raises(InputError, match=r"does not fit: name: .* \(and 1 more\)$"):
        card_of(fields, "card")


def test_folder_without_a_card(tmp_path):
    with pytest.raises(InputError, match=r"has no model\.json: not a model folder"):
        read_card(tmp_path)
    (tmp_path / "model.json").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        read_card(tmp_path)
