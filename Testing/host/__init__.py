"""A small stand-in for desktop Slicer, to run our modules' panels on.

The scene, its logics, the slice views and ``slicer.util`` are Slicer's own (slicer-core); Qt is
real and drawn offscreen. What is missing between them stands here, and is strict: where a module
asks for what this stand-in does not have, it raises. Begin with ``desktop.start()``.
"""
