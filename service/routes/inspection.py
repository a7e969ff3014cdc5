"""Looking inside a version: layers, kernels, activations, explanations, and pictures that excite a channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from flask import Blueprint, Response, g, jsonify, request

from service import arguments
from service.errors import DeadlineExceededError, InvalidParameterError, NotApplicableError, WrongShapeError
from service.inspection import activations, dreaming, explanation, formats, kernels, layers, reports, sheets
from service.inspection.formats import Format
from service.posted import PostedPictures
from service.router import Target, Wanted
from service.routes.services import admit, body, header_bytes, services
from service.routes.versions import below_a_version, wanted

blueprint = Blueprint("inspection", __name__)
_MAP_FORMATS: tuple[Format, ...] = ("json", "npy", "png")


class Inside:
    """A version that is looked into, and the time there is for it."""

    def __init__(self, asked: Wanted) -> None:
        ours = services()
        self.wanted = asked
        self.target: Target = ours.router.target(asked)
        self._ours = ours
        self._budget_seconds = ours.intake.budget_seconds(request.headers.get("X-Request-Timeout-Ms", ""))

    @property
    def version(self) -> Any:
        return self.target.version

    def left_seconds(self) -> float:
        """:raise DeadlineExceededError: none are."""
        left = self._budget_seconds - (self._ours.clock() - g.started)
        if left <= 0:
            raise DeadlineExceededError(f"not done within {self._budget_seconds:g} s")
        return left

    def run(
        self, signature: str, tensors: Mapping[str, npt.NDArray[Any]], *outputs: str
    ) -> dict[str, npt.NDArray[Any]]:
        """Call a signature; all of its outputs if none is named.

        :raise NotApplicableError: the version has none of that name.
        :raise ServiceError: as `Router.run` does.
        """
        if signature not in self.version.signatures:
            raise NotApplicableError(
                f"{self.version.name}/{self.version.version} has no signature {signature!r}: it was made before there was one",
                field="model",
            )
        asking = self._ours.router.run(self.wanted, self.target, signature, tensors, outputs, self.left_seconds())
        found, self.target = self._ours.client.from_thread(asking)
        return found.tensors

    def picture(self) -> npt.NDArray[np.uint8]:
        """The one picture in the request's body, uint8 (1, H, W, C), as the model sees it.

        :raise WrongShapeError: there are several.
        :raise ServiceError: as for a prediction.
        """
        reader = PostedPictures(self._ours.settings)
        content_type = header_bytes().get(b"content-type", b"").decode("latin-1")
        posted = self._ours.heavy.wait_for(reader.read, content_type, body(), self.target)
        if len(posted.images) + len(posted.faults) != 1:
            raise WrongShapeError("one picture at a time can be looked at", field="body")
        return posted.images

    def named(self) -> dict[str, Any]:
        """What begins every answer: which version it is of."""
        return {"model": self.version.name, "version": self.version.version}


@below_a_version(blueprint, "/layers", "GET")
def layer_table(name: str, version: str | None, label: str | None) -> Response:
    """The table of layers.

    :raise ServiceError: there is no such version, or its card has no such table.
    """
    inside = Inside(wanted(name, version, label))
    return jsonify({**inside.named(), "layers": layers.table(inside.version)})


@below_a_version(blueprint, "/report", "GET")
def report(name: str, version: str | None, label: str | None) -> Response:
    """How the version came about and how good it is: history, confusion matrix, per class, calibration.

    :raise ServiceError: there is no such version, or it has no card.
    """
    return jsonify(reports.document(Inside(wanted(name, version, label)).version))


@blueprint.get("/compare")
def compare() -> Response:
    """The figures of several versions side by side: `?models=cnn,mlp/2,cnn@canary`; of all models if none is named.

    :raise ServiceError: there is no such model, version or label.
    """
    router, catalogue = services().router, services().client.catalogue
    names = request.args.get("models") or ",".join(sorted({version.name for version in catalogue.versions}))
    asked = [_reference(text.strip()) for text in names.split(",")]
    return jsonify({"versions": reports.comparison([router.target(each).version for each in asked])})


def _reference(text: str) -> Wanted:
    """`cnn`, `cnn/2` or `cnn@canary`."""
    name, at, label = text.partition("@")
    name, slash, version = name.partition("/")
    return wanted(name, version if slash else None, label if at else None)


@below_a_version(blueprint, "/layers/<layer>/filters", "GET")
def filters(name: str, version: str | None, label: str | None, layer: str) -> Response:
    """A layer's kernel and bias as JSON, its kernel as `.npy`, or its kernels as one grid.

    :raise ServiceError: there is no such version or layer, or it has no weights.
    """
    inside = Inside(wanted(name, version, label))
    index, row = layers.find(inside.version, layer)
    wanted_format = _format(_MAP_FORMATS)
    outputs = (f"{layer}/kernel", f"{layer}/bias")
    if outputs[0] not in inside.version.signatures["filters"].outputs:
        raise NotApplicableError(f"{layer} has no weights", field="layer")
    found = inside.run("filters", {}, *outputs)
    kernel, bias = (found[output] for output in outputs)
    return _answer(
        wanted_format,
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
    untrained = _whether("untrained")
    if layer is None:
        return _all_layers(inside, untrained=untrained)
    _, row = layers.find(inside.version, layer)
    channels = layers.chosen_channels(request.args.get("channels"), row)
    wanted_format = _format(_MAP_FORMATS)
    picture = inside.picture()
    signatures = ["activations", *(["untrained_activations"] if untrained else [])]
    found = {signature: inside.run(signature, {"images": picture}, layer)[layer][0] for signature in signatures}
    trained = found["activations"]

    def document() -> dict[str, Any]:
        both = {**inside.named(), **activations.document(row, trained, channels)}
        if untrained:
            both["untrained"] = activations.document(row, found["untrained_activations"], channels)["channels"]
        return both

    return _answer(
        wanted_format,
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
    wanted_format = _format(_MAP_FORMATS)
    layer = request.args.get("layer")
    output = explanation.layer_of(layer, inside.version) if method == "grad_cam" else method
    picture = inside.picture()
    probabilities = inside.run("serving_default", {"images": picture}, "probabilities")["probabilities"][0]
    predicted = int(probabilities.argmax())
    index = explanation.chosen_class(request.args.get("class"), inside.version, predicted)
    found = inside.run(method, {"images": picture, "classes": np.array([index], np.int32)})
    shown = found[output][0]
    return _answer(
        wanted_format,
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


@below_a_version(blueprint, "/maximize", "GET")
def maximize(name: str, version: str | None, label: str | None) -> Response:
    """A picture that excites a class, or a layer's channel, starting from faint noise.

    :raise ServiceError: there is no such version, class, layer or channel.
    """
    admit("predict")
    inside = Inside(wanted(name, version, label))
    seed = _number("seed", 0, 0, 2**31 - 1)
    return _excited(inside, lambda: dreaming.noise(inside.target.shape, seed))


@below_a_version(blueprint, "/dream", "POST")
def dream(name: str, version: str | None, label: str | None) -> Response:
    """The same starting from the picture in the body.

    :raise ServiceError: as for a prediction, or there is no such class, layer or channel.
    """
    admit("predict")
    inside = Inside(wanted(name, version, label))
    return _excited(inside, lambda: inside.picture().astype(np.float32) / 255.0)


def _excited(inside: Inside, start: Callable[[], dreaming.Pixels]) -> Response:
    index, row, channel = _goal(inside)
    steps = _number("steps", dreaming.STEPS_DEFAULT, 1, dreaming.STEPS_MAX)
    octaves = _number("octaves", len(dreaming.OCTAVES), 1, len(dreaming.OCTAVES))
    wanted_format = _format(_MAP_FORMATS)
    pixels = start()
    trace: list[float] = []
    for stretch in dreaming.plan(steps, octaves):
        found = inside.run(
            "maximize",
            {
                "pixels": pixels,
                "layer": np.array(index, np.int32),
                "channel": np.array(channel, np.int32),
                "steps": np.array(stretch.steps, np.int32),
                "rate": np.array(dreaming.RATE_DEFAULT, np.float32),
                "share": np.array(stretch.share, np.float32),
            },
        )
        trace += [float(found["before"][0])] if not trace else []
        trace.append(float(found["after"][0]))
        pixels = np.array(found["pictures"])
    picture = pixels[0]
    return _answer(
        wanted_format,
        lambda: {
            **inside.named(),
            "layer": row["name"],
            "channel": channel,
            "steps": steps,
            "octaves": octaves,
            "before": trace[0],
            "after": trace[-1],
            "trace": trace,
            "image": np.rint(picture * 255.0).astype(np.uint8).tolist(),
        },
        lambda: picture,
        lambda: sheets.png(sheets.enlarged(dreaming.as_bytes(picture), 336)),
    )


def _goal(inside: Inside) -> tuple[int, layers.Layer, int]:
    """Which layer, and which of its channels: those named, or the logit of the class named.

    :raise InvalidParameterError: neither or both are.
    """
    named, layer = request.args.get("class"), request.args.get("layer")
    if (named is None) == (layer is None):
        raise InvalidParameterError("name a class, or a layer with a channel", field="class")
    if layer is None:
        index, row = layers.find(inside.version, layers.table(inside.version)[-1]["name"])
        return index, row, explanation.chosen_class(named, inside.version, 0)
    index, row = layers.find(inside.version, layer)
    return index, row, _number("channel", 0, 0, layers.channels_of(row) - 1)


def _shape_before(inside: Inside, index: int) -> tuple[int, ...]:
    """The shape of what the layer sees, flattening looked through."""
    rows = layers.table(inside.version)[:index]
    while rows and rows[-1]["type"] == "flatten":
        rows = rows[:-1]
    return tuple(rows[-1]["output_shape"]) if rows else inside.target.shape


def _answer(
    wanted_format: Format,
    document: Callable[[], dict[str, Any]],
    array: Callable[[], npt.NDArray[Any]],
    picture: Callable[[], bytes],
) -> Response:
    if wanted_format == "json":
        return jsonify(document())
    made = formats.npy(array()) if wanted_format == "npy" else picture()
    return Response(made, content_type=formats.MEDIA_TYPES[wanted_format])


def _format(offered: tuple[Format, ...]) -> Format:
    return formats.chosen(request.args.get("format"), request.accept_mimetypes.best_match, offered)


def _number(name: str, default: int, low: int, high: int) -> int:
    return arguments.whole(request.args, name, default, low, high)


def _whether(name: str) -> bool:
    return arguments.flag(request.args, name)
