"""Head-and-neck cancer imaging without a user interface: everything that computes.

Importing this package loads nothing beyond the standard library; torch, SimpleITK and
Slicer's classes are loaded by the parts that need them, when they need them.
"""

__version__ = "0.1.0"

RESEARCH_USE = "Research use only. Not a medical device; not for diagnosis or treatment decisions."
