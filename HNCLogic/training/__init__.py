"""Training: samples, augmentation, the loop, and the script that makes the shipped models."""
