"""Graphs from the files of a SavedModel into a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it has no types

from service.engine import contract
from service.engine.contract import UnfitModelError
from service.engine.pruning import needed, operation
from service.engine.tf import SavedModel, tf

TAGS = {"serve"}
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
"""Where SavedModels of before TensorFlow 2 name what initialises them."""
_FUNCTION_CALLS = ("StatefulPartitionedCall", "PartitionedCall")


def read(path: Path) -> Any:
    """The MetaGraphDef of the SavedModel in `path` that is for serving.

    :raise UnfitModelError: it has none, or cannot be parsed.
    """
    file = path / "saved_model.pb"
    if not file.is_file():
        raise UnfitModelError(f"TensorFlow cannot load it: SavedModel file does not exist: {file}")
    try:
        saved_model = SavedModel.FromString(file.read_bytes())
    except DecodeError as error:
        raise UnfitModelError(f"TensorFlow cannot load it: {file.name} is corrupt: {error}") from error
    for meta in saved_model.meta_graphs:
        if set(meta.meta_info_def.tags) == TAGS:
            return meta
    raise UnfitModelError(f"no graph in it has the tag {', '.join(TAGS)}")


def import_prediction(session: Any, meta: Any, tensors: list[str], path: Path, *, compiled: bool) -> None:
    """Import what gives `tensors`, with its variables and tables set."""
    saver, initial = meta.saver_def, _initial(meta)
    restored = [saver.restore_op_name, saver.filename_tensor_name] if saver.restore_op_name else []
    graph = needed(meta.graph_def, [*tensors, *restored, *initial])
    if compiled:
        calls = {node.name for node in needed(meta.graph_def, tensors).node if node.op in _FUNCTION_CALLS}
        for node in graph.node:
            if node.name in calls:
                node.attr["_XlaMustCompile"].b = True
    with session.graph.as_default():
        tf.import_graph_def(graph, name="")
    if restored:
        session.run(saver.restore_op_name, {saver.filename_tensor_name: str(path / "variables" / "variables")})
    assets = {asset.tensor_info.name: str(path / "assets" / asset.filename) for asset in meta.asset_file_def}
    there = {node.name for node in graph.node}
    fed = {tensor: file for tensor, file in assets.items() if operation(tensor) in there}
    for name in initial:
        session.run(session.graph.get_operation_by_name(operation(name)), fed)


def _initial(meta: Any) -> list[str]:
    """The operation that initialises the model, if there is one."""
    if contract.INITIAL in meta.signature_def:
        return [info.name for info in meta.signature_def[contract.INITIAL].outputs.values()]
    collections = [meta.collection_def[name] for name in _INIT_COLLECTIONS if name in meta.collection_def]
    return [name for collection in collections[:1] for name in collection.node_list.value]
