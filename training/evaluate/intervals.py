"""How far a share of pictures can be trusted, and whether two models differ by more than luck."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

Z_95 = 1.959963984540054
"""The standard normal's 97.5 % quantile, hence that of a two-sided interval of 95 %."""


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """One model beside another on the same pictures: `difference` of their accuracies, in [-1, 1], with its interval.

    `p_value` is McNemar's, where it is known which picture which model reads wrongly; otherwise None, and the interval
    is that of two independent samples, which is wider than need be.
    """

    difference: float
    interval: Interval
    p_value: float | None = None

    @property
    def significant(self) -> bool:
        """Whether they differ at the level of 5 %."""
        if self.p_value is not None:
            return self.p_value < 0.05
        return not self.interval.low <= 0.0 <= self.interval.high


def wilson_interval(hits: int, total: int) -> Interval:
    """The 95 % interval of a share, from `hits` of `total`; [0, 1] when there is nothing.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927). Unlike the textbook's
    p ± z·√(p(1-p)/n) it holds near 100 %, where these shares lie.
    """
    if not total:
        return Interval(0.0, 1.0)
    share, z2 = hits / total, Z_95**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z_95 / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def unpaired_comparison(hits: int, other_hits: int, total: int, other_total: int) -> Comparison:
    """Two shares of which only the counts are known, the first minus the second.

    Source: Newcombe, "Interval Estimation for the Difference Between Independent Proportions" (1998), method 10.
    """
    share, other = hits / total, other_hits / other_total
    mine, theirs = wilson_interval(hits, total), wilson_interval(other_hits, other_total)
    below = math.hypot(share - mine.low, theirs.high - other)
    above = math.hypot(mine.high - share, other - theirs.low)
    return Comparison(share - other, Interval(share - other - below, share - other + above))


def paired_comparison(mistakes: Collection[int], other_mistakes: Collection[int], total: int) -> Comparison:
    """Two models that read the same `total` pictures, given which ones each reads wrongly.

    The p-value is McNemar's exact one: of the pictures that only one of them reads wrongly, each is the one's or the
    other's with even odds, if they are equally good. Source: McNemar, "Note on the Sampling Error of the Difference
    Between Correlated Proportions or Percentages" (1947); exact, by the binomial distribution. The interval is Wald's
    for matched pairs with half a picture added to each of the four counts, in the way of Agresti and Min, "Simple
    improved confidence intervals for comparing matched proportions" (2005).
    """
    only_mine = len(set(mistakes) - set(other_mistakes))
    only_theirs = len(set(other_mistakes) - set(mistakes))
    disagree = only_mine + only_theirs
    tail = sum(math.comb(disagree, count) for count in range(min(only_mine, only_theirs) + 1))
    p_value = min(1.0, 2 * tail / 2**disagree)
    count, mine, theirs = total + 2, only_mine + 0.5, only_theirs + 0.5
    middle = (theirs - mine) / count
    half = Z_95 * math.sqrt((mine + theirs) / count - middle**2) / math.sqrt(count)
    return Comparison((only_theirs - only_mine) / total, Interval(middle - half, middle + half), p_value)
