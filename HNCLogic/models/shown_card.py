"""What of a model's card is shown to a person, its types checked. Standard library only.

``models.card`` checks all of a card, and that the network can be made of it, with pydantic; this
is for where that is not installed yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from HNCLogic.errors import InputError
from HNCLogic.models.plain_card import CARD_FILE, digest_of, plain_card, read_card_file

METHODS = ("presence", "tumour-volume", "slice-tumour", "extension", "parotid")
OUTLINING = ("tumour-volume", "slice-tumour")  # those whose models outline lesions
AGGREGATIONS = ("mean", "median", "majority", "weighted", "max")
MOST = 1000  # entries in any list

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
VERSION = re.compile(r"\d+\.\d+(\.\d+)?")
SHA256 = re.compile(r"[0-9a-f]{64}")
WEIGHTS = re.compile(r"fold-[1-9]\d?\.safetensors")


@dataclass(frozen=True)
class ShownMetric:
    name: str
    value: float
    low: float | None  # ends of the 95 % interval
    high: float | None
    data: str  # on what it was measured


@dataclass(frozen=True)
class ShownCard:
    """A card's contents for reading; see ``models.card.Card`` for what each of them is."""

    name: str
    version: str
    method: str
    network: str
    arguments: dict[str, Any]
    inputs: tuple[tuple[str, bool], ...]  # role, and whether it is required
    preprocessing: dict[str, Any]
    classes: tuple[str, ...]
    threshold: float | None
    threshold_source: str
    aggregation: str | None
    trained_on: str
    data: tuple[str, ...]
    counts: dict[str, int]
    metrics: tuple[ShownMetric, ...]
    intended_use: str
    licence: str
    defaults_taken: tuple[str, ...]
    files: tuple[str, ...]  # of weights, fold by fold
    weights_of: str | None  # the model whose files they are; None: its own
    digest: str  # SHA-256 over all weights

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}"


def shown_card(folder: Path) -> ShownCard:
    """The card of a model folder. Raises InputError where there is none or it does not fit."""
    source = str(folder / CARD_FILE)
    raw = _Part(plain_card(read_card_file(folder), source), source)
    training, network = raw.part("training"), raw.part("network")
    threshold = raw.part("threshold") if raw.fields.get("threshold") is not None else None
    weights = raw.parts("weights")
    aggregation = raw.fields.get("aggregation")
    if aggregation is not None:
        raw.text("aggregation", AGGREGATIONS.__contains__)
    weights_of = raw.fields.get("weights_of")
    if weights_of is not None:
        raw.text("weights_of", SLUG.fullmatch)
    return ShownCard(
        name=raw.text("name", SLUG.fullmatch),
        version=raw.text("version", VERSION.fullmatch),
        method=raw.text("method", METHODS.__contains__),
        network=network.text("name", SLUG.fullmatch),
        arguments=network.object("arguments", {}),
        inputs=tuple((one.text("role"), one.flag("required", True)) for one in raw.parts("inputs")),
        preprocessing=raw.object("preprocessing"),
        classes=raw.texts("classes"),
        threshold=None if threshold is None else threshold.number("value"),
        threshold_source="" if threshold is None else threshold.text("chosen_by"),
        aggregation=aggregation,
        trained_on=training.text("words"),
        data=training.texts("data", []),
        counts=training.object("counts", {}),
        metrics=tuple(_metric(one) for one in raw.parts("metrics", [])),
        intended_use=raw.text("intended_use"),
        licence=raw.text("licence"),
        defaults_taken=raw.texts("defaults_taken", []),
        files=tuple(one.text("file", WEIGHTS.fullmatch) for one in weights),
        weights_of=weights_of,
        digest=digest_of(one.text("sha256", SHA256.fullmatch) for one in weights),
    )


def _metric(one: _Part) -> ShownMetric:
    ends = [None if one.fields.get(end) is None else one.number(end) for end in ("low", "high")]
    if (ends[0] is None) != (ends[1] is None):
        raise one.misfit("low", "an interval has two ends")
    return ShownMetric(one.text("name"), one.number("value"), *ends, one.text("data"))


@dataclass(frozen=True)
class _Part:
    """An object of the card, and where it stands."""

    fields: dict[str, Any]
    where: str

    def misfit(self, name: str, wanted: str) -> InputError:
        return InputError(f"{self.where} does not fit: {name}: {wanted}")

    def _get(self, name: str, kind: type | tuple, wanted: str, default: Any) -> Any:
        value = self.fields.get(name, default)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.misfit(name, wanted)
        return value

    def text(self, name: str, fits: Callable[[str], object] = bool) -> str:
        value = self._get(name, str, "words are wanted", None)
        if not fits(value):
            raise self.misfit(name, f"{value[:40]!r} is not allowed")
        return value

    def number(self, name: str) -> float:
        return float(self._get(name, (int, float), "a number is wanted", None))

    def flag(self, name: str, default: bool) -> bool:
        return self._get(name, bool, "true or false is wanted", default)

    def object(self, name: str, default: dict | None = None) -> dict[str, Any]:
        return self._get(name, dict, "an object is wanted", default)

    def part(self, name: str) -> _Part:
        return _Part(self.object(name), f"{self.where}: {name}")

    def _list(self, name: str, default: list | None) -> list:
        value = self._get(name, list, "a list is wanted", default)
        if len(value) > MOST or (default is None and not value):
            raise self.misfit(name, f"1 to {MOST} entries are wanted")
        return value

    def texts(self, name: str, default: list | None = None) -> tuple[str, ...]:
        found = self._list(name, default)
        if not all(isinstance(one, str) for one in found):
            raise self.misfit(name, "a list of words is wanted")
        return tuple(found)

    def parts(self, name: str, default: list | None = None) -> list[_Part]:
        found = self._list(name, default)
        if not all(isinstance(one, dict) for one in found):
            raise self.misfit(name, "a list of objects is wanted")
        return [_Part(one, f"{self.where}: {name} {n}") for n, one in enumerate(found, 1)]
