"""The paths of TensorFlow Serving's REST API."""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.errors import MalformedRequestError
from service.router import Wanted

PREFIX = "/v1/models/"
_PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/([0-9]+)|/labels/([^/:]+))?(?::(classify|regress|predict))?")
_VERSION_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Address:
    """What a path names."""

    model: str
    version: int | None
    label: str | None
    method: str
    """`"predict"`, `"classify"`, `"regress"`, or `""` for the model itself."""

    def wanted(self, request_id: str) -> Wanted:
        """As the router wants to know it."""
        return Wanted(self.model, self.version, self.label, request_id)


def method_of(path: str) -> str:
    """What a path asks to be done, `""` if it asks nothing or is none of these."""
    found = _PATH.fullmatch(path) if path.startswith(PREFIX) else None
    return "" if found is None else found[4] or ""


def parse(path: str, verb: str = "POST") -> Address:
    """Take a path apart. What is done (POST) names a method, what is looked at (GET) does not.

    :raise MalformedRequestError: it is none of these, or its version is beyond any that there can be.
    """
    found = _PATH.fullmatch(path)
    if found is None or (verb == "POST") != bool(found[4]):
        raise malformed(path, verb)
    model, version, label, method = found.groups()
    return Address(model, version_number(version) if version else None, label, method or "")


def malformed(path: str, verb: str) -> MalformedRequestError:
    """What TensorFlow Serving says to paths that it does not know and to methods that do not fit: 400, not 404 or 405."""
    return MalformedRequestError(f"Malformed request: {verb} {path[:200]}")


def version_number(digits: str) -> int:
    """:raise MalformedRequestError: it does not fit 64 bits."""
    # No number of more digits fits; and Python refuses to read thousands of them.
    if len(digits) > 4000 or int(digits) > _VERSION_MAX:
        raise MalformedRequestError(f"Failed to convert version: {digits[:40]} to numeric.")
    return int(digits)
