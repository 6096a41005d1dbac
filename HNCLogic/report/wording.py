"""The Result in words and rounded numbers, the same on a terminal and in the report."""

from __future__ import annotations

from HNCLogic.job import Explanation, Lesion, Position, Presence, Result, Totals

THIN = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"

KINDS = {"primary": "primary tumour", "node": "lymph node", "lesion": "lesion"}
GROUPS = {"primary": "Primary", "nodes": "Nodes", "all": "All lesions"}
AGGREGATIONS = {
    "mean": "mean of the windows",
    "median": "median of the windows",
    "majority": "majority vote of the windows",
    "weighted": "mean of the windows, weighing less toward the top of the head",
}


def number(value: float | None, decimals: int) -> str:
    """Rounded, thousands apart from 10 000 on, a true minus; a dash where there is none."""
    if value is None:
        return NONE
    text = f"{value:,.{decimals}f}"
    if abs(value) < 10_000:
        text = text.replace(",", "")
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace(",", THIN).replace("-", MINUS)


def volume(ml: float | None) -> str:
    """Millilitres: two decimals below ten, one above."""
    return number(ml, 2 if ml is not None and ml < 10 else 1)


def plain(value: float | None) -> str:
    """A number as short as it can be said: up to five significant figures."""
    if value is None:
        return NONE
    if abs(value) >= 10_000:
        return number(value, 0)
    return f"{value:.5g}".replace("-", MINUS)


def position(ras: Position | None) -> str:
    """Patient position in Slicer's letters: R/L, A/P, S/I, millimetres."""
    if ras is None:
        return NONE
    letters = zip(("R", "A", "S"), ("L", "P", "I"), ras, strict=True)
    return "  ".join(f"{up if v >= 0 else down}{THIN}{abs(v):.0f}" for up, down, v in letters)


def hottest_point(explanation: Explanation) -> str:
    if explanation.hottest_ras is None:
        return "The heat map is empty: there is no hottest point."
    return f"Hottest point: {position(explanation.hottest_ras)} mm."


def count(amount: int, one: str, many: str | None = None) -> str:
    return f"{amount} {one if amount == 1 else many or one + 's'}"


def verdict(presence: Presence) -> str:
    """The verdict; "borderline" where not all networks give it, or it hangs by less than they
    differ."""
    words = "Positive for cancer" if presence.verdict == "positive" else "Negative for cancer"
    agreed = len(presence.folds) < 2 or _of_the_same_verdict(presence) == len(presence.folds)
    return words if agreed and not _near_the_threshold(presence) else f"{words}, borderline"


def _of_the_same_verdict(presence: Presence) -> int:
    """How many networks, each taken alone, give the verdict."""
    yes = sum(
        fold.probability >= (presence.threshold if fold.threshold is None else fold.threshold)
        for fold in presence.folds
    )
    return yes if presence.verdict == "positive" else len(presence.folds) - yes


def _near_the_threshold(presence: Presence) -> bool:
    """Is the answer nearer to the threshold than the networks are to each other?"""
    if presence.probability is None or len(presence.folds) < 2:
        return False
    return abs(presence.probability - presence.threshold) < presence.fold_spread


def answer(presence: Presence) -> str:
    """One sentence: the probability, its side of the threshold, how it was put together."""
    how = AGGREGATIONS[presence.aggregation]
    if presence.probability is None:
        over = windows_over(presence)
        return (
            f"{over} of {count(len(presence.windows), 'window')} along the neck "
            f"{'is' if over == 1 else 'are'} at or over the threshold of "
            f"{number(presence.threshold, 2)} ({how}, which gives no probability)."
        )
    side = "at or above" if presence.verdict == "positive" else "below"
    return (
        f"The model's probability of cancer is {probability(presence.probability)}, {side} its "
        f"threshold of {number(presence.threshold, 2)} ({how})."
    )


def probability(value: float) -> str:
    """Two decimals; never a false 0 or 1."""
    if 0.995 <= value < 1:
        return "over 0.99"
    if 0 < value < 0.005:
        return "under 0.01"
    return f"{value:.2f}"


def windows_over(presence: Presence) -> int:
    return sum(window.probability >= presence.threshold for window in presence.windows)


def agreement(presence: Presence) -> str:
    """Do the folds agree, and is the answer close to the threshold?"""
    folds = presence.folds
    if len(folds) < 2:
        return "One network was asked, so nothing is known of how much networks would differ."
    same = _of_the_same_verdict(presence)
    give = "gives" if same == 1 else "give"
    words = f"{same} of {len(folds)} networks, each taken alone, {give} the same verdict"
    if same == len(folds):
        words = f"All {len(folds)} networks, each taken alone, give the same verdict"
    spread = f"their probabilities differ by {number(presence.fold_spread, 2)} (standard deviation)"
    words = f"{words}; {spread}."
    if _near_the_threshold(presence):
        words += " The answer is nearer to the threshold than the networks are to each other."
    return words


def lesions_found(result: Result) -> str:
    """One sentence on the lesions; empty where none were looked for."""
    if result.delineation is None and not result.lesions:
        return ""
    if not result.lesions:
        return f"No lesion was outlined ({result.delineation})."
    every = total(result, "all")
    kinds = [
        count(sum(lesion.kind == kind for lesion in result.lesions), name)
        for kind, name in KINDS.items()
        if any(lesion.kind == kind for lesion in result.lesions)
    ]
    words = " and ".join(kinds)
    return words if every is None else f"{words}, {volume(every.mtv_ml)} ml in all."


def disagreement(result: Result) -> str:
    """The verdict and the outlines come from two methods; empty where they tell the same."""
    if result.presence is None or result.delineation is None:
        return ""
    if result.presence.verdict == "negative" and result.lesions:
        return "The verdict is negative, yet something was outlined: the two methods disagree."
    if result.presence.verdict == "positive" and not result.lesions:
        return "The verdict is positive, yet nothing was outlined: the two methods disagree."
    return ""


def total(result: Result, group: str) -> Totals | None:
    return next((one for one in result.totals if one.group == group), None)


def lesion_row(lesion: Lesion) -> list[str]:
    """Cells as in the report's table, after the name."""
    return [KINDS[lesion.kind], lesion.side, *_measures(lesion)]


def totals_row(totals: Totals) -> list[str]:
    return [count(totals.count, "lesion"), totals.side or NONE, *_measures(totals)]


def _measures(of: Lesion | Totals) -> list[str]:
    return [
        number(of.mtv_ml, 2),
        number(of.suv_max, 2),
        number(of.suv_mean, 2),
        number(of.suv_peak, 2),
        number(of.tlg_ml, 1),
        number(of.dmax_mm, 1),
        position(of.centroid_ras),
    ]


def suv_facts(result: Result) -> list[tuple[str, str, bool]]:
    """How the PET became SUV: what, value, and whether it was given by hand."""
    record = result.suv
    if record is None:
        return []
    hand = set(record.given_by_hand)
    factors = [plain(record.factor_min)]
    if record.factor_max != record.factor_min:
        factors.append(plain(record.factor_max))
    facts = [
        ("Formula", record.formula, None),
        ("Units in the file", record.units_found, "units"),
        ("Body weight", _unit(record.weight_kg, "kg"), "weight_kg"),
        ("Height", _unit(record.height_m, "m"), "height_m"),
        ("Sex", record.sex, "sex"),
        ("Injected dose", _unit(record.dose_mbq, "MBq"), "dose_mbq"),
        ("Injected at", _when(record.injected), "injected"),
        ("Decay-corrected to", _when(record.reference_time), "scan_started"),
        ("Decay correction", record.decay_correction, "decay_correction"),
        ("Half-life", _unit(record.half_life_s, "s"), "half_life_s"),
        ("Dose left by then", _unit(record.dose_at_reference_mbq, "MBq"), None),
        ("Factor to SUV", " to ".join(factors), None),
        ("Largest SUV", number(record.suv_max, 2), None),
        ("Decided by", record.source, None),
    ]
    return [(name, value, field in hand) for name, value, field in facts if value and value != NONE]


def _unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{plain(value)} {unit}"


def _when(iso: str | None) -> str | None:
    return None if iso is None else iso.replace("T", " ")
