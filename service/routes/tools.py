"""Convolution and pooling of any picture: what the layers of a net do, by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, jsonify, request

from service.images.limits import PictureLimits
from service.inspection import describing, filtering, formats, requests, windows
from service.inspection.filtering import Array
from service.routes.inside import wanted_format
from service.routes.services import admit, body, services

blueprint = Blueprint("tools", __name__)
Work = Callable[[str, bytes, Mapping[str, str], PictureLimits], tuple[Array, Array]]


@blueprint.post("/convolve")
def convolve() -> Response:
    """A kernel over a picture: one output for each of its filters.

    :raise ServiceError: the picture or the kernel is at fault, or they do not fit.
    """
    return _worked(_convolved)


@blueprint.post("/pool")
def pool() -> Response:
    """The largest or mean value of each window of a picture.

    :raise ServiceError: the picture is at fault, or the windows do not fit.
    """
    return _worked(_pooled)


@blueprint.post("/describe")
def describe() -> Response:
    """What an architecture would cost: volumes, parameters, receptive fields, MACs and memory, layer by layer.

    :raise ServiceError: it is no architecture, or its layers do not fit.
    """
    admit("predict")
    return jsonify(describing.table(body()))


def _worked(work: Work) -> Response:
    admit("predict")
    ours = services()
    form = wanted_format()
    limits = PictureLimits(max_pixels=ours.settings.max_pixels)
    # A large picture takes as long to work on as a heavy one to be read.
    given, found = ours.heavy.wait_for(work, request.content_type or "", body(), request.args.to_dict(), limits)
    if form == "json":
        return jsonify(windows.document(found))
    made = formats.npy(found) if form == "npy" else windows.sheet(given, found)
    return Response(made, content_type=formats.MEDIA_TYPES[form])


def _convolved(content_type: str, data: bytes, query: Mapping[str, str], limits: PictureLimits) -> tuple[Array, Array]:
    asked = requests.convolve(content_type, data, query, limits)
    how = asked.windows
    found = filtering.convolved(asked.picture, asked.kernel, asked.bias, how.stride, how.padding, floor=how.floor)
    # One filter gives a plain picture, as by hand.
    return asked.picture, found[..., 0] if found.shape[2] == 1 else found


def _pooled(content_type: str, data: bytes, query: Mapping[str, str], limits: PictureLimits) -> tuple[Array, Array]:
    asked = requests.pool(content_type, data, query, limits)
    how = asked.windows
    found = filtering.pooled(asked.picture, asked.size, how.stride, how.padding, asked.kind, floor=how.floor)
    return asked.picture, found[..., 0] if asked.flat else found
