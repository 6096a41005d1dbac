"""The Result in words and rounded numbers, the same on a terminal and in the report."""

from __future__ import annotations

from HNCLogic.job import (
    BoxMm,
    Explanation,
    Extension,
    Lesion,
    Parotid,
    Position,
    Presence,
    Region,
    Result,
    Totals,
)

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
    "max": "the most suspicious of the windows",
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


def box(box_mm: BoxMm) -> str:
    """A box in Slicer's letters, low to high on each axis, millimetres."""
    pairs = zip("RAS", box_mm[::2], box_mm[1::2], strict=True)
    return ", ".join(f"{axis} {number(a, 0)} to {number(b, 0)}" for axis, a, b in pairs)


def hottest_point(explanation: Explanation) -> str:
    if explanation.hottest_ras is None:
        return "The heat map is empty: there is no hottest point."
    return f"Hottest point: {position(explanation.hottest_ras)} mm."


def region(found: Region) -> str:
    """The stretch of the body that was analysed, and how it was found."""
    low, high = number(found.inferior_mm, 0), number(found.superior_mm, 0)
    return f"Analysed: {low} to {high} mm toward the head ({found.found_by})."


def count(amount: int, one: str, many: str | None = None) -> str:
    return f"{amount} {one if amount == 1 else many or one + 's'}"


def verdict(answer: Presence | Extension | Parotid) -> str:
    """The verdict; "borderline" where not all networks give it, or it hangs by less than they
    differ."""
    if isinstance(answer, Parotid):
        words = f"Most probably {answer.kind}"
        close = False
    else:
        words = f"{answer.verdict.capitalize()} for {_sought(answer)}"
        close = _near_the_threshold(answer)
    agreed = len(answer.folds) < 2 or _of_the_same_verdict(answer) == len(answer.folds)
    return words if agreed and not close else f"{words}, borderline"


def tone(answer: Presence | Extension | Parotid | None) -> str:
    """The tone it is shown in: "positive" for bad news, "negative" for good, else "neutral"."""
    if answer is None:
        return "neutral"
    if isinstance(answer, Parotid):
        return "positive" if answer.kind == "malignant" else "negative"
    return answer.verdict


def _sought(answer: Presence | Extension) -> str:
    return "extracapsular extension" if isinstance(answer, Extension) else "cancer"


def _of_the_same_verdict(presence: Presence | Extension | Parotid) -> int:
    """How many networks, each taken alone, give the verdict."""
    if isinstance(presence, Parotid):
        return sum(max(fold, key=fold.get) == presence.kind for fold in presence.folds)
    yes = sum(
        fold.probability >= (presence.threshold if fold.threshold is None else fold.threshold)
        for fold in presence.folds
    )
    return yes if presence.verdict == "positive" else len(presence.folds) - yes


def _near_the_threshold(presence: Presence | Extension) -> bool:
    """Is the answer nearer to the threshold than the networks are to each other?"""
    if presence.probability is None or len(presence.folds) < 2:
        return False
    return abs(presence.probability - presence.threshold) < presence.fold_spread


def answer(presence: Presence | Extension | Parotid) -> str:
    """One sentence: the probability, its side of the threshold, how it was put together."""
    if isinstance(presence, Parotid):
        return kinds(presence)
    side = "at or above" if presence.verdict == "positive" else "below"
    if isinstance(presence, Extension):
        return (
            f"The model's probability of extracapsular extension is "
            f"{probability(presence.probability)}, {side} its threshold of "
            f"{number(presence.threshold, 2)}."
        )
    how = AGGREGATIONS[presence.aggregation]
    if presence.probability is None:
        over = windows_over(presence)
        return (
            f"{over} of {count(len(presence.windows), 'window')} along the neck "
            f"{'is' if over == 1 else 'are'} at or over the threshold of "
            f"{number(presence.threshold, 2)} ({how}, which gives no probability)."
        )
    return (
        f"The model's probability of cancer is {probability(presence.probability)}, {side} its "
        f"threshold of {number(presence.threshold, 2)} ({how})."
    )


def kinds(parotid: Parotid) -> str:
    """One sentence: the probability of each kind, the most probable first."""
    pairs = ", ".join(f"{kind} {probability(value)}" for kind, value in by_probability(parotid))
    return f"The model's probabilities: {pairs}."


def by_probability(parotid: Parotid) -> list[tuple[str, float]]:
    """The kinds with their probabilities, the most probable first."""
    return sorted(parotid.probabilities.items(), key=lambda pair: -pair[1])


def where_judged(extension: Extension) -> str:
    """What the classifiers saw: the VOI, how large, where, and who placed it."""
    corners = list(zip(*extension.voi_corners, strict=True))
    size = " × ".join(number(max(axis) - min(axis), 0) for axis in corners)
    return (
        f"Judged: {size} mm about {position(extension.voi_centre)} mm ({extension.voi_found_by})."
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


def agreement(presence: Presence | Extension | Parotid) -> str:
    """Do the folds agree, and is the answer close to the threshold?"""
    folds = presence.folds
    if len(folds) < 2:
        return "One network was asked, so nothing is known of how much networks would differ."
    same = _of_the_same_verdict(presence)
    parotid = isinstance(presence, Parotid)
    what = "name the same kind" if parotid else "give the same verdict"
    give = what.replace(" ", "s ", 1) if same == 1 else what
    words = f"{same} of {len(folds)} networks, each taken alone, {give}"
    if same == len(folds):
        words = f"All {len(folds)} networks, each taken alone, {what}"
    spread = f"their probabilities differ by {number(presence.fold_spread, 2)} (standard deviation)"
    words = f"{words}; {spread}."
    if not parotid and _near_the_threshold(presence):
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
