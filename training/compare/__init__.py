"""Models side by side, and the page of results that is made of nothing but such rows.

    models/<name>/<version> ─ card ─┐
    docs/results/*.json ─ record ───┴▶ rows ─▶ differences ─▶ table: text, Markdown, JSON; picture; page
    a data set at hand ─▶ rows scored anew;   stopwatch ─▶ latency

A record is a card without what is large, kept where the model itself is not. `experiments` trains what has none yet.
"""
