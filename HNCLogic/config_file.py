"""``--config FILE``: options of a command from a TOML or JSON file instead of the command line.

Keys are the options' long names without the dashes (``out = "result"``, ``keep-brain = true``;
underscores do as well) and the arguments' names; a list repeats an option. Relative paths are
meant from the file's folder. What also stands on the command line wins.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from HNCLogic.errors import InputError

if TYPE_CHECKING:
    import typer

OPTION = "--config"
LARGEST = 1_000_000  # bytes; options are a page of text


@dataclass(frozen=True)
class _Parameter:
    """What a command takes, as its function declares it to Typer."""

    name: str  # of an option without its dashes
    option: bool
    path: bool
    flag: bool
    many: bool


def expanded(arguments: list[str], app: typer.Typer) -> list[str]:
    """``arguments`` with the file's options in the place of ``--config FILE``.

    ``app`` is the command line that they are for. Raises InputError for a file that is not
    there, is neither TOML nor JSON, or holds what the command does not know.
    """
    rest, path = _taken_out(arguments)
    if path is None:
        return arguments
    command, length = _command(rest, app)
    if command is None:
        raise InputError(f"{OPTION} {path}: say first which command it is for")
    first, rest = rest[:length], rest[length:]
    return [*first, *_words(_read(path), list(_parameters(command)), rest, path), *rest]


def _command(words: list[str], app: typer.Typer) -> tuple[Callable | None, int]:
    """The function of the command that ``words`` begin with, and how many of them name it.

    A group of commands may be one itself (``hnc phantom``) and hold others (``hnc phantom
    benchmark``).
    """
    for command in app.registered_commands:
        if words and _name(command) == words[0]:
            return command.callback, 1
    for group in app.registered_groups:
        if words and group.name == words[0] and group.typer_instance is not None:
            inner, length = _command(words[1:], group.typer_instance)
            if inner is not None:
                return inner, 1 + length
            own = group.typer_instance.registered_callback
            return (None, 0) if own is None else (own.callback, 1)
    return None, 0


def _name(command: Any) -> str:
    return command.name or command.callback.__name__.replace("_", "-")


def _parameters(command: Callable) -> Iterator[_Parameter]:
    from typer.models import OptionInfo

    for name, declared in inspect.signature(command, eval_str=True).parameters.items():
        kind, *notes = get_args(declared.annotation) or (declared.annotation,)
        if getattr(kind, "__name__", "") == "Context":  # Typer's own
            continue
        info = next((note for note in notes if hasattr(note, "param_decls")), None)
        option = isinstance(info, OptionInfo) if info else declared.default is not declared.empty
        # Typer keeps the first name of an annotated option in the place of its default.
        declarations = [getattr(info, "default", None), *(getattr(info, "param_decls", 0) or ())]
        long = [d for d in declarations if isinstance(d, str) and d.startswith("--")]
        kinds = {kind, *get_args(kind)}
        yield _Parameter(
            name=long[0][2:] if long else (name.replace("_", "-") if option else name),
            option=option,
            path=Path in kinds,
            flag=kind is bool,
            many=any(get_origin(each) is list for each in kinds),
        )


def _taken_out(arguments: list[str]) -> tuple[list[str], Path | None]:
    rest, path = [], None
    given = iter(arguments)
    for word in given:
        name, sign, value = word.partition("=")
        if name != OPTION:
            rest.append(word)
            continue
        chosen = value if sign else next(given, "")
        if not chosen or path is not None:
            raise InputError(f"{OPTION} needs one file, TOML or JSON")
        path = Path(chosen)
    return rest, path


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: too large to be a list of options")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    try:
        found = json.loads(text) if path.suffix.lower() == ".json" else _toml(text)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: not a list of options")
    return found


def _toml(text: str) -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        raise ValueError("TOML needs Python 3.11 or later: give a .json file") from None
    return tomllib.loads(text)


def _words(
    values: dict[str, Any], known: list[_Parameter], rest: list[str], path: Path
) -> list[str]:
    """The values as words of a command line, the arguments, which have no dashes, last."""
    words, held = [], {}
    for key, value in values.items():
        parameter = next((p for p in known if p.name in (key, key.replace("_", "-"))), None)
        if parameter is None:
            names = ", ".join(sorted(p.name for p in known))
            raise InputError(f"{path}: unknown option {key}; known are {names}")
        if parameter.flag:
            if not isinstance(value, bool):
                raise InputError(f"{path}: {key} is true or false, not {value!r}")
            words += [f"--{parameter.name}"] if value else []
        elif parameter.option:
            several = value if parameter.many and isinstance(value, list) else [value]
            for each in several:
                words += [f"--{parameter.name}", _text(each, parameter, path)]
        else:
            held[parameter.name] = _text(value, parameter, path)
    if rest and not rest[0].startswith("-"):
        held = {}  # given on the command line, right after the command, which wins
    return [*held.values(), *words]


def _text(value: Any, parameter: _Parameter, path: Path) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{path}: {parameter.name} is a text or a number, not {value!r}")
    if parameter.path and isinstance(value, str):
        return str(path.parent / Path(value).expanduser())
    return str(value)
