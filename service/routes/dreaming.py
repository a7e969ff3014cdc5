"""Pictures that excite a class or a channel, from noise or from a picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from flask import Blueprint, Response, request

from service import arguments
from service.errors import InvalidParameterError
from service.inspection import dreaming, explanation, layers, sheets
from service.routes.inside import Inside, answer, wanted_format
from service.routes.services import admit
from service.routes.versions import below_a_version, wanted

blueprint = Blueprint("dreaming", __name__)


@below_a_version(blueprint, "/maximize", "GET")
def maximize(name: str, version: str | None, label: str | None) -> Response:
    """A picture that excites a class, or a layer's channel, starting from faint noise.

    :raise ServiceError: there is no such version, class, layer or channel.
    """
    admit("predict")
    inside = Inside(wanted(name, version, label))
    seed = arguments.whole(request.args, "seed", 0, 0, 2**31 - 1)
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
    steps = arguments.whole(request.args, "steps", dreaming.STEPS_DEFAULT, 1, dreaming.STEPS_MAX)
    octaves = arguments.whole(request.args, "octaves", len(dreaming.OCTAVES), 1, len(dreaming.OCTAVES))
    form = wanted_format()
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
    return answer(
        form,
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
    return index, row, arguments.whole(request.args, "channel", 0, 0, layers.channels_of(row) - 1)
