"""Atlas space: the built-in patient before he is laid down.

Millimetres, axes as LPS, the origin on the midline between the ear canals (y) at the height of
the hyoid (z).
"""

LOW = (-250.0, -130.0, -240.0)  # corner of atlas space, mm
HIGH = (250.0, 150.0, 226.0)
