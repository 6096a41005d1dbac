"""What Python's garbage collector need not look through again and again.

Now and then it looks through all that Python holds. An application's modules and classes are a
quarter of a million things, which takes a tenth of a second and more: in the midst of other work
a user sees the panel stop. They live as long as the application, so they are set aside.
"""

from __future__ import annotations

import gc


def set_aside() -> None:
    """All that lives now: modules just imported, a panel just made. Quick, whatever there is."""
    gc.freeze()


def take_back() -> None:
    """A panel goes away: what was set aside may be garbage, and is looked through again."""
    gc.unfreeze()
