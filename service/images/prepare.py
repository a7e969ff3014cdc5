"""A picture of a digit, however it was made → MNIST's canon: uint8 (28,28,1), white ink on black.

    picture → reduced → grey → evenly_lit → light_ink → off_the_card → cleaned
              light.py  colour   shade       polarity    card           ink
            → unstretched → cropped → thickened → thinned → fitted → centred
              strokes.py    ink       ink         strokes   canon    canon

Every step is array → array and can be used alone. A picture that is canonical, as it comes or with its polarity turned,
is left untouched, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from service.images.canon import SIDE_PX, centred, fitted, is_canonical
from service.images.card import off_the_card
from service.images.colour import grey
from service.images.ink import cleaned, cropped, thickened
from service.images.light import reduced
from service.images.polarity import light_ink
from service.images.shade import evenly_lit
from service.images.strokes import thinned, unstretched

Step = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]
Seen = tuple[tuple[str, npt.NDArray[np.uint8]], ...]

STEPS: Final[tuple[Step, ...]] = (
    reduced,
    grey,
    evenly_lit,
    light_ink,
    off_the_card,
    cleaned,
    unstretched,
    cropped,
    thickened,
    thinned,
    fitted,
    centred,
)


def prepare(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Bring a picture into MNIST's canon.

    :param picture: uint8 (H,W) grey or (H,W,3) RGB, of any size from 1×1 and either polarity.
    :return: uint8 (28,28,1); a view of `picture` where that is canonical already.
    :raise BlankPictureError: there is nothing on it.
    """
    *_, (_, prepared) = steps(picture)
    return prepared.reshape(SIDE_PX, SIDE_PX, 1)


def steps(picture: npt.NDArray[np.uint8]) -> Iterator[tuple[str, npt.NDArray[np.uint8]]]:
    """Each step's name and result, in order, ending early once the picture is canonical; the first is "given".

    :raise BlankPictureError: as `prepare`, when that step is reached.
    """
    yield "given", picture
    for step in STEPS:
        if is_canonical(picture):
            return
        picture = step(picture)
        yield step.__name__, picture
