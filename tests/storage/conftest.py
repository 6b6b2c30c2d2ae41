"""Stores for the tests of this folder."""

from tests.stores import clock, ids, store, store_url, templates

__all__ = ["clock", "ids", "store", "store_url", "templates"]
