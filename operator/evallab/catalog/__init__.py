"""Providers and collections: what is built in, and what a configuration directory adds or replaces.

The composition roots call `load`; checks and the engine get the `Catalog`. The server's live catalog reads a
directory again and again through `Folder`, adds what was made over REST, and shows each tenant its own (`Shelf`).
"""

from evallab.catalog.catalog import Catalog, Entry
from evallab.catalog.files import Contents, Source, builtin, builtin_contents, configured, load, load_with_problems
from evallab.catalog.folder import Folder
from evallab.catalog.reading import FileProblem
from evallab.catalog.references import References, references
from evallab.catalog.shelf import Listed, Shelf

__all__ = [
    "Catalog",
    "Contents",
    "Entry",
    "FileProblem",
    "Folder",
    "Listed",
    "References",
    "Shelf",
    "Source",
    "builtin",
    "builtin_contents",
    "configured",
    "load",
    "load_with_problems",
    "references",
]
