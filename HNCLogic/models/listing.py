"""Models shown to a person, or as JSON."""

from __future__ import annotations

import json
import textwrap

from HNCLogic.models.card import Card
from HNCLogic.models.store import find_model, list_models

WIDTH = 96


def show_models(as_json: bool) -> None:
    """Print all models at hand: name, version, method, on what trained."""
    listed = list_models()
    if as_json:
        rows = [
            {
                "name": each.name,
                "version": each.card.version if each.card else None,
                "method": each.card.method if each.card else None,
                "inputs": [i.role for i in each.card.inputs] if each.card else None,
                "trained_on": each.card.training.words if each.card else None,
                "shipped": each.shipped,
                "folder": str(each.folder),
                "problem": each.problem,
            }
            for each in listed
        ]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not listed:
        print("no model is installed: add one with hnc models add FOLDER")
    for each in listed:
        whose = "ships with HNC" if each.shipped else "your own"
        if each.card is None:
            print(f"{each.name}  ({whose})  CANNOT BE USED")
            print(_indented(each.problem))
        else:
            roles = " + ".join(i.role for i in each.card.inputs)
            print(f"{each.card.title}  ({whose})  method {each.card.method}, from {roles}")
            print(_indented(f"trained on {each.card.training.words}"))


def show_card(name: str, as_json: bool) -> None:
    """Print one model's card. Raises InputError where there is no such model."""
    model = find_model(name)
    if as_json:
        print(model.card.model_dump_json(indent=2))
        return
    print(f"{model.card.title}  {model.folder}")
    for heading, text in _rows(model.card):
        first, *rest = text.split("\n")
        print(f"  {heading:<14}", end="")
        lines = [line for part in (first, *rest) for line in textwrap.wrap(part, WIDTH - 16)]
        print(("\n" + " " * 16).join(lines or [""]))
    print(f"  {'weights':<14}{model.folds} folds, SHA-256 {model.digest[:16]}…")


def _rows(card: Card) -> list[tuple[str, str]]:
    """Headings and texts of a card; a text's lines are kept."""
    arguments = ", ".join(f"{k} {v}" for k, v in card.network.arguments.items())
    roles = [i.role + ("" if i.required else " (may be missing)") for i in card.inputs]
    rows = [
        ("method", card.method),
        ("intended use", card.intended_use),
        ("trained on", card.training.words),
        *(("", line) for line in card.training.data),
        ("counts", ", ".join(f"{k} {v}" for k, v in card.training.counts.items())),
        ("inputs", ", ".join(roles)),
        ("classes", ", ".join(card.classes)),
        ("network", f"{card.network.name}: {arguments}"),
        ("preparation", ", ".join(f"{k} {v}" for k, v in card.preprocessing.items())),
    ]
    if card.threshold is not None:
        rows.append(("threshold", f"{card.threshold.value:.3g}, {card.threshold.chosen_by}"))
    if card.aggregation is not None:
        rows.append(("aggregation", card.aggregation))
    for each in card.metrics:
        interval = "" if each.low is None else f" ({each.low:.3g} to {each.high:.3g})"
        rows.append(("measured", f"{each.name} {each.value:.3g}{interval}, {each.data}"))
    rows += [("default", line) for line in card.defaults_taken]
    rows.append(("licence", card.licence))
    return [row for row in rows if row[1]]


def _indented(text: str) -> str:
    lines = [line for part in text.split("\n") for line in textwrap.wrap(part, WIDTH - 4)]
    return textwrap.indent("\n".join(lines), "    ")
