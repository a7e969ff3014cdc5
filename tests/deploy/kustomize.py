"""As much of kustomize as `deploy/kubernetes` uses, for there is no package of it to be had here.

Whatever else a kustomization says is an error, so nothing is left out unnoticed. The rules are those of
https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Resource = dict[str, Any]
_KNOWN = {
    "Kustomization": {"resources", "components", "configMapGenerator", "images", "patches"},
    "Component": {"resources", "configMapGenerator", "patches"},
}


class NotUnderstoodError(Exception):
    """This is not kustomize; the message says what it does not know."""


def render(directory: Path) -> list[Resource]:
    """What `kubectl kustomize` prints of `directory`, but for the order, and the hash of generated names."""
    resources = _built(directory, [])
    for resource in [found for found in resources if found["kind"] == "ConfigMap"]:
        name = resource["metadata"]["name"]
        renamed = f"{name}-{hashlib.sha256(json.dumps(resource['data']).encode()).hexdigest()[:10]}"
        resource["metadata"]["name"] = renamed
        for node in _dictionaries(resources):
            reference = node.get("configMapRef")
            if reference is not None and reference["name"] == name:
                reference["name"] = renamed
    return resources


def _built(directory: Path, below: list[Resource]) -> list[Resource]:
    """`below` and what `directory` adds to it, or makes of it."""
    document = yaml.safe_load((directory / "kustomization.yaml").read_text())
    known = _KNOWN[document["kind"]]
    if unknown := set(document) - known - {"apiVersion", "kind"}:
        raise NotUnderstoodError(f"{directory}: {', '.join(sorted(unknown))}")
    resources = list(below)
    for entry in document.get("resources", []):
        path = directory / entry
        resources += _built(path, []) if path.is_dir() else read_all(path)
    for generator in document.get("configMapGenerator", []):
        _generate(directory, generator, resources)
    for entry in document.get("components", []):
        resources = _built(directory / entry, resources)
    for patch in document.get("patches", []):
        _patch(directory, patch, resources)
    for image in document.get("images", []):
        for node in _dictionaries(resources):
            name, _, _ = str(node.get("image", "")).partition(":")
            if name == image["name"]:
                node["image"] = f"{image.get('newName', name)}:{image['newTag']}"
    return resources


def read_all(path: Path) -> list[Resource]:
    """The documents of a file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def _generate(directory: Path, generator: dict[str, Any], resources: list[Resource]) -> None:
    lines = [line for env in generator.get("envs", []) for line in (directory / env).read_text().splitlines()]
    data = dict(line.split("=", 1) for line in lines if line.strip() and not line.startswith("#"))
    data |= dict(literal.split("=", 1) for literal in generator.get("literals", []))
    if generator.get("behavior", "create") == "merge":
        (existing,) = _matching(resources, {"kind": "ConfigMap", "name": generator["name"]})
        existing["data"] |= data
    else:
        metadata = {"name": generator["name"]}
        resources.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def _patch(directory: Path, patch: dict[str, Any], resources: list[Resource]) -> None:
    text = patch["patch"] if "patch" in patch else (directory / patch["path"]).read_text()
    found = _matching(resources, patch["target"])
    if not found:
        raise NotUnderstoodError(f"{directory}: nothing is {patch['target']}")
    for resource in found:
        for operation in yaml.safe_load(text):
            _operate(resource, operation)


def _operate(resource: Resource, operation: dict[str, Any]) -> None:
    """RFC 6902: add, replace and remove; kustomize makes no parent that is not there."""
    *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    node: Any = resource
    for part in parents:
        node = node[int(part)] if isinstance(node, list) else node[part]
    key: Any = int(last) if isinstance(node, list) else last
    if operation["op"] in ("replace", "remove") and not isinstance(node, list) and key not in node:
        raise NotUnderstoodError(f"there is no {operation['path']} in {resource['kind']}")
    if operation["op"] == "remove":
        del node[key]
    elif operation["op"] in ("add", "replace"):
        node[key] = copy.deepcopy(operation["value"])
    else:
        raise NotUnderstoodError(str(operation["op"]))


def _matching(resources: list[Resource], target: dict[str, str]) -> list[Resource]:
    return [r for r in resources if r["kind"] == target["kind"] and r["metadata"]["name"] == target["name"]]


def _dictionaries(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _dictionaries(child)
