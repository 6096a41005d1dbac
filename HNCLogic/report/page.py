"""HTML pages that stand alone, in one style, on screen and on A4 paper (``report.css``)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from HNCLogic.report import wording

TEMPLATES = Path(__file__).parent / "templates"


def page(template: str, **content: Any) -> str:
    """The HTML of ``template``, a file in ``templates`` that extends ``page.html``.

    ``content`` is what the template names; text in it is shown as text, never as markup. Raises
    jinja2.UndefinedError where the template names what is not in ``content``.
    """
    return compiled(template).render(**content)


@lru_cache
def compiled(template: str) -> Any:
    """The jinja2.Template, made once: that takes longer than to fill it in."""
    import jinja2

    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["number"] = wording.number
    return templates.get_template(template)
