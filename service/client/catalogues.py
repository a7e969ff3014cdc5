"""Several engines' catalogues as one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from service.catalogue import Catalogue, ModelVersion, State

_BEST_FIRST: dict[State, int] = {"available": 0, "unloading": 1, "loading": 2, "failed": 3}


class Merger:
    """Gives the same object for as long as its sources are the same: callers remember what they worked out by it."""

    def __init__(self) -> None:
        self._sources: Sequence[Catalogue] = ()
        self._merged: Catalogue | None = None

    def merge(self, sources: Sequence[Catalogue]) -> Catalogue | None:
        """None without sources. One alone is its own merge."""
        same = len(sources) == len(self._sources) and all(a is b for a, b in zip(sources, self._sources, strict=True))
        if not same:
            self._sources = tuple(sources)
            self._merged = _merged(sources) if len(sources) > 1 else next(iter(sources), None)
        return self._merged


def _merged(sources: Sequence[Catalogue]) -> Catalogue:
    """The first one's facts; every version in the best state that it has anywhere."""
    versions: dict[tuple[str, int], ModelVersion] = {}
    for source in sources:
        for version in source.versions:
            key = (version.name, version.version)
            if key not in versions or _BEST_FIRST[version.state] < _BEST_FIRST[versions[key].state]:
                versions[key] = version
    offers = {model: offer for source in reversed(sources) for model, offer in source.offers.items()}
    return msgspec.structs.replace(
        sources[0],
        # An engine that is started anew may count from one again.
        revision="+".join(f"{source.engine_id}:{source.revision}" for source in sources),
        versions=tuple(versions.values()),
        offers=offers,
    )
