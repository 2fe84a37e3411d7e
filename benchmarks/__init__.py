"""Measurements, side by side with a rival in one run, as ratios. See README.md for the method."""
