"""Biophysical cells."""
