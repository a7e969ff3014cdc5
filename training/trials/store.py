"""Finished trials on disk, a file for each, so that a series which was stopped goes on where it was."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.errors import ConfigurationError
from training.json_files import replace_object
from training.trials.identity import digest_of
from training.trials.result import Failed, Outcome, TrialResult, result_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

logger = logging.getLogger(__name__)

SCHEMA = 1


@dataclass(frozen=True)
class Store:
    """A directory of finished trials: `<digest>.json` for each, whole or not there at all."""

    directory: Path

    def require_place(self) -> None:
        """Make the directory. Raises `ConfigurationError` when that cannot be: better now than after the first fit."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{self.directory} cannot be written: {error}") from error

    def get(self, identity: Mapping[str, Any]) -> Outcome | None:
        """What came of that trial, or None when it has not finished yet, or its file cannot be read."""
        path = self._path(identity)
        try:
            document = json.loads(path.read_bytes())
            if document["schema"] != SCHEMA or digest_of(document["identity"]) != digest_of(identity):
                raise ValueError("it is about something else")
            return Failed(str(document["failed"])) if "failed" in document else result_of(document["result"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("%s does not count: %s", path, error)
            return None

    def put(self, identity: Mapping[str, Any], outcome: Outcome, made_by: Mapping[str, Any]) -> None:
        """Keep what came of a trial; `made_by` says with what. Raises `ConfigurationError` when that cannot be."""
        document = {"schema": SCHEMA, "identity": identity, "made_by": dict(made_by)}
        if isinstance(outcome, TrialResult):
            document["result"] = outcome.document()
        else:
            document["failed"] = outcome.reason
        try:
            replace_object(self._path(identity), document)
        except OSError as error:
            raise ConfigurationError(f"{self.directory} cannot be written: {error}") from error

    def _path(self, identity: Mapping[str, Any]) -> Path:
        return self.directory / f"{digest_of(identity)}.json"
