"""The pictures that a request's body holds, ready for a model: taken apart, decoded, prepared, each with its warnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from service import forms
from service.buffers import rejections
from service.errors import PayloadTooLargeError, ServiceError, UnsupportedMediaTypeError
from service.images import is_heavy as is_heavy_picture
from service.images import read_for, read_unprepared
from service.images.limits import PictureLimits
from service.router import Target
from service.settings import Settings

_LIGHT_NPY_BYTES = 2**20


class Posted(NamedTuple):
    """What came of a body."""

    images: npt.NDArray[np.uint8]
    """(N, *target.shape): the pictures that are well, in the order sent."""
    warnings: Sequence[Sequence[str]]
    """What was found wrong with each of them; none of it kept it from being read."""
    faults: dict[int, ServiceError]
    """By position among all pictures sent."""


def is_heavy(content_type: str, body: bytes) -> bool:
    """Whether reading it takes so long that it belongs in a thread."""
    try:
        kind = forms.kind_of(content_type, body)
    except ServiceError:
        return False  # refused at once
    if kind == "picture":
        return is_heavy_picture(body)
    return kind in ("json", "multipart") or (kind == "npy" and len(body) > _LIGHT_NPY_BYTES)


class PostedPictures:
    """Reads bodies within the limits of `settings`; see `service.forms` for what they may be."""

    def __init__(self, settings: Settings) -> None:
        self._max_pictures = settings.max_pictures
        self._limits = PictureLimits(max_pixels=settings.max_pixels)

    def read(self, content_type: str, body: bytes, target: Target, *, prepare: bool = True) -> Posted:
        """The pictures in `body`; unless told not to, encoded ones are prepared.

        :raise ServiceError: any of the input's faults, if none of its pictures is well.
        """
        shape = target.shape
        kind = forms.kind_of(content_type, body)
        if kind == "picture":
            try:
                image, warnings = self._read(body, target, prepare=prepare)
            except ServiceError as error:
                raise error.at("body") from None
            return Posted(image[np.newaxis], [warnings], {})
        if kind in ("raw", "npy"):
            images = forms.raw(body, shape) if kind == "raw" else forms.npy(body, shape)
            self._check_count(len(images))
            return Posted(images, [()] * len(images), {})
        if kind == "json":
            items = forms.json(body, shape)
            name = "images"
        else:
            items = forms.multipart(content_type, body, self._max_pictures)
            name = "files"
        self._check_count(len(items))
        good: list[tuple[npt.NDArray[np.uint8], Sequence[str]]] = []
        faults: dict[int, ServiceError] = {}
        for index, item in enumerate(items):
            try:
                if isinstance(item, ServiceError):
                    raise item
                good.append(self._read(item, target, prepare=prepare) if isinstance(item, bytes) else (item, ()))
            except ServiceError as error:
                faults[index] = error.at(f"{name}[{index}]")
        if not good:
            raise faults[0]
        for fault in faults.values():
            rejections.note(fault.type)
        return Posted(np.stack([image for image, _ in good]), [warnings for _, warnings in good], faults)

    def _read(self, data: bytes, target: Target, *, prepare: bool) -> tuple[npt.NDArray[np.uint8], Sequence[str]]:
        if not target.reads_pictures:
            raise UnsupportedMediaTypeError(
                f"{target.version.name}/{target.version.version} takes arrays only: no preparation of pictures is known for it"
            )
        if not prepare:
            return read_unprepared(data, target.shape, self._limits), ()
        return read_for(target.version.preparation, target.shape, data, self._limits)

    def _check_count(self, pictures: int) -> None:
        if pictures > self._max_pictures:
            raise PayloadTooLargeError(
                f"{pictures} pictures; at most {self._max_pictures} may be sent at once", field="body"
            )
