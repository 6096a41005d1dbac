"""Images of one patient: reading them, SUV, grids, the head-and-neck region."""
