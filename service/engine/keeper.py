"""Decides which versions come and go, and loads them. Knows neither TensorFlow nor sockets; blocks while it loads.

- What is newly wanted is loaded beside what is in service, newest first, and only when all of it is in service or
  refused do labels move and versions that are wanted no more retire.
- A version that is refused is tried again when its directory changes. If everything wanted is refused, what is in
  service stays, for as long as its directory does.
- A directory that changes in place is loaded again; if it is refused then, what it held before stays in service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from service import logs, metrics
from service.catalogue import Offer
from service.engine import news
from service.engine.holds import Holds
from service.engine.news import Loaded
from service.engine.offers import Defaults, ModelFiles
from service.engine.repository import Candidate, Fingerprint, Key, RefusedVersionError, scan

log = logs.get(__name__)

Found = dict[str, dict[int, Candidate]]


@dataclass(frozen=True, slots=True)
class _Refusal:
    fingerprint: Fingerprint
    reason: str


class Keeper(Generic[Loaded]):
    """`load` makes a version ready to serve or raises RefusedVersionError; `tell` takes the news."""

    def __init__(
        self,
        models_dir: Path,
        defaults: Defaults,
        default_model: str,
        load: Callable[[Candidate], Loaded],
        tell: Callable[[news.News[Loaded]], None],
        holds: Holds,
    ) -> None:
        self._models_dir = models_dir
        self._defaults = defaults
        self._default_model = default_model
        self._load_version = load
        self._tell = tell
        self._holds = holds
        self._files: dict[str, ModelFiles] = {}
        self._offers: dict[str, Offer] = {}
        self._in_service: dict[Key, Fingerprint] = {}
        self._loading: set[Key] = set()
        self._refused: dict[Key, _Refusal] = {}
        self._said: dict[Key, str] = {}
        """Why each version was refused last: said and counted once."""
        self._settled: set[str] = set()
        self._unreadable = ""

    # --- what makes it look

    def announce(self) -> None:
        """Tell what the first `look` will load and how it is offered, without loading. Takes milliseconds."""
        found = self._scan()
        for model in self._in_order(found or {}):
            _, offer, missing = self._plan(model, found[model] if found else {})
            self._offer(model, offer)
            self._announce(missing)
        if not self._loading:
            log.error("no_models", models_dir=str(self._models_dir.resolve()))

    def look(self) -> None:
        """Scan the models directory and do what has changed calls for."""
        found = self._scan()
        if found is None:
            return
        known = {name for name, _ in (*self._in_service, *self._refused, *self._loading)} | set(self._offers)
        for model in self._in_order(known | set(found)):
            self._look_at(model, found.get(model))

    def look_again(self) -> None:
        """The same, and try what has been refused once more."""
        self._refused.clear()
        self.look()

    def load(self, model: str) -> tuple[str, str]:
        """Look at one model, held out or refused or not; error and reason, empty if it is in service then."""
        found = self._scan()
        if found is None or model not in found:
            return f"there is no directory {model!r} in the models directory", "unknown_model"
        if model in self._holds:
            self._holds.remove(model)
        for key in [key for key in self._refused if key[0] == model]:
            del self._refused[key]
        self._look_at(model, found[model])
        if any(name == model for name, _ in self._in_service):
            return "", ""
        reasons = [
            f"{version}: {refusal.reason}" for (name, version), refusal in self._refused.items() if name == model
        ]
        return f"no version of {model!r} can be served: {'; '.join(reasons) or 'there is none'}", "load_failed"

    def unload(self, model: str) -> tuple[str, str]:
        """Take all versions of one model out, until `load`; error and reason, empty if done."""
        found = self._scan() or {}
        if model not in found and not any(name == model for name, _ in self._in_service):
            return f"there is no directory {model!r} in the models directory", "unknown_model"
        self._holds.add(model)
        self._look_at(model, found.get(model))
        return "", ""

    # --- what is wanted

    def _scan(self) -> Found | None:
        """None when the directory cannot be read: then nothing that is in service goes."""
        try:
            found = scan(self._models_dir)
        except OSError as error:
            if self._unreadable != str(error):
                self._unreadable = str(error)
                log.error("models_dir_unreadable", models_dir=str(self._models_dir.resolve()), reason=error.strerror)
            return None
        self._unreadable = ""
        return found

    def _in_order(self, models: Iterable[str]) -> list[str]:
        """The default model first: the service is ready once that is there."""
        return sorted(models, key=lambda name: (name != self._default_model, name))

    def _plan(self, model: str, found: dict[int, Candidate]) -> tuple[set[int], Offer, list[Candidate]]:
        """The versions wanted, the offer, and what has to be loaded for it, newest first."""
        if model not in self._files:
            self._files[model] = ModelFiles(self._models_dir / model, self._defaults)
        policy, offer = self._files[model].read()
        if model in self._holds:
            return set(), offer, []
        refused = {c.version for c in found.values() if self._is_refused(c) and c.key not in self._in_service}
        wanted = policy.wanted(found, refused, offer.labels.values())
        missing = [
            found[version]
            for version in sorted(wanted, reverse=True)
            if self._in_service.get((model, version)) != found[version].fingerprint
            and not self._is_refused(found[version])
        ]
        return wanted, offer, missing

    def _is_refused(self, candidate: Candidate) -> bool:
        refusal = self._refused.get(candidate.key)
        return refusal is not None and refusal.fingerprint == candidate.fingerprint

    # --- what is done for it

    def _look_at(self, model: str, found: dict[int, Candidate] | None) -> None:
        present = found or {}
        self._forget_failures(model, present)
        wanted, offer, missing = self._plan(model, present)
        while missing:
            self._announce(missing)
            self._load_one(missing[0])
            wanted, offer, missing = self._plan(model, present)
        self._forget_announced(model)
        if found is None:
            self._files.pop(model, None)
            self._offer(model, None)
        else:
            self._offer(model, offer)
        self._retire(model, present, wanted)
        if model not in self._settled:
            self._settled.add(model)
            self._tell(news.Settled(model))

    def _announce(self, missing: list[Candidate]) -> None:
        for candidate in missing:
            if candidate.key not in self._in_service and candidate.key not in self._loading:
                self._loading.add(candidate.key)
                self._tell(news.Loading(candidate.key))

    def _load_one(self, candidate: Candidate) -> None:
        key = candidate.key
        try:
            loaded = self._load_version(candidate)
        except RefusedVersionError as error:
            self._refuse(candidate, str(error))
        except Exception as error:
            # Whatever a broken version does to the libraries that read it, the watching goes on.
            log.exception("load_failed", model=key[0], version=key[1])
            self._refuse(candidate, f"it cannot be loaded: {type(error).__name__}")
        else:
            self._in_service[key] = candidate.fingerprint
            self._refused.pop(key, None)
            self._said.pop(key, None)
            self._tell(news.Available(key, loaded))
        self._loading.discard(key)

    def _refuse(self, candidate: Candidate, reason: str) -> None:
        key = candidate.key
        self._refused[key] = _Refusal(candidate.fingerprint, reason)
        if self._said.get(key) != reason:
            self._said[key] = reason
            metrics.LOAD_FAILURES.labels(key[0], str(key[1])).inc()
            log.error("model_refused", model=key[0], version=key[1], reason=reason, in_service=key in self._in_service)
        if key not in self._in_service:
            self._tell(news.Refused(key, reason))

    def _forget_failures(self, model: str, present: dict[int, Candidate]) -> None:
        """Of versions that are not there any more, or whose model is held out."""
        for key in [key for key in self._said if key[0] == model]:
            if key[1] not in present or model in self._holds:
                self._refused.pop(key, None)
                del self._said[key]
                if key not in self._in_service:
                    self._tell(news.Gone(key))

    def _forget_announced(self, model: str) -> None:
        for key in [key for key in self._loading if key[0] == model]:
            self._loading.discard(key)
            self._tell(news.Gone(key))

    def _offer(self, model: str, offer: Offer | None) -> None:
        if self._offers.get(model) == offer:
            return
        if offer is None:
            del self._offers[model]
        else:
            self._offers[model] = offer
        self._tell(news.Offered(model, offer))

    def _retire(self, model: str, present: dict[int, Candidate], wanted: set[int]) -> None:
        in_service = {version for name, version in self._in_service if name == model}
        leaving = in_service - wanted
        if wanted and not wanted & in_service:
            leaving -= set(present)
        for version in sorted(leaving):
            del self._in_service[model, version]
            self._tell(news.Retired((model, version)))
