"""Providers and collections: what is built in, and what a configuration directory adds or replaces.

The composition roots call `load`; checks and the engine get the `Catalog`.
"""

from evallab.catalog.catalog import Catalog, Entry
from evallab.catalog.files import builtin, configured, load

__all__ = ["Catalog", "Entry", "builtin", "configured", "load"]
