"""Importing what reads a Result, measures lesions and writes reports, a bit at a time.

pydantic and scipy take a tenth of a second and more each: at once the panel would be seen to stop.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator

from HNCLogic.panels.long_lived import set_aside

# In the order in which they import one another. The last one is what is wanted; the others are
# stopovers, and where a version lacks one the next takes its time.
STOPOVERS = (
    "importlib.metadata",
    "decimal",
    "ipaddress",
    "uuid",
    "typing_extensions",
    "annotated_types",
    "typing_inspection.introspection",
    "pydantic_core._pydantic_core",
    "pydantic_core.core_schema",
    "pydantic.version",
    "pydantic.errors",
    "pydantic._internal._fields",
    "pydantic.types",
    "pydantic.functional_validators",
    "pydantic._internal._generate_schema",
    "pydantic._internal._model_construction",
    "pydantic.main",
    "pydantic.plugin._loader",
)

OURS = (
    "HNCLogic.job",
    "HNCLogic.report.json_out",
    "HNCLogic.report.wording",
    "HNCLogic.report.charts",
)

MEASURING = (
    "numpy.random",
    "numpy.ma",
    "numpy.testing",
    "numpy.f2py",
    "scipy",
    "scipy._lib._array_api",
    "scipy.sparse",
    "scipy.linalg",
    "scipy.special",
    "scipy.fft",
    "scipy.ndimage",
    "scipy.spatial",
)

REPORT = (
    "markupsafe",
    "jinja2.nodes",
    "jinja2.lexer",
    "jinja2.runtime",
    "jinja2.compiler",
    "jinja2.filters",
    "jinja2",
    "HNCLogic.report.html",
)


def warm_up() -> Iterator[str]:
    """Yields the name of each module imported. Raises ImportError where pydantic is missing."""
    yield from _stopovers(STOPOVERS)
    anew = OURS[0] not in sys.modules
    for name in OURS:
        importlib.import_module(name)
        yield name
    if anew:
        set_aside()


def warm_up_measuring() -> Iterator[str]:
    """The same for what ``scene.live_measures`` imports on its way."""
    yield from warm_up()
    yield from _stopovers(MEASURING)
    importlib.import_module("HNCLogic.lesions.measures")
    yield "HNCLogic.lesions.measures"


def warm_up_report() -> Iterator[str]:
    """The same for what a report is written with."""
    yield from _stopovers(REPORT)
    from HNCLogic.report.page import compiled

    compiled("report.html")
    yield "report.html"


def _stopovers(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        yield name
