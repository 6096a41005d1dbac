"""One file per published method: how a study becomes its input and its output an answer."""
