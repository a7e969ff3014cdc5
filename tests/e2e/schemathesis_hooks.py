"""Bodies that are no JSON, which `schemathesis` cannot make up from a schema: pictures and arrays of every kind."""

from __future__ import annotations

import io

import numpy as np
import schemathesis
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image


def _drawn(top: int) -> NDArray[np.uint8]:
    """A one, or with a bar on top a seven."""
    picture = np.zeros((28, 28), np.uint8)
    picture[4:24, 13:16] = 255
    picture[4:7, top:16] = 255
    return picture


def _file(picture: NDArray[np.uint8], kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind)
    return buffer.getvalue()


def _npy(array: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


_ONE, _SEVEN = _drawn(13), _drawn(5)

for _kind in ("png", "jpeg", "gif", "bmp", "webp", "tiff"):
    schemathesis.openapi.media_type(
        f"image/{_kind}",
        st.one_of(st.sampled_from([_file(_ONE, _kind), _file(_SEVEN, _kind)]), st.binary(max_size=64)),
    )
schemathesis.openapi.media_type(
    "application/x-npy",
    st.one_of(st.sampled_from([_npy(_ONE), _npy(np.stack([_ONE, _SEVEN]))]), st.binary(max_size=64)),
)
schemathesis.openapi.media_type(
    "application/octet-stream", st.one_of(st.sampled_from([_ONE.tobytes()]), st.binary(max_size=64))
)
