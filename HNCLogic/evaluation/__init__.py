"""Figures and tables of a method against annotations, as the papers print them."""
