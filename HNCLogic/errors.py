"""The one exception that means: the input or the options are wrong, not the program."""


class InputError(Exception):
    """Something the user gave cannot be used.

    The message is one line: what is wrong, with which file or option, and what to do about it.
    It never holds a patient's name or id. The command line prints it after ``hnc: `` and exits 2;
    a panel shows it as it is.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(message.split()))
