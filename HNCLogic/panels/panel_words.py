"""The command line's words as a panel says them: fields and choices instead of its options."""

from __future__ import annotations

import re

from slicer.i18n import tr as _

_IN_BRACKETS = re.compile(r"\s*\([^()]*--[a-z][^()]*\)")
_OPTION = re.compile(r"--([a-z][a-z-]*)(?: (BQML|SUVbw|[A-Z]+(?:[|,][A-Z]+)*)(?![a-z]))?")


def options_in(words: str) -> frozenset[str]:
    """The options that ``words`` name, without their dashes: weight, scan-started …"""
    return frozenset(name for name, _value in _OPTION.findall(words))


def for_panel(words: str) -> str:
    """``words`` of a refusal or a warning, with no options in them."""
    words = _IN_BRACKETS.sub("", words)
    words = words.replace("say so with --pet-units SUVbw", _("say so"))
    words = re.sub(r"(give (?:it|the right \w+)) with --", r"\1 as --", words)
    words = _OPTION.sub(_said, words)
    return words[:1].upper() + words[1:]


def _said(option: re.Match) -> str:
    name, value = option[1], option[2]
    if name == "pet-units" and value:
        units = {"BQML": "Bq/ml"}.get(value, value)
        return _("the units as {units}").format(units=units)
    known = {
        "dose": _("the injected dose"),
        "injected": _("the time of injection"),
        "scan-started": _("the start of the scan"),
        "decay": _("the decay correction"),
        "pet-units": _("the units"),
        "pet": _("a PET"),
        "ct": _("a CT"),
        "mr": _("an MRI"),
        "mask": _("a mask"),
        "at": _("places"),
    }
    return known.get(name, _("the {name}").format(name=name.replace("-", " ")))
