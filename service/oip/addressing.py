"""What a request names: a model, a version of it, a function of that."""

from __future__ import annotations

import re
from typing import Final

from service.catalogue import ModelVersion, Signature
from service.errors import NotFoundError, UnknownSignatureError, UnknownVersionError

SERVING: Final = "serving_default"
_INFER: Final = re.compile("/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")
_VERSION: Final = re.compile("[1-9][0-9]{0,17}")
"""As large as a version can be on the wire."""


def is_infer(path: str) -> bool:
    """Whether a POST to `path` is an inference request."""
    return path.startswith("/v2/models/") and _INFER.fullmatch(path) is not None


def infer_address(path: str) -> tuple[str, int | None]:
    """The model and version that an inference path names.

    :raise NotFoundError: it is no such path.
    :raise UnknownVersionError: what it names is no version's number.
    """
    found = _INFER.fullmatch(path)
    if found is None:
        raise NotFoundError(f"nothing is inferred at {path[:200]}")
    return found[1], version_number(found[2])


def version_number(text: str | None) -> int | None:
    """A path's version as a number; None for none.

    :raise UnknownVersionError: it is no version's number.
    """
    if text is None:
        return None
    if not _VERSION.fullmatch(text):
        raise UnknownVersionError(f"{text[:40]!r} is no version's number", field="version")
    return int(text)


def signature_of(version: ModelVersion, name: str) -> Signature:
    """A function of a version.

    :raise UnknownSignatureError: it has none of that name.
    """
    found = version.signatures.get(name)
    if found is None:
        known = ", ".join(sorted(version.signatures)) or "none"
        raise UnknownSignatureError(
            f"{version.name}/{version.version} has no signature {name[:80]!r}; its signatures: {known}",
            field="signature_name",
        )
    return found
