"""Patients for the methods on MRI and CT: parotid tumours, nodes with and without extension."""
