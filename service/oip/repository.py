"""Triton's model repository extension: what there is, and what a request to load or unload may say."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeVar

import msgspec

from service.catalogue import Catalogue, State
from service.errors import InvalidParameterError, MalformedRequestError

Json = dict[str, Any]
_STATES: Final[dict[State, str]] = {
    "available": "READY",
    "loading": "LOADING",
    "unloading": "UNLOADING",
    "failed": "UNAVAILABLE",
}


class _IndexRequest(msgspec.Struct, frozen=True):
    ready: bool = False


class _ControlRequest(msgspec.Struct, frozen=True):
    parameters: dict[str, str | int | float | bool] = {}


Request = TypeVar("Request", _IndexRequest, _ControlRequest)


def wants_ready_only(body: bytes) -> bool:
    """What the body of an index request asks for; an empty one asks for everything.

    :raise MalformedRequestError: it is no index request.
    """
    return _decode(body, _IndexRequest).ready


def index(catalogue: Catalogue, *, ready_only: bool) -> list[Json]:
    """Every version there is, by name and number."""
    return [
        {
            "name": version.name,
            "version": str(version.version),
            "state": _STATES[version.state],
            "reason": version.reason or "",
        }
        for version in sorted(catalogue.versions, key=lambda v: (v.name, v.version))
        if version.state == "available" or not ready_only
    ]


def check_control(action: Literal["load", "unload"], body: bytes) -> None:
    """Whether the parameters of a request to load or unload are ones that can be heeded.

    `unload_dependents` is one, for no model here depends on another.

    :raise MalformedRequestError, InvalidParameterError: they are not.
    """
    for name, value in _decode(body, _ControlRequest).parameters.items():
        if action == "unload" and name == "unload_dependents":
            if not isinstance(value, bool):
                raise InvalidParameterError("must be true or false", field=f"parameters.{name}")
            continue
        raise InvalidParameterError(
            "is not supported: models are served as they lie in the models directory", field=f"parameters.{name[:80]}"
        )


def _decode(body: bytes, request: type[Request]) -> Request:
    try:
        return msgspec.json.decode(body or b"{}", type=request)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequestError(f"no such request: {error}", field="body") from None
