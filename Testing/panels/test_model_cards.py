"""Model cards in a panel: true to the model, told without a package, safe from what a card says."""

import json
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from PySide6 import QtGui, QtWidgets

from HNCLogic import RESEARCH_USE
from HNCLogic.models import listing, places
from HNCLogic.models.plain_card import CARD_FILE, LARGEST_CARD
from HNCLogic.models.store import find_model, list_models

SHIPPED = {"presence": "presence-petct", "tumour-volume": "tumour-volume-petct"}
HOSTILE = "<script>alert(1)</script><img src='http://example.org/x.png'><b>\"&'"
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch) -> Path:
    """The user's own models, none at first."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("HNC_MODELS", str(folder))
    return folder


@pytest.fixture
def model_cards(host):
    from HNCLogic.panels import model_cards

    yield model_cards
    for dialog in list(model_cards._shown):
        dialog.close()
    host.process_events()


def copy_of(model: str, folder: Path, /, **changes) -> Path:
    """A shipped model under another name, with a changed card; None takes a field away."""
    shutil.copytree(places.shipped_models() / model, folder)
    card = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    card |= {"name": folder.name} | changes
    card = {key: value for key, value in card.items() if value is not ...}
    (folder / CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    return folder


def words_of(page: str) -> str:
    text = re.sub(r"<[^>]+>", " ", page).replace("\N{ZERO WIDTH SPACE}", "")
    return " ".join(unescape(text).split())


@pytest.mark.parametrize("method", SHIPPED)
def test_the_list_agrees_with_the_models(model_cards, own, method):
    copy_of(SHIPPED[method], own / "mine")
    found = model_cards.cards(method)
    known = [each for each in list_models() if each.card.method == method]
    names = [one.name for one in found]
    assert names == [each.name for each in known]
    assert SHIPPED[method] in names
    assert names[-1] == "mine"
    for one, each in zip(found, known, strict=True):
        assert one.problem == ""
        assert one.folder == each.folder
        assert one.shipped == each.shipped
        assert one.title == each.card.title
        assert one.method == each.card.method
        assert one.aggregation == each.card.aggregation
        assert one.threshold == (each.card.threshold.value if each.card.threshold else None)
        assert one.roles == tuple(i.role for i in each.card.inputs)
        assert one.required == tuple(i.role for i in each.card.inputs if i.required)
        assert one.trained_on == each.card.training.words


@pytest.mark.parametrize("name", SHIPPED.values())
def test_the_page_says_all_that_the_command_line_says(model_cards, name):
    model = find_model(name)
    words = words_of(model_cards.card_html(model.folder))
    assert model.card.title in words
    assert RESEARCH_USE in words
    assert model.digest in words
    assert f"{model.folds} folds" in words
    told = listing._rows(model.card)
    assert {"trained on", "measured", "intended use", "licence", "default"} <= {
        heading for heading, _ in told
    }
    for heading, text in told:
        if heading in ("measured", "method"):  # said in other words: below
            continue
        for line in text.split("\n"):
            assert " ".join(line.split()) in words, heading
    for metric in model.card.metrics:
        interval = "" if metric.low is None else f" ({metric.low:.3g} to {metric.high:.3g})"
        assert (
            f"{metric.name} {metric.value:.3g} {interval} {metric.data}".replace("  ", " ") in words
        )


def test_intervals_are_told(model_cards, own):
    metric = {
        "name": "AUC",
        "value": 0.9,
        "low": 0.85,
        "high": 0.94,
        "data": "40 held-out patients",
    }
    folder = copy_of("presence-pet", own / "mine", metrics=[metric])
    assert "AUC 0.9 (0.85 to 0.94) 40 held-out patients" in words_of(model_cards.card_html(folder))
    folder = copy_of("presence-pet", own / "unmeasured", metrics=[])
    assert "Nothing was measured" in words_of(model_cards.card_html(folder))


def test_what_a_card_says_is_text(model_cards, own):
    training = {"words": f"trained on {HOSTILE}", "data": [HOSTILE], "counts": {HOSTILE: 3}}
    metric = {"name": HOSTILE, "value": 1, "data": HOSTILE}
    folder = copy_of(
        "presence-pet",
        own / "mine",
        training=training,
        metrics=[metric],
        intended_use=HOSTILE,
        licence=HOSTILE,
        classes=[HOSTILE],
        defaults_taken=[HOSTILE],
        preprocessing={HOSTILE: HOSTILE},
        inputs=[{"role": HOSTILE}],
    )
    page = model_cards.card_html(folder, {"accent": "#123456", "quiet": "#654321"})
    tags = set(re.findall(r"</?(\w+)", page))
    assert tags == {"h2", "h3", "p", "b", "ul", "li", "table", "tr", "td", "th", "span"}
    assert words_of(page).count(HOSTILE) >= 9
    document = QtGui.QTextDocument()
    document.setHtml(page)
    assert HOSTILE in document.toPlainText().replace("\N{ZERO WIDTH SPACE}", "")


BROKEN = {
    "no-card": (lambda folder: (folder / CARD_FILE).unlink(), "has no model.json"),
    "not-json": (lambda folder: (folder / CARD_FILE).write_text("{"), "is not a model card"),
    "not-text": (lambda folder: (folder / CARD_FILE).write_bytes(b"\xff\xfe\x00"), "not UTF-8"),
    "too-large": (
        lambda folder: (folder / CARD_FILE).write_bytes(b" " * (LARGEST_CARD + 1)),
        "larger than 1000 kB",
    ),
    "too-deep": (lambda folder: (folder / CARD_FILE).write_text("[" * 100_000), "too deep"),
    "a-list": (lambda folder: (folder / CARD_FILE).write_text("[]"), '"format": "hnc-model"'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_card_is_listed_with_its_problem_for_every_method(model_cards, own, name):
    spoil, said = BROKEN[name]
    spoil(copy_of("presence-pet", own / name))
    for method in SHIPPED:
        (one,) = [one for one in model_cards.cards(method) if one.name == name]
        assert said in one.problem
        assert "\n" not in one.problem
        assert (one.title, one.method, one.roles) == (name, "", ())
    assert [each.name for each in list_models() if each.problem] == [name]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format_version": 2}, "format version 2"),
        ({"name": "Another Name"}, "name: 'Another Name' is not allowed"),
        ({"name": 7}, "name: words are wanted"),
        ({"version": "one"}, "version"),
        ({"method": "survival"}, "method"),
        ({"inputs": []}, "inputs"),
        ({"inputs": ["PET"]}, "inputs"),
        ({"inputs": [{"role": "PET", "required": "yes"}]}, "true or false"),
        ({"training": "patients"}, "training: an object is wanted"),
        ({"training": {"words": ["patients"]}}, "words are wanted"),
        ({"threshold": {"value": "high", "chosen_by": "me"}}, "a number is wanted"),
        ({"threshold": {"value": True, "chosen_by": "me"}}, "a number is wanted"),
        ({"aggregation": "best"}, "aggregation"),
        ({"metrics": [{"name": "AUC", "value": 1, "low": 0.5, "data": "x"}]}, "two ends"),
        ({"metrics": [{"name": "AUC", "value": 1, "data": "x"}] * 1001}, "1000 entries"),
        ({"weights": [{"file": "../fold-1.safetensors", "sha256": "0" * 64}]}, "file"),
        ({"weights": [{"file": "fold-1.safetensors", "sha256": "0"}]}, "sha256"),
        ({"weights": ...}, "weights"),
        ({"licence": ...}, "licence"),
        ({"licence": "MIT \u202e"}, "cannot be shown"),
        ({"classes": [1]}, "classes"),
    ],
)
def test_a_card_that_does_not_fit_says_where(model_cards, own, changes, said):
    folder = copy_of("presence-pet", own / "mine", **changes)
    one = model_cards.summary(folder)
    assert said in one.problem, one.problem
    assert len(one.problem.splitlines()) == 1
    assert one in [found for found in model_cards.cards("presence") if found.name == "mine"]
    assert [each.problem is not None for each in list_models() if each.name == "mine"] == [True]


def test_a_model_that_is_not_whole_or_lies_elsewhere_says_so(model_cards, own):
    whole = copy_of("presence-pet", own / "mine")
    (whole / "fold-3.safetensors").unlink()
    other = copy_of("tumour-volume-petct", own / "renamed", name="first-name")
    (one,) = [one for one in model_cards.cards("presence") if one.name == "mine"]
    assert "lacks fold-3.safetensors" in one.problem
    assert one.title == "mine 0.1.0"
    (one,) = [one for one in model_cards.cards("tumour-volume") if one.folder == other]
    assert "holds model first-name: rename" in one.problem
    assert not [one for one in model_cards.cards("presence") if one.folder == other]


def test_no_models_no_list(model_cards, monkeypatch, tmp_path):
    monkeypatch.setattr(places, "shipped_models", lambda: tmp_path / "none")
    monkeypatch.setenv("HNC_MODELS", str(tmp_path / "nothing"))
    assert model_cards.cards("presence") == []


def test_the_dialog_shows_the_card_and_closes(host, model_cards):
    folder = places.shipped_models() / "presence-pet"
    dialog = model_cards.show_card(folder)
    host.process_events()
    assert QtWidgets.QWidget.isVisible(dialog)
    assert dialog.windowTitle == "Model card: presence-pet 0.1.0"
    browser = dialog.findChild(QtWidgets.QTextBrowser)
    assert "140 simulated patients" in browser.toPlainText()
    assert not browser.openLinks
    document = browser.document
    document = document() if callable(document) else document
    assert document.idealWidth() <= browser.viewport().width  # no scrolling sideways
    buttons = dialog.findChild(QtWidgets.QDialogButtonBox)
    close = buttons.button(QtWidgets.QDialogButtonBox.StandardButton.Close)
    close.click()
    host.process_events()
    assert model_cards._shown == []
    assert host.messages == []


def test_two_cards_may_be_open(host, model_cards):
    dialogs = [model_cards.show_card(places.shipped_models() / name) for name in SHIPPED.values()]
    host.process_events()
    assert [QtWidgets.QWidget.isVisible(dialog) for dialog in dialogs] == [True, True]
    assert len(model_cards._shown) == 2


def test_a_card_that_cannot_be_shown_says_why(host, model_cards, own):
    folder = copy_of("presence-pet", own / "mine", training=...)
    assert model_cards.show_card(folder) is None
    assert [kind for kind, _words in host.messages] == ["error"]
    assert "training: an object is wanted" in host.messages[0][1]


def test_nothing_but_the_standard_library_is_needed_to_read_a_card():
    code = (
        "import sys; from HNCLogic.models import places, shown_card;"
        "card = shown_card.shown_card(places.shipped_models() / 'presence-pet');"
        "print(card.title, sorted({'pydantic', 'torch', 'numpy', 'SimpleITK'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "presence-pet 0.1.0 []"
