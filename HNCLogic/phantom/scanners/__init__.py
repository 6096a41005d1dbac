"""Virtual hospitals and what their PET and CT scanners make of a body."""
