"""Measures a pack, and other detectors by the same code: `python -m training.evaluate`."""
