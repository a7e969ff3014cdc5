"""Looking inside a version: layers, kernels, activations, what an answer hangs on, and which examples are like it."""

from __future__ import annotations

from typing import Any

import numpy as np
from flask import Blueprint, Response, jsonify, request

from service import arguments
from service.errors import NotApplicableError, PayloadTooLargeError
from service.inspection import activations, dreaming, explanation, kernels, layers, neighbours
from service.posted import Posted
from service.routes.inside import Inside, answer, wanted_format
from service.routes.services import admit, services
from service.routes.versions import below_a_version, wanted

blueprint = Blueprint("inspection", __name__)


@below_a_version(blueprint, "/layers", "GET")
def layer_table(name: str, version: str | None, label: str | None) -> Response:
    """The table of layers.

    :raise ServiceError: there is no such version, or its card has no such table.
    """
    inside = Inside(wanted(name, version, label))
    return jsonify({**inside.named(), "layers": layers.table(inside.version)})


@below_a_version(blueprint, "/layers/<layer>/filters", "GET")
def filters(name: str, version: str | None, label: str | None, layer: str) -> Response:
    """A layer's kernel and bias as JSON, its kernel as `.npy`, or its kernels as one grid.

    :raise ServiceError: there is no such version or layer, or it has no weights.
    """
    inside = Inside(wanted(name, version, label))
    index, row = layers.find(inside.version, layer)
    form = wanted_format()
    outputs = (f"{layer}/kernel", f"{layer}/bias")
    if outputs[0] not in inside.version.signatures["filters"].outputs:
        raise NotApplicableError(f"{layer} has no weights", field="layer")
    found = inside.run("filters", {}, *outputs)
    kernel, bias = (found[output] for output in outputs)
    return answer(
        form,
        lambda: {**inside.named(), **kernels.document(row, kernel, bias)},
        lambda: kernel,
        lambda: kernels.grid(row, kernel, _shape_before(inside, index)),
    )


@below_a_version(blueprint, "/activations", "POST")
def feature_maps(name: str, version: str | None, label: str | None) -> Response:
    """What a layer gives for the picture in the body; without `?layer=` each layer's statistics.

    :raise ServiceError: as for a prediction, or there is no such layer or channel.
    """
    admit("predict")
    inside = Inside(wanted(name, version, label))
    layer = request.args.get("layer")
    untrained = arguments.flag(request.args, "untrained")
    if layer is None:
        return _all_layers(inside, untrained=untrained)
    _, row = layers.find(inside.version, layer)
    channels = layers.chosen_channels(request.args.get("channels"), row)
    form = wanted_format()
    picture = inside.picture()
    signatures = ["activations", *(["untrained_activations"] if untrained else [])]
    found = {signature: inside.run(signature, {"images": picture}, layer)[layer][0] for signature in signatures}
    trained = found["activations"]

    def document() -> dict[str, Any]:
        both = {**inside.named(), **activations.document(row, trained, channels)}
        if untrained:
            both["untrained"] = activations.document(row, found["untrained_activations"], channels)["channels"]
        return both

    return answer(
        form,
        document,
        lambda: (
            np.stack([activations.maps(values, channels) for values in found.values()])
            if untrained
            else activations.maps(trained, channels)
        ),
        lambda: activations.sheet(list(found.values()), channels, dreaming.shown(picture[0])),
    )


def _all_layers(inside: Inside, *, untrained: bool) -> Response:
    rows = layers.table(inside.version)
    signature = "untrained_activations" if untrained else "activations"
    found = inside.run(signature, {"images": inside.picture()})
    listed = [activations.overview(row, found[row["name"]][0]) for row in rows if row["name"] in found]
    return jsonify({**inside.named(), "layers": listed})


@below_a_version(blueprint, "/explain", "POST")
def explain(name: str, version: str | None, label: str | None) -> Response:
    """What the answer for the picture in the body hangs on: a map, or the map over the picture.

    :raise ServiceError: as for a prediction, or the version cannot do that.
    """
    admit("predict")
    inside = Inside(wanted(name, version, label))
    method = explanation.method(request.args.get("method"), inside.version)
    form = wanted_format()
    layer = request.args.get("layer")
    output = explanation.layer_of(layer, inside.version) if method == "grad_cam" else method
    picture = inside.picture()
    probabilities = inside.run("serving_default", {"images": picture}, "probabilities")["probabilities"][0]
    predicted = int(probabilities.argmax())
    index = explanation.chosen_class(request.args.get("class"), inside.version, predicted)
    found = inside.run(method, {"images": picture, "classes": np.array([index], np.int32)})
    shown = found[output][0]
    return answer(
        form,
        lambda: {
            **inside.named(),
            "method": method,
            **({"layer": output} if method == "grad_cam" else {}),
            "class": inside.target.names[index],
            "probability": float(probabilities[index]),
            "predicted": inside.target.names[predicted],
            **explanation.document(shown),
            **({"difference": float(found["difference"][0])} if "difference" in found else {}),
            "image": picture[0].tolist(),
        },
        lambda: shown,
        lambda: explanation.picture(method, shown, dreaming.shown(picture[0])),
    )


@below_a_version(blueprint, "/nearest", "POST")
def nearest(name: str, version: str | None, label: str | None) -> Response:
    """The training examples that are most alike to each picture in the body, to the model; as `.npy` its embeddings.

    A picture that cannot be read keeps its place in JSON, and the others are answered.

    :raise ServiceError: as for a prediction, or the version came without an index of examples.
    """
    admit("predict")
    inside = Inside(wanted(name, version, label))
    index = neighbours.index_of(services().settings.models_dir, inside.version)
    k = arguments.whole(request.args, "k", neighbours.K_DEFAULT, 1, neighbours.K_MAX)
    thumbnails = neighbours.thumbnails(request.args.get("thumbnails"))
    form = wanted_format()
    posted = inside.pictures()
    if len(posted.images) * k > neighbours.ANSWERS_MAX:
        raise PayloadTooLargeError(
            f"{len(posted.images)} pictures with {k} neighbours each; at most {neighbours.ANSWERS_MAX} in all",
            field="k",
        )
    if posted.faults and form != "json":
        raise min(posted.faults.items())[1]
    found = inside.run("activations", {"images": posted.images}, index.layer, "logits")
    embeddings = found[index.layer].reshape(len(posted.images), -1)
    closest = neighbours.nearest(index, embeddings, k)
    predicted = found["logits"].argmax(axis=1)
    names = inside.target.names

    def document() -> dict[str, Any]:
        told = [
            {
                "predicted": names[int(predicted[row])],
                "nearest": neighbours.told(index, closest, row, names, thumbnails),
            }
            for row in range(len(posted.images))
        ]
        return {**inside.named(), **neighbours.about(index), "pictures": _in_their_places(posted, told)}

    return answer(
        form,
        document,
        lambda: embeddings,
        lambda: neighbours.sheet(index, closest, posted.images, inside.version.labels),
    )


def _in_their_places(posted: Posted, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is told of the pictures that are well, and the faults of the others, in the order sent."""
    rest = iter(told)
    return [
        posted.faults[at].document() if at in posted.faults else next(rest)
        for at in range(len(told) + len(posted.faults))
    ]


def _shape_before(inside: Inside, index: int) -> tuple[int, ...]:
    """The shape of what the layer sees, flattening looked through."""
    rows = layers.table(inside.version)[:index]
    while rows and rows[-1]["type"] == "flatten":
        rows = rows[:-1]
    return tuple(rows[-1]["output_shape"]) if rows else inside.target.shape
