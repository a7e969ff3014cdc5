"""The one way in which an architecture can be wrong."""

from __future__ import annotations


class ArchitectureError(ValueError):
    """An architecture that cannot be: the message, written for whoever asked for it, names the part at fault."""
