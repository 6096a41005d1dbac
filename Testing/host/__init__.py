"""A small stand-in for desktop Slicer, to run our modules' panels on.

The scene, its logics, the slice views and ``slicer.util`` are Slicer's own (slicer-core); Qt is
real and drawn offscreen. What is missing between them stands here, and is strict: where a module
asks for what this stand-in does not have, it raises. Begin with ``desktop.start()``.
"""

import ctypes
import sys

if sys.version_info < (3, 12):
    # PySide6 6.12 counts on None, True and False living for ever, as they do from Python 3.12 on:
    # each call of a method that returns nothing takes a reference from None, each scene that is
    # read some forty from True. Before, some ten thousand calls, or a hundred scenes, end the
    # process ("deallocating None"), so they get references that are never used up.
    for one in (None, True, False):
        ctypes.c_ssize_t.from_address(id(one)).value += 1 << 40
