"""Stores for the tests of this folder."""

from tests.stores import clock, store_url, templates

__all__ = ["clock", "store_url", "templates"]
