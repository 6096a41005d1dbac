"""``result.json``: the Result as it stands, and back."""

from __future__ import annotations

from pathlib import Path

from HNCLogic.errors import InputError, first_problem
from HNCLogic.job import Result

NAME = "result.json"


def write_json(result: Result, folder: Path) -> Path:
    """Write ``result`` as ``result.json`` into ``folder``; gives its path.

    What was written is read back and compared, so a number JSON cannot hold (NaN, infinity)
    fails here and not in the program that reads the file.
    """
    text = result.model_dump_json(indent=2) + "\n"
    if Result.model_validate_json(text) != result:
        raise ValueError("the result does not survive JSON: is one of its numbers NaN or infinite?")
    path = folder / NAME
    path.write_text(text, encoding="utf-8")
    return path


def read_json(path: Path) -> Result:
    """The Result in ``path``, a ``result.json`` or the folder it lies in. Raises InputError."""
    from pydantic import ValidationError

    file = path / NAME if path.is_dir() else path
    try:
        return Result.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{file} is not there: give a folder that HNC wrote") from None
    except ValidationError as error:
        raise InputError(f"{file} is not a result of HNC: {first_problem(error)}") from error
