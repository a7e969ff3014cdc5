"""Names beside points, moved apart where they would lie on one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.text import Annotation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

# Right, left, above, below, then ever further off the point, in points.
_OFFSETS = (
    (8, 0),
    (-8, 0),
    (0, 11),
    (0, -11),
    (8, 10),
    (8, -10),
    (-8, 10),
    (-8, -10),
    (0, 20),
    (0, -20),
    (8, 22),
    (8, -22),
)
_POINT_PX = 9.0


def place_labels(axes: Axes) -> None:
    """Give each annotation of `axes` the first place beside its point where it hides neither point nor name.

    The figure must have been laid out. Where no place is free, the first one is kept.
    """
    labels = [child for child in axes.get_children() if isinstance(child, Annotation)]
    taken = [_around(axes, label) for label in labels]
    frame = axes.get_window_extent()
    for label in labels:
        for offset in _OFFSETS:
            _move(label, offset)
            box = label.get_window_extent()
            if _inside(box, frame) and not any(box.overlaps(other) for other in taken):
                break
        else:
            _move(label, _OFFSETS[0])
        taken.append(label.get_window_extent())


def _around(axes: Axes, label: Annotation) -> Bbox:
    from matplotlib.transforms import Bbox

    x, y = axes.transData.transform(label.xy)
    return Bbox.from_bounds(x - _POINT_PX / 2, y - _POINT_PX / 2, _POINT_PX, _POINT_PX)


def _move(label: Annotation, offset: tuple[int, int]) -> None:
    label.set_position(offset)
    label.set_horizontalalignment("left" if offset[0] > 0 else "right" if offset[0] < 0 else "center")


def _inside(box: Bbox, frame: Bbox) -> bool:
    return bool(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1)
