"""Lesions: components, measures, threshold delineation."""
