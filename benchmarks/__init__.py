"""Reproducible measurements, printed as ratios against a baseline that runs in the same process or round."""
