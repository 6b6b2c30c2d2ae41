"""Tests named after sections of the specification."""
