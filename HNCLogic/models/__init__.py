"""A trained model on disk: card and weights, read, checked, written."""
