"""Simulated patients with known truth."""
