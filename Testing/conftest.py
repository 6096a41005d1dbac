"""What all tests share: where the optional real data lies."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the checkout; the test is skipped, aloud, without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real data beside the checkout (shared/data), which is not here")
    return SHARED_DATA
