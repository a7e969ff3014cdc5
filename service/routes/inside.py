"""A version that is looked into: what it is asked, in which time, and in which form its answer goes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from flask import Response, g, jsonify, request

from service.catalogue import ModelVersion
from service.errors import DeadlineExceededError, NotApplicableError, WrongShapeError
from service.inspection import formats
from service.inspection.formats import Format
from service.posted import Posted, PostedPictures
from service.router import Target, Wanted
from service.routes.services import body, header_bytes, services

FORMATS: tuple[Format, ...] = ("json", "npy", "png")


class Inside:
    """A version that is looked into, and the time there is for it."""

    def __init__(self, asked: Wanted) -> None:
        ours = services()
        self.wanted = asked
        self.target: Target = ours.router.target(asked)
        self._ours = ours
        self._budget_seconds = ours.intake.budget_seconds(request.headers.get("X-Request-Timeout-Ms", ""))

    @property
    def version(self) -> ModelVersion:
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
        posted = self.pictures()
        if len(posted.images) + len(posted.faults) != 1:
            raise WrongShapeError("one picture at a time can be looked at", field="body")
        return posted.images

    def pictures(self) -> Posted:
        """All pictures in the request's body, as the model sees them.

        :raise ServiceError: as for a prediction.
        """
        reader = PostedPictures(self._ours.settings)
        content_type = header_bytes().get(b"content-type", b"").decode("latin-1")
        return self._ours.heavy.wait_for(reader.read, content_type, body(), self.target)

    def named(self) -> dict[str, Any]:
        """What begins every answer: which version it is of."""
        return {"model": self.version.name, "version": self.version.version}


def wanted_format() -> Format:
    """In which form the answer shall go out: what `?format=` says, else `Accept`.

    :raise InvalidParameterError: none of those that there are.
    """
    return formats.chosen(request.args.get("format"), request.accept_mimetypes.best_match, FORMATS)


def answer(
    form: Format,
    document: Callable[[], dict[str, Any]],
    array: Callable[[], npt.NDArray[Any]],
    picture: Callable[[], bytes],
) -> Response:
    """What was found, made in the form wanted: the other forms are never made."""
    if form == "json":
        return jsonify(document())
    made = formats.npy(array()) if form == "npy" else picture()
    return Response(made, content_type=formats.MEDIA_TYPES[form])
