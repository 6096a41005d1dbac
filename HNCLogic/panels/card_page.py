"""A model's card as a page: what it is for, what it was trained on, how good it is.

In the subset of HTML that Qt shows. Whatever a card says is shown as text, never as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from slicer.i18n import tr as _

from HNCLogic import RESEARCH_USE
from HNCLogic.models.shown_card import ShownCard, ShownMetric, shown_card

BREAK = "\N{ZERO WIDTH SPACE}"


def card_html(folder: Path, colours: dict[str, str] | None = None) -> str:
    """The page of the model in ``folder``.

    ``colours`` has "accent" and "quiet", as ``panels.tones`` gives them; without it all is in
    the viewer's own. Raises InputError where there is no card or it does not fit.
    """
    page = _Page(colours or {})
    card = shown_card(Path(folder))
    counts = ", ".join(f"{name} {n}" for name, n in card.counts.items())
    parts = [
        f"<h2>{escape(card.title)}</h2>",
        f"<p>{page.quiet(_what_for(card.method))}</p>",
        f"<p><b>{escape(RESEARCH_USE)}</b></p>",
        page.heading(_("Trained on")),
        _paragraphs(card.trained_on),
        _bullets(card.data),
        f"<p>{page.quiet(counts)}</p>" if counts else "",
        page.heading(_("For what")),
        _paragraphs(card.intended_use),
        page.heading(_("How good")),
        page.metrics(card.metrics),
        page.heading(_("What it needs, and how it decides")),
        page.table(_use(card)),
    ]
    if card.defaults_taken:
        parts += [page.heading(_("Defaults taken")), _bullets(card.defaults_taken)]
    return "\n".join([*parts, page.heading(_("Technical")), page.table(_technical(card))])


def _what_for(method: str) -> str:
    if method == "presence":
        return _("Is there cancer: a verdict, its probability, and a heat map of why")
    if method == "slice-tumour":
        return _("Where the tumour is, slice by slice: outlines of lesions")
    if method == "extension":
        return _("Has a node's capsule been broken: a verdict on a CT of the neck")
    if method == "parotid":
        return _("What kind of tumour is in the parotid: probabilities from MRI")
    return _("Where the tumour is: outlines of primary tumour and lymph nodes")


def _use(card: ShownCard) -> list[tuple[str, str]]:
    optional = " " + _("(may be missing)")
    rows = [
        (_("Inputs"), ", ".join(role + ("" if need else optional) for role, need in card.inputs)),
        (_("Classes"), ", ".join(card.classes)),
    ]
    if card.threshold is not None:
        rows.append((_("Threshold"), f"{card.threshold:.3g}, {card.threshold_source}"))
    if card.aggregation is not None:
        rows.append((_("Aggregation"), card.aggregation))
    return rows


def _technical(card: ShownCard) -> list[tuple[str, str]]:
    arguments = ", ".join(f"{name} {value}" for name, value in card.arguments.items())
    return [
        (_("Licence"), card.licence),
        (_("Network"), f"{card.network}: {arguments}"),
        (_("Preparation"), ", ".join(f"{k} {v}" for k, v in card.preprocessing.items())),
        (_("Weights"), _("{count} folds").format(count=len(card.files))),
        (_("SHA-256"), card.digest),
    ]


class _Page:
    """The pieces of a page in its colours."""

    def __init__(self, colours: dict[str, str]):
        self._colours = colours

    def _ink(self, words: str, name: str) -> str:
        colour = self._colours.get(name)
        words = _broken(words)
        return f'<span style="color:{colour}">{words}</span>' if colour else words

    def quiet(self, words: str) -> str:
        return self._ink(words, "quiet")

    def heading(self, words: str) -> str:
        return f"<h3>{self._ink(words, 'accent')}</h3>"

    def table(self, rows: list[tuple[str, str]]) -> str:
        cells = "".join(
            f'<tr><td width="110">{self.quiet(name)}</td><td>{_broken(value)}</td></tr>'
            for name, value in rows
            if value
        )
        return f'<table cellpadding="3">{cells}</table>'

    def metrics(self, metrics: tuple[ShownMetric, ...]) -> str:
        if not metrics:
            return f"<p>{escape(_('Nothing was measured.'))}</p>"
        titles = (_("Measure"), _("Value (95 % interval)"), _("Measured on"))
        rows = ["".join(f'<th align="left">{self.quiet(title)}</th>' for title in titles)]
        for one in metrics:
            interval = "" if one.low is None else f" ({one.low:.3g} to {one.high:.3g})"
            rows.append(
                f"<td>{_broken(one.name)}</td><td><b>{one.value:.3g}</b>{interval}</td>"
                f"<td>{self.quiet(one.data)}</td>"
            )
        return f'<table cellpadding="3">{"".join(f"<tr>{row}</tr>" for row in rows)}</table>'


def _bullets(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{_broken(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else ""


def _paragraphs(words: str) -> str:
    return "".join(f"<p>{_broken(line)}</p>" for line in words.split("\n") if line)


def _broken(words: str) -> str:
    """Escaped, with places where a word longer than a line may be broken."""
    return escape(re.sub(r"(\S{72})(?=\S)", rf"\1{BREAK}", words))
