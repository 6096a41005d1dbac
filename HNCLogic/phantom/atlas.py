"""Atlas space: the built-in patient before he is laid down.

Millimetres, axes as LPS, the origin on the midline between the ear canals (y) at the height of
the hyoid (z).
"""

LOW = (-246.0, -130.0, -205.0)  # corner of atlas space, mm
HIGH = (246.0, 136.0, 226.0)
