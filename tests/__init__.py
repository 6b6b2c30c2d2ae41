"""Tests; the folders mirror the packages, `spec/` holds HTTP tests named after sections of the specification."""
