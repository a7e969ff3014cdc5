"""One page about one version: HTML that needs nothing beside it, to read, to print and to keep.

    card ───────────────────────┐
    SavedModel ─ filters ───────┼▶ sections (SVG, tables, small PNGs) ─▶ page.html.jinja ─▶ report.html
    data set, when at hand ─────┘

`write_report` is the one way in. Needs Jinja and Pillow, and neither Keras nor matplotlib.
"""

from training.report.write import REPORT, write_report

__all__ = ["REPORT", "write_report"]
