from __future__ import annotations

import re

import pytest

from service.request_ids import request_id


@pytest.mark.parametrize("sane", ["a", "0" * 128, "3f2a-77.b:c/d+e=f@g_h", "Root=1-67891233-abcdef012345678912345678"])
def test_a_sane_one_is_kept(sane: str) -> None:
    assert request_id(sane) == sane


@pytest.mark.parametrize(
    "other", [None, "", "0" * 129, "a b", "a\n", "a\r\nSet-Cookie: x", "é", "<script>", '"', "a,b"]
)
def test_any_other_is_replaced(other: str | None) -> None:
    made = request_id(other)
    assert made != other
    assert re.fullmatch("[0-9a-f]{16}", made)
    assert made != request_id(other)
