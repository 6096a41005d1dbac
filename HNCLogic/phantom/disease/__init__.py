"""What lights up: healthy uptake, tumours, what looks like them, and how it ends."""
