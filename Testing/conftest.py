"""What all tests share: where the optional real data lies, and how signals arrive."""

import os
import signal
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# A shell that starts the tests in the background has Ctrl-C ignored, and nohup the end of the
# terminal; so would every process that a test starts and stops. What is handled here, be it by
# doing nothing, is as usual there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the checkout; the test is skipped, aloud, without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real data beside the checkout (shared/data), which is not here")
    return SHARED_DATA


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """No test, nor any process that one starts, reads or writes what is kept of the user's runs."""
    before = os.environ.get("HNC_CACHE")
    os.environ["HNC_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    del os.environ["HNC_CACHE"]
    if before is not None:
        os.environ["HNC_CACHE"] = before
