"""The exception tree against its drawing, and the one shape of an error."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from service import errors
from service.description import error_types
from service.errors import ServiceError


def family(cls: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    """All classes below `cls`."""
    for child in cls.__subclasses__():
        yield child
        yield from family(child)


def drawing() -> dict[str, tuple[str | None, int | None, str | None]]:
    """Class → (parent, status, type), as the module's docstring draws them."""
    assert errors.__doc__
    drawn: dict[str, tuple[str | None, int | None, str | None]] = {}
    ancestors: list[tuple[int, str]] = []
    for line in errors.__doc__.splitlines():
        match = re.match(r"    (?P<tree>[│├└─ ]*)(?P<name>[A-Z]\w*Error)(\s+(?P<status>\d{3})\s+(?P<type>\w+))?", line)
        if match is None:
            continue
        depth = len(match["tree"])
        while ancestors and ancestors[-1][0] >= depth:
            ancestors.pop()
        status = int(match["status"]) if match["status"] else None
        drawn[match["name"]] = (ancestors[-1][1] if ancestors else None, status, match["type"])
        ancestors.append((depth, match["name"]))
    return drawn


DRAWN = drawing()
ANSWERED = [cls for cls in family() if DRAWN.get(cls.__name__, (None, None, None))[1] is not None]


def test_every_class_is_drawn_and_every_drawn_class_exists() -> None:
    assert set(DRAWN) == {"ServiceError"} | {cls.__name__ for cls in family()}


@pytest.mark.parametrize("cls", list(family()), ids=lambda cls: cls.__name__)
def test_each_class_is_as_drawn(cls: type[ServiceError]) -> None:
    parent, status, type_ = DRAWN[cls.__name__]
    assert [base.__name__ for base in cls.__bases__] == [parent]
    if status is not None:
        assert (cls.status, cls.type) == (status, type_)


def test_types_are_unique_and_each_is_described() -> None:
    types = [cls.type for cls in ANSWERED]
    assert len(set(types)) == len(types)
    assert error_types() == {cls.type: cls.status for cls in ANSWERED}


def test_the_shape() -> None:
    error = errors.WrongShapeError("it is round", field="images[3]")
    assert error.document("abc") == {
        "error": {"type": "wrong_shape", "message": "it is round", "field": "images[3]", "request_id": "abc"}
    }
    assert str(error) == "it is round"


def test_absent_parts_are_left_out() -> None:
    assert errors.NotReadyError("no").document() == {"error": {"type": "not_ready", "message": "no"}}


def test_the_part_at_fault_can_be_named_later() -> None:
    error = errors.BlankPictureError("nothing on it")
    assert error.at("files[2]") is error
    assert error.document()["error"]["field"] == "files[2]"
