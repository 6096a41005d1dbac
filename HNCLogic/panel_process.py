"""The process a panel starts: one Job from a JSON file, progress and outcome as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

from HNCLogic.errors import ChoiceNeeded, InputError, first_problem
from HNCLogic.progress import progress_lines

LARGEST_JOB = 1_000_000  # bytes; a job is a page of text


def read_job(path: Path):
    """The Job in a JSON file. Raises InputError for anything else."""
    from pydantic import ValidationError

    from HNCLogic.job import Job

    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    if path.stat().st_size > LARGEST_JOB:
        raise InputError(f"{path}: too large to be a job")
    try:
        job = Job.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError(f"{path}: not a job: {first_problem(error)}") from error
    if odd := _odd_value(job.model_dump()):
        raise InputError(f"{path}: not a job: {odd}")
    return job


def _odd_value(value, where: str = "") -> str | None:
    """What JSON may hold and no job: paths that no system takes."""
    if isinstance(value, str | Path) and "\0" in str(value):
        return f"{where}: a null character"
    pairs = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list | tuple):
        pairs = enumerate(value)
    inside = (_odd_value(each, f"{where}.{name}".lstrip(".")) for name, each in pairs)
    return next((found for found in inside if found), None)


def run_job_file(path: Path) -> None:
    """Do the job; the last line on stdout is ``{"result": FILE}``.

    Where the user must choose between series the last line is ``{"choose": {"role": …,
    "series": [{"choice": …, "words": …}, …]}}``, before ChoiceNeeded is raised.

    Raises what ``run_job`` raises: the exit code and the line on stderr say the rest.
    """
    from HNCLogic.run import run_job

    job = read_job(path)
    try:
        result = run_job(job, progress_lines())
    except ChoiceNeeded as needed:
        series = [{"choice": choice, "words": words} for choice, words in needed.choices]
        print(json.dumps({"choose": {"role": needed.role, "series": series}}), flush=True)
        raise
    print(json.dumps({"result": str(Path(job.out) / result.files["result"])}), flush=True)
