"""The built-in patient: organs drawn as shapes, painted as tissues, laid down in a scanner."""
