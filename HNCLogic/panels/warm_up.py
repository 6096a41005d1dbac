"""Importing what reads a Result, a bit at a time, while the child process computes.

pydantic takes a tenth of a second and more: at once the panel would be seen to stop.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

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


def warm_up() -> Iterator[str]:
    """Yields the name of each module imported. Raises ImportError where pydantic is missing."""
    for name in STOPOVERS:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        yield name
    for name in ("HNCLogic.job", "HNCLogic.report.json_out"):
        importlib.import_module(name)
        yield name
