"""Windows, merging, ensembles, aggregation."""
