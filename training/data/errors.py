"""What a source raises; `load` turns it into one of `training.errors` when no other source is left."""

from __future__ import annotations


class SourceError(Exception):
    """A source that cannot give the data; the message says why."""
