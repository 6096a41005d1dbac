"""What every refusal must be: an InputError of one line that says certain things, and no name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from HNCLogic.errors import InputError
from Testing.unit.dicom_writer import HIDDEN_ID, HIDDEN_NAME


def refused(*words: str, by: Callable[[], object]) -> str:
    """Call ``by``, expect an ``InputError`` that holds every one of ``words``; its message."""
    with pytest.raises(InputError) as caught:
        by()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, f"{word!r} is not in: {message}"
    for secret in (*HIDDEN_NAME.split("^"), HIDDEN_ID):
        assert secret not in message
    return message
