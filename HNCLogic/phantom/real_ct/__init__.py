"""Bodies made of real CTs with organ masks, completed where the CT ends."""
