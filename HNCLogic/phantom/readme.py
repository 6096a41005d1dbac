"""The README of a cohort of simulated patients: what it holds, and every parameter of the makers.

Parameters are never typed twice: each maker's own module is read for the constants at its top,
with the comments that stand beside them. So what the README says is what was used.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import ModuleType
from typing import Any

from HNCLogic import RESEARCH_USE, __version__
from HNCLogic.phantom.cohort_plan import Cohort

LONGEST = 400  # letters: a longer value is geometry, which belongs in the code
PACKAGE = "HNCLogic.phantom"
# By what the cases are made of: the modules whose parameters are stated, in order.
MAKERS = {
    "presence": (
        "patient",
        "disease.matching",
        "scanners.centres",
        "body.build",
        "body.pose",
        "body.dental",
        "body.tissues",
        "disease.activity",
        "disease.lesions",
        "disease.confounders",
        "body.landmarks",
        "scanners.scanner",
        "scanners.fast_pet",
        "scanners.counting_noise",
        "scanners.haze",
        "disease.survival",
        "reader",
        "reader_score",
    ),
    "parotid": (
        "cases.parotid_case",
        "cases.parotid_tumours",
        "reader_score",
        "mr.sequences",
        "mr.tissues",
    ),
    "extension": (
        "cases.extension_case",
        "cases.nodal_disease",
        "cases.capsule",
        "body.tissues",
        "scanners.scanner",
    ),
}
FULL_CHAIN = ("scanners.full_chain", "scanners.camera", "scanners.attenuation")
REAL_CTS = ("real_ct.real_anatomy", "real_ct.real_cases", "real_ct.completing")
MR = ("mr.sequences", "mr.tissues", "mr.susceptibility")
COLUMNS = {
    "patient": "name of the patient and of its folder; tells nothing",
    "scan": "number of the examination",
    "centre": "virtual hospital",
    "PET": "FDG PET, SUVbw (with its record beside it, .json), or the folder of a DICOM series",
    "CT": "CT, HU, or the folder of a DICOM series",
    "T1": "T1-weighted MR",
    "T2": "T2-weighted MR",
    "CE-T1": "T1-weighted MR with gadolinium",
    "DWI-b0": "diffusion-weighted MR, b = 0",
    "DWI-b1000": "the same, b = 1000 s/mm²",
    "ADC": "diffusion coefficient, 1e-6 mm²/s",
    "mask": "the truth",
    "reader_mask": "the same lesions as a simulated reader outlined them, same values",
    "label": "1: cancer (parotid: malignant; extension: a capsule is broken), 0: not",
    "time": "months to death or to the end of follow-up; empty without tumour",
    "event": "1: died, 0: censored; empty without tumour",
    "reader_score": "simulated reader: 1 surely no cancer to 5 surely cancer",
    "age": "years",
    "sex": "male or female",
    "weight": "kg",
    "match": "number of the pair; the two of a pair share centre, settings, position, age, sex, in "
    "PET/CT weight, and belong in one part of any split",
    "group": "the real CT that the body is made of; patients of one CT belong in one part of any "
    "split; empty for built-in bodies",
    "subtype": "kind of the parotid tumour",
    "side": "of the tumour",
    "box": "round the tumour, LPS mm: x, x, y, y, z, z, low first",
    "capsule": "of each node, by its value in the mask: intact or extended",
    "nose_z": "height of the tip of the nose, LPS mm",
    "acromion_z": "height of the top of the acromion, of the higher shoulder",
}
MASKS = {
    "presence": "uint8 on the PET's grid: 0 background, 1 primary, 2, 3, … nodes, each its own; "
    "only active tumour, a necrotic core is not in it. Masks are NRRD in DICOM cohorts, too, so "
    "that a cohort is the same whichever packages are installed",
    "parotid": "uint8 on the grid of CE-T1: 1 the tumour, 2 a second focus",
    "extension": "uint8 on the CT's grid: a value for each node",
}


def readme(cohort: Cohort, rows: list[dict[str, Any]]) -> str:
    """The README of ``cohort`` as Markdown; ``rows`` are the lines of its list."""
    from HNCLogic.phantom.patient import SIMULATED

    positives = sum(int(row["label"]) for row in rows)
    centres = sorted({str(row["centre"]) for row in rows})
    columns = ("patient", "scan", "centre", *cohort.roles, *_columns(cohort))
    parts = [
        "# Simulated patients",
        f"**{SIMULATED}. Every image, outline, score and survival time here is simulated.** "
        f"{RESEARCH_USE}",
        "## This cohort",
        _table(
            ("", ""),
            [
                ("made by", f"HNC {__version__}, `hnc phantom`"),
                ("patients", f"{len(rows)}: {positives} with label 1, {len(rows) - positives} 0"),
                ("cases", cohort.cases),
                ("seed", cohort.seed),
                ("images", ", ".join(cohort.roles)),
                ("files", cohort.form),
                ("PET", _scanner_words(cohort)),
                ("centres", ", ".join(centres)),
                ("anatomy", _anatomy_words(cohort, rows)),
                *_asked_share(cohort),
            ],
        ),
        "The same seed gives the same bytes. Cohorts of different seeds have no patient in "
        "common, though names may be alike.",
        "## The list, `cohort.csv`",
        _table(("column", "what it holds"), [(name, COLUMNS[name]) for name in columns]),
        f"Truth: {MASKS[cohort.cases]}.",
        "## Parameters",
        "As they stand in the code, module by module. Medians and spreads of log-normal draws "
        "are those of the distribution before it is cut to its range.",
    ]
    for name in _makers(cohort):
        parts += _stated(importlib.import_module(f"{PACKAGE}.{name}"), name)
    return "\n\n".join(parts) + "\n"


def _columns(cohort: Cohort) -> tuple[str, ...]:
    from HNCLogic.phantom.cohort import COLUMNS as OF_CASES

    return OF_CASES[cohort.cases]


def _scanner_words(cohort: Cohort) -> str:
    if "PET" not in cohort.roles:
        return "none"
    if cohort.scanner == "full":
        return "projected, counted and reconstructed by the full scanner chain"
    return "blurred and made noisy, as the full scanner chain leaves it"


def _anatomy_words(cohort: Cohort, rows: list[dict[str, Any]]) -> str:
    if cohort.anatomy is None:
        return "built in"
    cases = len({row["group"] for row in rows})
    return f"real CTs with organ masks, {cases} of them; disease, uptake and what is cut off is not"


def _asked_share(cohort: Cohort) -> list[tuple[str, str]]:
    share = cohort.malignant
    return [] if share is None else [("share of malignant tumours", f"{share:g}")]


def _makers(cohort: Cohort) -> tuple[str, ...]:
    names = MAKERS[cohort.cases]
    if cohort.scanner == "full":
        names += FULL_CHAIN
    if cohort.anatomy is not None:
        names += REAL_CTS
    if cohort.cases == "presence" and any(role not in ("PET", "CT") for role in cohort.roles):
        names += MR
    return names


def _stated(module: ModuleType, name: str) -> list[str]:
    """A module's heading, what it says of itself, and its constants as tables."""
    words = inspect.getdoc(module) or ""
    single, tables = [], []
    for constant, value, comment in constants(module):
        if isinstance(value, Mapping) and value and all(_is_record(v) for v in value.values()):
            table = _table(("", *_names(value)), _record_rows(value))
            tables.append(f"`{constant}`{_after(comment)}\n\n{table}")
        elif len(words_of(value)) <= LONGEST:
            single.append((f"`{constant}`", words_of(value), comment))
    parts = [f"### {name}", words]
    if single:
        parts.append(_table(("", "value", ""), single))
    return [*parts, *tables]


def constants(module: ModuleType) -> list[tuple[str, Any, str]]:
    """The public constants at a module's top: name, value, and the comment beside or above it.

    Those that are set in one statement stand together, "A, B" and a tuple, as the comment does."""
    source = inspect.getsource(module)
    lines = source.splitlines()
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign):
            targets = [node.target]
        else:
            continue
        names = [n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)]
        values = [getattr(module, name, None) for name in names]
        if all(n.isupper() and not n.startswith("_") for n in names):
            comment = _comment(lines, node)
            if _can_be_stated(values):
                value = values[0] if len(values) == 1 else tuple(values)
                found.append((", ".join(names), value, comment))
    return found


def _comment(lines: list[str], node: ast.stmt) -> str:
    """The comment that ends the statement's line, or the lines of comment right above it."""
    last = lines[node.end_lineno - 1]
    beside = last.encode()[node.end_col_offset :].decode().strip()
    if beside.startswith("#") and not beside.startswith(("# fmt:", "# noqa")):
        return beside.lstrip("# ")
    above = []
    for line in reversed(lines[: node.lineno - 1]):
        if not line.startswith("# "):
            break
        above.insert(0, line[2:])
    return " ".join(above)


def _can_be_stated(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and all(_can_be_stated(v) for v in value.values())
    if isinstance(value, tuple | list):
        return all(_can_be_stated(v) for v in value)
    return isinstance(value, str | int | float) or value is None or is_dataclass(value)


def _is_record(value: Any) -> bool:
    return is_dataclass(value) or hasattr(value, "_fields")


def _values(record: Any) -> dict[str, Any]:
    names = record._fields if hasattr(record, "_fields") else [f.name for f in fields(record)]
    return {name: getattr(record, name) for name in names}


def _names(records: Mapping[Any, Any]) -> list[str]:
    return [n.replace("_", " ") for n in _values(next(iter(records.values())))]


def _record_rows(records: Mapping[Any, Any]) -> list[tuple[Any, ...]]:
    return [(key, *_values(record).values()) for key, record in records.items()]


def words_of(value: Any) -> str:
    """A value as a reader takes it in: numbers short, tuples in brackets, records by field."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if _is_record(value):
        return ", ".join(f"{n.replace('_', ' ')} {words_of(v)}" for n, v in _values(value).items())
    if isinstance(value, Mapping):
        return "; ".join(f"{words_of(key)}: {words_of(each)}" for key, each in value.items())
    if isinstance(value, tuple | list):
        return f"({', '.join(words_of(each) for each in value)})"
    return str(value)


def _after(comment: str) -> str:
    return f": {comment}" if comment else ""


def _table(heading: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """A table of Markdown."""
    lines = [heading, ("---",) * len(heading), *rows]
    cells = [[words_of(cell).replace("|", "\\|").replace("\n", " ") for cell in r] for r in lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)
