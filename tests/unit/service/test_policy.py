from __future__ import annotations

import pytest

from service.engine.policy import Policy


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("latest:1", {10}),
        ("latest:2", {10, 9}),
        ("latest:99", {10, 9, 2}),
        ("all", {10, 9, 2}),
        ("specific:2", {2}),
        ("specific:2,9,77", {2, 9}),
    ],
)
def test_which_versions_are_wanted(policy: str, wanted: set[int]) -> None:
    assert Policy.parse(policy).wanted({2, 9, 10}, (), ()) == wanted


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [("latest:1", {9}), ("latest:2", {9, 2}), ("all", {10, 9, 2}), ("specific:10", {10})],
)
def test_a_refused_version_does_not_count_among_the_latest(policy: str, wanted: set[int]) -> None:
    assert Policy.parse(policy).wanted({2, 9, 10}, {10}, ()) == wanted


@pytest.mark.parametrize(("policy", "wanted"), [("latest:1", {10, 2}), ("specific:9", {9, 2}), ("all", {10, 9, 2})])
def test_what_is_labelled_is_wanted_too_if_it_is_there(policy: str, wanted: set[int]) -> None:
    assert Policy.parse(policy).wanted({2, 9, 10}, (), [2, 2, 77]) == wanted


def test_of_nothing_nothing_is_wanted() -> None:
    for policy in ("latest:1", "all", "specific:1"):
        assert Policy.parse(policy).wanted((), (), [1]) == set()


@pytest.mark.parametrize(
    "text",
    ["", "newest", "latest", "latest:", "latest:0", "latest:-1", "latest:1,2", "specific:", "specific:1,", "all:1"],
)
def test_what_is_no_policy(text: str) -> None:
    with pytest.raises(ValueError, match="is no version policy"):
        Policy.parse(text)
