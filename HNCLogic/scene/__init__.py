"""MRML in and out: the only part that imports slicer or vtk."""
