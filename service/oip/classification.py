"""Triton's classification extension: an output's best classes as texts `"score:index:label"`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Texts = npt.NDArray[np.object_]


def best_classes(values: npt.NDArray[Any], count: int, labels: Sequence[str]) -> Texts:
    """The `count` highest of each row of `values` (N, …), highest first, equal ones in order → texts (N, min(count, K)).

    A row is all that belongs to one of N; a single number is a row of one. `labels`: K names, or none to leave them out.
    """
    rows = values.reshape(len(values) if values.ndim else 1, -1)
    # Reversed twice, so that a stable sort in rising order leaves equal ones in theirs.
    best = rows.shape[1] - 1 - np.argsort(rows[:, ::-1], axis=1, kind="stable")[:, ::-1][:, :count]
    texts = np.empty(best.shape, dtype=object)
    whole = rows.dtype.kind != "f"
    for at, found in np.ndenumerate(best):
        index = int(found)
        value = rows[at[0], index]
        score = str(int(value)) if whole else f"{value:f}"  # six decimals, as Triton writes them
        texts[at] = f"{score}:{index}:{labels[index]}" if labels else f"{score}:{index}"
    return texts
