"""Routes below a model, which may name one of its versions by number or label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, g

from service.oip.addressing import version_number
from service.router import Target, Wanted
from service.routes.services import services

PREFIXES = ("/models/<name>", "/models/<name>/versions/<version>", "/models/<name>/labels/<label>")
View = Callable[..., Any]


def below_a_version(blueprint: Blueprint, path: str, method: str) -> Callable[[View], View]:
    """Register a view for `path` below each of `PREFIXES`; it is called with `name`, `version` and `label`, of which the
    last two are None where the path has none.
    """

    def register(view: View) -> View:
        for prefix in PREFIXES:
            missing = {part: None for part in ("version", "label") if f"<{part}>" not in prefix}
            blueprint.add_url_rule(prefix + path, view_func=view, methods=[method], defaults=missing)
        return view

    return register


def wanted(name: str, version: str | None, label: str | None) -> Wanted:
    """What the path says of the version that shall answer.

    :raise UnknownVersionError: it names no version's number.
    """
    return Wanted(name, version_number(version), label, g.request_id)


def target(name: str, version: str | None, label: str | None) -> Target:
    """The version that answers; see `Router.target` for what may be wrong."""
    return services().router.target(wanted(name, version, label))
