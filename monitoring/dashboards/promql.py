"""The few shapes that nearly every query has. `$interval` is the dashboards' variable; selectors stand without braces."""

from __future__ import annotations


def per_second(counter: str, selector: str = "", by: str = "") -> str:
    """Its rate, summed over all but the labels `by`, which are separated by commas."""
    return f"{_sum(by)}(rate({counter}{{{selector}}}[$interval]))"


def within(counter: str, selector: str = "", by: str = "") -> str:
    """How far it has risen within the interval, summed likewise."""
    return f"{_sum(by)}(increase({counter}{{{selector}}}[$interval]))"


def mean(histogram: str, selector: str = "", by: str = "") -> str:
    """Of what a histogram or summary observed within the interval."""
    return share(per_second(f"{histogram}_sum", selector, by), per_second(f"{histogram}_count", selector, by))


def quantile(q: str, histogram: str, selector: str = "", by: str = "") -> str:
    """The value that the part `q` of the observations did not exceed, as well as its buckets tell."""
    return f"histogram_quantile({q}, {buckets(histogram, selector, by)})"


def buckets(histogram: str, selector: str = "", by: str = "") -> str:
    """Observations a second up to each bound."""
    return per_second(f"{histogram}_bucket", selector, f"{by}, le" if by else "le")


def share(part: str, whole: str) -> str:
    """One as a part of the other; nothing while the whole is zero."""
    return f"{part} / ({whole} > 0)"


def _sum(by: str) -> str:
    return f"sum by ({by}) " if by else "sum"
