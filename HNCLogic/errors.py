"""The one exception that means: the input or the options are wrong, not the program."""


class InputError(Exception):
    """Something the user gave cannot be used.

    The message is one line: what is wrong, with which file or option, and what to do about it.
    It never holds a patient's name or id. The command line prints it after ``hnc: `` and exits 2;
    a panel shows it as it is.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))


class ChoiceNeeded(InputError):
    """Several series fit a role, and only the user can say which is meant.

    ``choices``: what ``Job.series`` takes for each, and words to choose by. These may hold what
    a hospital wrote into the headers, so they are for the user's eyes and not for logs.
    """

    def __init__(self, message: str, role: str, choices: list[tuple[str, str]]):
        super().__init__(message)
        self.role = role
        self.choices = choices


NO_MEMORY = (
    "the memory does not suffice for these images: close other programs, narrow the stretch that "
    "is analysed (--region LOW,HIGH), or use a machine with more"
)
_MEMORY_WORDS = (
    "not enough memory",
    "defaultcpuallocator",
    "out of memory",
    "failed to allocate",
    "bad_alloc",
    "bad alloc",
    "cannot allocate memory",
)


def out_of_memory(error: BaseException) -> bool:
    """Does ``error`` say that memory did not suffice? torch and ITK say so as a RuntimeError."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError | OSError) and lacks_memory(str(error))


def lacks_memory(words: str) -> bool:
    """Do ``words``, of an error or a traceback's last line, say that memory did not suffice?"""
    return "MemoryError" in words or any(w in words.lower() for w in _MEMORY_WORDS)


def first_problem(error, *within: str) -> str:
    """Where and what the first finding of a pydantic ValidationError is, and how many follow.

    ``within``: what the record itself is a part of. The value stays out: it may be anything; so
    does pydantic's "Value error, " before the words of our own validators. What is wrong with a
    record as a whole stands without a place.
    """
    findings = error.errors(include_url=False, include_input=False)
    where = ".".join(str(part)[:40] for part in (*within, *findings[0]["loc"]))
    what = findings[0]["msg"].removeprefix("Value error, ")
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{where}: {what}{more}" if where else f"{what}{more}"
