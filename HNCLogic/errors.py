"""The one exception that means: the input or the options are wrong, not the program."""


class InputError(Exception):
    """Something the user gave cannot be used.

    The message is one line: what is wrong, with which file or option, and what to do about it.
    It never holds a patient's name or id. The command line prints it after ``hnc: `` and exits 2;
    a panel shows it as it is.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))


def first_problem(error) -> str:
    """A pydantic ValidationError in one line: where, and what would be right.

    The value itself stays out: it may be anything.
    """
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part)[:60] for part in first["loc"]) or "the whole"
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message[:1].lower()}{message[1:]}"
